//! What lives behind a pointer: strings, lists and maps.

use lattice_protocol::codec::Error;
use wasmtime::ValRaw;
use wasmtime::component::__internal::wasmtime_environ::component::{StringEncoding, TypeMap};
use wasmtime::component::__internal::{InterfaceType, LiftContext};
use wasmtime::component::Lift;

use super::super::fault::Stop;
use super::super::flow::Lifted;
use super::super::place::{LENGTH, Origin, POINTER, out_of_bounds};
use super::lift;

pub(super) fn string(
    cx: &mut LiftContext<'_>,
    from: Origin<'_>,
    out: &mut Lifted,
) -> Result<(), Stop> {
    let (pointer, len) = pair(cx, from)?;
    if cx.options().string_encoding == StringEncoding::Utf8 {
        let bytes = slice(cx, pointer, len, 1, 1)?;
        let text =
            std::str::from_utf8(bytes).map_err(|_| Error::new("string is not valid UTF-8"))?;
        out.str(text);
        return Ok(());
    }
    // The guest chooses its encoding of strings; wasmtime knows them all.
    let pair = [ValRaw::u64(pointer as u64), ValRaw::u64(len as u64)];
    let text = String::linear_lift_from_flat(cx, InterfaceType::String, &pair)?;
    out.str(&text);
    Ok(())
}

pub(super) fn list(
    cx: &mut LiftContext<'_>,
    element: InterfaceType,
    from: Origin<'_>,
    out: &mut Lifted,
) -> Result<(), Stop> {
    let (pointer, len) = pair(cx, from)?;
    let abi = cx.types.canonical_abi(&element);
    let (size, align) = (abi.size32 as usize, abi.align32 as usize);
    let bytes = slice(cx, pointer, len, size, align)?;
    if matches!(element, InterfaceType::U8) {
        out.bytes(bytes);
        return Ok(());
    }
    out.array(u32::try_from(len).map_err(wasmtime::Error::from)?);
    for index in 0..len {
        let place = Origin::Memory(pointer + index * size);
        lift(cx, element, place, out).map_err(|stop| stop.at(|e| e.in_item(index)))?;
    }
    Ok(())
}

/// See the counterpart in `lower` for the two forms.
pub(super) fn map(
    cx: &mut LiftContext<'_>,
    map: &TypeMap,
    from: Origin<'_>,
    out: &mut Lifted,
) -> Result<(), Stop> {
    let (pointer, len) = pair(cx, from)?;
    let size = map.entry_abi.size32 as usize;
    slice(cx, pointer, len, size, map.entry_abi.align32 as usize)?;
    let count = u32::try_from(len).map_err(wasmtime::Error::from)?;
    let by_name = matches!(map.key, InterfaceType::String);
    match by_name {
        true => out.map(count),
        false => out.array(count),
    }
    for index in 0..len {
        let entry = pointer + index * size;
        let value = entry + map.value_offset32 as usize;
        if !by_name {
            out.array(2);
        }
        lift(cx, map.key, Origin::Memory(entry), out)
            .and_then(|()| lift(cx, map.value, Origin::Memory(value), out))
            .map_err(|stop| stop.at(|e| e.in_item(index)))?;
    }
    Ok(())
}

fn pair(cx: &LiftContext<'_>, from: Origin<'_>) -> Result<(usize, usize), Stop> {
    let pointer = from.part(POINTER)?.scalar(cx, 4)?;
    let len = from.part(LENGTH)?.scalar(cx, 4)?;
    // On a host of 32 bits as on one of 64, both came from 32 bits.
    Ok((pointer as usize, len as usize))
}

/// The memory of `len` elements, checked and charged. An element of no size still costs: the host
/// writes something for each.
fn slice<'a>(
    cx: &mut LiftContext<'a>,
    pointer: usize,
    len: usize,
    size: usize,
    align: usize,
) -> Result<&'a [u8], Stop> {
    if !pointer.is_multiple_of(align) {
        return Err(Error::new("pointer is not aligned").into());
    }
    let end = len
        .checked_mul(size)
        .and_then(|bytes| pointer.checked_add(bytes))
        .ok_or_else(out_of_bounds)?;
    let bytes = cx.memory().get(pointer..end).ok_or_else(out_of_bounds)?;
    cx.consume_fuel_array(len, size.max(1))?;
    Ok(bytes)
}
