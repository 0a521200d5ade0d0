//! What is one of several: variants, enums, options, results; and flags, which are some of several.

use lattice_protocol::codec::Error;
use wasmtime::component::__internal::wasmtime_environ::component::{
    TypeEnum, TypeFlags, TypeOption, TypeResult, TypeVariant, VariantInfo,
};
use wasmtime::component::__internal::{InterfaceType, LiftContext};

use super::super::can_be_nil;
use super::super::fault::Stop;
use super::super::flow::Lifted;
use super::super::place::{Origin, discriminant, flags_size, payload};
use super::{lift, name};

pub(super) fn variant(
    cx: &mut LiftContext<'_>,
    variant: &TypeVariant,
    from: Origin<'_>,
    out: &mut Lifted,
) -> Result<(), Stop> {
    let index = case(cx, &variant.info, from)?;
    let Some((label, ty)) = variant.cases.get_index(index) else {
        return Err(no_case(index, variant.cases.len()));
    };
    let Some(ty) = ty else {
        return name(cx, label, out);
    };
    out.map(1);
    name(cx, label, out)?;
    inner(cx, &variant.info, *ty, from, out).map_err(|stop| stop.at(|e| e.in_field(label)))
}

pub(super) fn enumeration(
    cx: &mut LiftContext<'_>,
    cases: &TypeEnum,
    from: Origin<'_>,
    out: &mut Lifted,
) -> Result<(), Stop> {
    let index = case(cx, &cases.info, from)?;
    if index >= cases.names.len() {
        return Err(no_case(index, cases.names.len()));
    }
    name(cx, &cases.names[index], out)
}

pub(super) fn option(
    cx: &mut LiftContext<'_>,
    option: &TypeOption,
    from: Origin<'_>,
    out: &mut Lifted,
) -> Result<(), Stop> {
    match case(cx, &option.info, from)? {
        0 => {
            out.nil();
            Ok(())
        }
        1 => {
            if can_be_nil(option.ty) {
                out.array(1);
            }
            inner(cx, &option.info, option.ty, from, out)
        }
        index => Err(no_case(index, 2)),
    }
}

pub(super) fn result(
    cx: &mut LiftContext<'_>,
    result: &TypeResult,
    from: Origin<'_>,
    out: &mut Lifted,
) -> Result<(), Stop> {
    let (label, ty) = match case(cx, &result.info, from)? {
        0 => ("ok", result.ok),
        1 => ("err", result.err),
        index => return Err(no_case(index, 2)),
    };
    out.map(1);
    name(cx, label, out)?;
    match ty {
        Some(ty) => {
            inner(cx, &result.info, ty, from, out).map_err(|stop| stop.at(|e| e.in_field(label)))
        }
        None => {
            out.nil();
            Ok(())
        }
    }
}

pub(super) fn flags(
    cx: &mut LiftContext<'_>,
    flags: &TypeFlags,
    from: Origin<'_>,
    out: &mut Lifted,
) -> Result<(), Stop> {
    let bits = match flags_size(flags.names.len())? {
        0 => 0,
        size => from.scalar(cx, size)?,
    };
    // Bits that have no name are dropped, as the canonical ABI says.
    let set = || {
        let named = flags.names.iter().enumerate();
        named.filter(move |(bit, _)| bits >> bit & 1 == 1)
    };
    out.array(u32::try_from(set().count()).map_err(wasmtime::Error::from)?);
    for (_, label) in set() {
        name(cx, label, out)?;
    }
    Ok(())
}

fn case(cx: &LiftContext<'_>, info: &VariantInfo, from: Origin<'_>) -> Result<usize, Stop> {
    let (part, size) = discriminant(info);
    let bits = from.part(part)?.scalar(cx, size)?;
    Ok(usize::try_from(bits).map_err(wasmtime::Error::from)?)
}

fn inner(
    cx: &mut LiftContext<'_>,
    info: &VariantInfo,
    ty: InterfaceType,
    from: Origin<'_>,
    out: &mut Lifted,
) -> Result<(), Stop> {
    let part = payload(info, cx.types.canonical_abi(&ty));
    lift(cx, ty, from.part(part)?, out)
}

fn no_case(index: usize, cases: usize) -> Stop {
    Error::new(format!("discriminant {index} of a type with {cases} cases")).into()
}
