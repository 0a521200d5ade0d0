//! What is one of several: variants, enums, options, results; and flags, which are some of several.

use lattice_protocol::codec::{Error, Reader, names};
use wasmtime::component::__internal::wasmtime_environ::component::{
    TypeEnum, TypeFlags, TypeOption, TypeResult, TypeVariant, VariantInfo,
};
use wasmtime::component::__internal::{InterfaceType, LowerContext};

use super::super::can_be_nil;
use super::super::fault::Stop;
use super::super::place::{Target, discriminant, flags_size, payload};
use super::lower;

pub(super) fn variant<T: 'static>(
    cx: &mut LowerContext<'_, T>,
    variant: &TypeVariant,
    reader: &mut Reader<'_>,
    to: Target<'_>,
) -> Result<(), Stop> {
    let bare = reader.is_str();
    if !bare && reader.map("variant (\"case\" or {\"case\": payload})")? != 1 {
        return Err(Error::new("expected exactly one case of the variant").into());
    }
    let name = reader.str()?;
    let Some((index, _, ty)) = variant.cases.get_full(name) else {
        let known = variant.cases.keys().map(String::as_str);
        return Err(Error::unknown("case", name, known).into());
    };
    match ty {
        Some(_) if bare => {
            Err(Error::new(format!("case {name:?} needs a payload: {{{name:?}: …}}")).into())
        }
        Some(ty) => case(cx, &variant.info, index, Some((*ty, reader)), to)
            .map_err(|stop| stop.at(|e| e.in_field(name))),
        None if bare || reader.nil() => case(cx, &variant.info, index, None, to),
        None => Err(Error::new(format!("case {name:?} has no payload")).into()),
    }
}

pub(super) fn enumeration<T: 'static>(
    cx: &mut LowerContext<'_, T>,
    cases: &TypeEnum,
    reader: &mut Reader<'_>,
    to: Target<'_>,
) -> Result<(), Stop> {
    let known = || cases.names.iter().map(String::as_str);
    if !reader.is_str() {
        return Err(reader
            .mismatch(&format!("one of: {}", names(known())))
            .into());
    }
    let name = reader.str()?;
    match cases.names.get_index_of(name) {
        Some(index) => case(cx, &cases.info, index, None, to),
        None => Err(Error::unknown("case", name, known()).into()),
    }
}

pub(super) fn option<T: 'static>(
    cx: &mut LowerContext<'_, T>,
    option: &TypeOption,
    reader: &mut Reader<'_>,
    to: Target<'_>,
) -> Result<(), Stop> {
    if reader.nil() {
        return none(cx, &option.info, to);
    }
    if can_be_nil(option.ty) && reader.array("null or [value]")? != 1 {
        return Err(Error::new("expected null or [value]").into());
    }
    case(cx, &option.info, 1, Some((option.ty, reader)), to)
}

pub(super) fn none<T: 'static>(
    cx: &mut LowerContext<'_, T>,
    info: &VariantInfo,
    to: Target<'_>,
) -> Result<(), Stop> {
    case(cx, info, 0, None, to)
}

pub(super) fn result<T: 'static>(
    cx: &mut LowerContext<'_, T>,
    result: &TypeResult,
    reader: &mut Reader<'_>,
    to: Target<'_>,
) -> Result<(), Stop> {
    result_by(cx, result, reader, to, |cx, _, ty, reader, place| {
        lower(cx, ty, reader, place)
    })
}

/// The same, whose payload is lowered by `inner`; it is told whether that is the one of `ok`.
pub(in crate::wire) fn result_by<T: 'static>(
    cx: &mut LowerContext<'_, T>,
    result: &TypeResult,
    reader: &mut Reader<'_>,
    to: Target<'_>,
    inner: impl FnOnce(
        &mut LowerContext<'_, T>,
        bool,
        InterfaceType,
        &mut Reader<'_>,
        Target<'_>,
    ) -> Result<(), Stop>,
) -> Result<(), Stop> {
    if reader.map("result ({\"ok\": …} or {\"err\": …})")? != 1 {
        return Err(Error::new("expected exactly one of ok and err").into());
    }
    let name = reader.str()?;
    let (index, ty) = match name {
        "ok" => (0, result.ok),
        "err" => (1, result.err),
        _ => return Err(Error::unknown("case", name, ["ok", "err"].into_iter()).into()),
    };
    let payload = match ty {
        Some(ty) => Some((ty, reader)),
        None if reader.nil() => None,
        None => return Err(Stop::from(reader.mismatch("null")).at(|e| e.in_field(name))),
    };
    let inner = |cx: &mut LowerContext<'_, T>, ty, reader: &mut Reader<'_>, place: Target<'_>| {
        inner(cx, index == 0, ty, reader, place)
    };
    case_by(cx, &result.info, index, payload, to, inner)
        .map_err(|stop| stop.at(|e| e.in_field(name)))
}

pub(super) fn flags<T: 'static>(
    cx: &mut LowerContext<'_, T>,
    flags: &TypeFlags,
    reader: &mut Reader<'_>,
    to: Target<'_>,
) -> Result<(), Stop> {
    let size = flags_size(flags.names.len())?;
    let mut bits = 0_u64;
    for index in 0..reader.array("flags (an array of names)")? {
        let name = reader.str().map_err(|error| error.in_item(index))?;
        let known = || flags.names.iter().map(String::as_str);
        match flags.names.get_index_of(name) {
            Some(bit) => bits |= 1 << bit,
            None => return Err(Error::unknown("flag", name, known()).into()),
        }
    }
    match size {
        0 => Ok(()),
        size => to.scalar(cx, bits, size),
    }
}

/// A discriminant, and the payload after it.
fn case<T: 'static>(
    cx: &mut LowerContext<'_, T>,
    info: &VariantInfo,
    index: usize,
    value: Option<(InterfaceType, &mut Reader<'_>)>,
    to: Target<'_>,
) -> Result<(), Stop> {
    case_by(cx, info, index, value, to, lower)
}

fn case_by<T: 'static>(
    cx: &mut LowerContext<'_, T>,
    info: &VariantInfo,
    index: usize,
    value: Option<(InterfaceType, &mut Reader<'_>)>,
    mut to: Target<'_>,
    inner: impl FnOnce(
        &mut LowerContext<'_, T>,
        InterfaceType,
        &mut Reader<'_>,
        Target<'_>,
    ) -> Result<(), Stop>,
) -> Result<(), Stop> {
    let (part, size) = discriminant(info);
    to.part(part)?.scalar(cx, index as u64, size)?;
    let mut used = 1;
    if let Some((ty, reader)) = value {
        let part = payload(info, cx.types.canonical_abi(&ty));
        inner(cx, ty, reader, to.part(part)?)?;
        used += part.slots;
    }
    to.zero_after(used);
    Ok(())
}
