//! From the guest into MessagePack, following the type.
//!
//! Nothing here is believed: every read of memory is checked, and all that is written is charged to
//! the store's hostcall fuel, names included, so that a small guest can't have the host write much.

mod cases;
mod list;

use lattice_protocol::codec::Error;
use wasmtime::component::__internal::wasmtime_environ::component::TypeRecord;
use wasmtime::component::__internal::{InterfaceType, LiftContext};

use super::fault::Stop;
use super::flow::Lifted;
use super::place::{Origin, Parts, scalar_size};

/// Reads one value of type `ty` from its place and writes it.
pub(super) fn lift(
    cx: &mut LiftContext<'_>,
    ty: InterfaceType,
    from: Origin<'_>,
    out: &mut Lifted,
) -> Result<(), Stop> {
    if let Some(size) = scalar_size(ty) {
        let bits = from.scalar(cx, size)?;
        return Ok(scalar(ty, bits, out)?);
    }
    let types = cx.types;
    match ty {
        InterfaceType::String => list::string(cx, from, out),
        InterfaceType::List(i) => list::list(cx, types[i].element, from, out),
        InterfaceType::Map(i) => list::map(cx, &types[i], from, out),
        InterfaceType::Record(i) => record(cx, &types[i], from, out),
        InterfaceType::Tuple(i) => elements(cx, types[i].types.iter(), from, out),
        InterfaceType::FixedLengthList(i) => {
            let element = types[i].element;
            let len = usize::try_from(types[i].size).map_err(wasmtime::Error::from)?;
            cx.consume_fuel(len)?;
            elements(cx, std::iter::repeat_n(&element, len), from, out)
        }
        InterfaceType::Variant(i) => cases::variant(cx, &types[i], from, out),
        InterfaceType::Enum(i) => cases::enumeration(cx, &types[i], from, out),
        InterfaceType::Option(i) => cases::option(cx, &types[i], from, out),
        InterfaceType::Result(i) => cases::result(cx, &types[i], from, out),
        InterfaceType::Flags(i) => cases::flags(cx, &types[i], from, out),
        InterfaceType::Stream(_) | InterfaceType::Future(_) => out.flow(cx, ty, from),
        _ => Err(super::cannot_travel()),
    }
}

/// An array of these types, as parameters, tuples and fixed lists are.
pub(super) fn elements<'t>(
    cx: &mut LiftContext<'_>,
    members: impl ExactSizeIterator<Item = &'t InterfaceType>,
    from: Origin<'_>,
    out: &mut Lifted,
) -> Result<(), Stop> {
    out.array(u32::try_from(members.len()).map_err(wasmtime::Error::from)?);
    let mut parts = Parts::new(cx.types);
    for (index, ty) in members.enumerate() {
        let place = from.part(parts.next(ty))?;
        lift(cx, *ty, place, out).map_err(|stop| stop.at(|e| e.in_item(index)))?;
    }
    Ok(())
}

/// A scalar from its bits; what lies above its size is not looked at.
fn scalar(ty: InterfaceType, bits: u64, out: &mut Lifted) -> Result<(), Error> {
    let signed = bits.cast_signed();
    match ty {
        InterfaceType::Bool => out.bool(bits != 0),
        InterfaceType::U8 => out.unsigned((bits as u8).into()),
        InterfaceType::U16 => out.unsigned((bits as u16).into()),
        InterfaceType::U32 => out.unsigned((bits as u32).into()),
        InterfaceType::U64 => out.unsigned(bits),
        InterfaceType::S8 => out.signed((signed as i8).into()),
        InterfaceType::S16 => out.signed((signed as i16).into()),
        InterfaceType::S32 => out.signed((signed as i32).into()),
        InterfaceType::S64 => out.signed(signed),
        InterfaceType::Float32 => out.f32(f32::from_bits(bits as u32)),
        InterfaceType::Float64 => out.f64(f64::from_bits(bits)),
        _ => {
            let code = bits as u32;
            let char = char::from_u32(code)
                .ok_or_else(|| Error::new(format!("{code:#x} is not a character")))?;
            out.str(char.encode_utf8(&mut [0; 4]));
        }
    }
    Ok(())
}

fn record(
    cx: &mut LiftContext<'_>,
    record: &TypeRecord,
    from: Origin<'_>,
    out: &mut Lifted,
) -> Result<(), Stop> {
    out.map(u32::try_from(record.fields.len()).map_err(wasmtime::Error::from)?);
    let mut parts = Parts::new(cx.types);
    for field in &record.fields {
        name(cx, &field.name, out)?;
        let place = from.part(parts.next(&field.ty))?;
        lift(cx, field.ty, place, out).map_err(|stop| stop.at(|e| e.in_field(&field.name)))?;
    }
    Ok(())
}

/// A name that the type gives: a byte in memory can stand for a long one.
fn name(cx: &mut LiftContext<'_>, name: &str, out: &mut Lifted) -> Result<(), Stop> {
    cx.consume_fuel(name.len())?;
    out.str(name);
    Ok(())
}
