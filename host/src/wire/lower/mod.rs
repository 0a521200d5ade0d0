//! From MessagePack into the guest, following the type.

pub(super) mod cases;
mod list;
mod record;

use lattice_protocol::codec::{Error, Reader};
use wasmtime::component::__internal::{InterfaceType, LowerContext};

use super::fault::Stop;
use super::place::{Parts, Target, scalar_size};

/// Reads one value of type `ty` and writes it to its place.
pub(super) fn lower<T: 'static>(
    cx: &mut LowerContext<'_, T>,
    ty: InterfaceType,
    reader: &mut Reader<'_>,
    to: Target<'_>,
) -> Result<(), Stop> {
    if let Some(size) = scalar_size(ty) {
        let bits = scalar(ty, reader)?;
        return to.scalar(cx, bits, size);
    }
    let types = cx.types;
    match ty {
        InterfaceType::String => list::string(cx, reader, to),
        InterfaceType::List(i) => list::list(cx, types[i].element, reader, to),
        InterfaceType::Map(i) => list::map(cx, &types[i], reader, to),
        InterfaceType::Record(i) => record::record(cx, &types[i], reader, to),
        InterfaceType::Tuple(i) => tuple(cx, &types[i].types, reader, to),
        InterfaceType::FixedLengthList(i) => {
            let element = types[i].element;
            let len = usize::try_from(types[i].size).map_err(wasmtime::Error::from)?;
            elements(cx, std::iter::repeat_n(&element, len), reader, to)
        }
        InterfaceType::Variant(i) => cases::variant(cx, &types[i], reader, to),
        InterfaceType::Enum(i) => cases::enumeration(cx, &types[i], reader, to),
        InterfaceType::Option(i) => cases::option(cx, &types[i], reader, to),
        InterfaceType::Result(i) => cases::result(cx, &types[i], reader, to),
        InterfaceType::Flags(i) => cases::flags(cx, &types[i], reader, to),
        _ => Err(super::cannot_travel()),
    }
}

/// Writes `none` for a value that was left out, or says that it must not be.
pub(super) fn absent<T: 'static>(
    cx: &mut LowerContext<'_, T>,
    ty: InterfaceType,
    to: Target<'_>,
) -> Result<(), Stop> {
    match ty {
        InterfaceType::Option(i) => cases::none(cx, &cx.types[i].info, to),
        _ => Err(Error::new("is missing").into()),
    }
}

/// A scalar as the bits of its widened value: signs extended, floats by their bits.
fn scalar(ty: InterfaceType, reader: &mut Reader<'_>) -> Result<u64, Error> {
    Ok(match ty {
        InterfaceType::Bool => u64::from(reader.bool()?),
        InterfaceType::U8 => reader.integer::<u8>()?.into(),
        InterfaceType::U16 => reader.integer::<u16>()?.into(),
        InterfaceType::U32 => reader.integer::<u32>()?.into(),
        InterfaceType::U64 => reader.integer::<u64>()?,
        InterfaceType::S8 => i64::from(reader.integer::<i8>()?).cast_unsigned(),
        InterfaceType::S16 => i64::from(reader.integer::<i16>()?).cast_unsigned(),
        InterfaceType::S32 => i64::from(reader.integer::<i32>()?).cast_unsigned(),
        InterfaceType::S64 => reader.integer::<i64>()?.cast_unsigned(),
        InterfaceType::Float32 => reader.f32()?.to_bits().into(),
        InterfaceType::Float64 => reader.f64()?.to_bits(),
        _ => u32::from(reader.char()?).into(),
    })
}

fn tuple<T: 'static>(
    cx: &mut LowerContext<'_, T>,
    members: &[InterfaceType],
    reader: &mut Reader<'_>,
    to: Target<'_>,
) -> Result<(), Stop> {
    elements(cx, members.iter(), reader, to)
}

/// An array of exactly these types.
fn elements<'t, T: 'static>(
    cx: &mut LowerContext<'_, T>,
    members: impl ExactSizeIterator<Item = &'t InterfaceType>,
    reader: &mut Reader<'_>,
    to: Target<'_>,
) -> Result<(), Stop> {
    elements_by(cx, members, reader, to, |cx, _, ty, reader, place| {
        lower(cx, ty, reader, place)
    })
}

/// The same, each of which is lowered by `inner`; it is told which one it is.
pub(super) fn elements_by<'t, T: 'static>(
    cx: &mut LowerContext<'_, T>,
    members: impl ExactSizeIterator<Item = &'t InterfaceType>,
    reader: &mut Reader<'_>,
    mut to: Target<'_>,
    mut inner: impl FnMut(
        &mut LowerContext<'_, T>,
        usize,
        InterfaceType,
        &mut Reader<'_>,
        Target<'_>,
    ) -> Result<(), Stop>,
) -> Result<(), Stop> {
    let given = reader.array("array")?;
    if given != members.len() {
        let wanted = format!("an array of {}", members.len());
        return Err(Error::expected(wanted, given).into());
    }
    let mut parts = Parts::new(cx.types);
    for (index, ty) in members.enumerate() {
        let place = to.part(parts.next(ty))?;
        inner(cx, index, *ty, reader, place).map_err(|stop| stop.at(|e| e.in_item(index)))?;
    }
    Ok(())
}
