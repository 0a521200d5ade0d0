//! What lives behind a pointer: strings, lists and maps.

use std::mem::MaybeUninit;

use lattice_protocol::codec::{Error, Reader};
use wasmtime::ValRaw;
use wasmtime::component::__internal::wasmtime_environ::component::TypeMap;
use wasmtime::component::__internal::{InterfaceType, LowerContext};
use wasmtime::component::Lower;

use super::super::fault::Stop;
use super::super::place::{LENGTH, POINTER, Target, scalar_size, shape};
use super::{lower, scalar};

pub(super) fn string<T: 'static>(
    cx: &mut LowerContext<'_, T>,
    reader: &mut Reader<'_>,
    to: Target<'_>,
) -> Result<(), Stop> {
    let text = reader.str()?;
    // The guest chooses its encoding of strings; wasmtime knows them all.
    let mut pair = MaybeUninit::new([ValRaw::u64(0); 2]);
    text.linear_lower_to_flat(cx, InterfaceType::String, &mut pair)?;
    // SAFETY: it was initialised two lines above.
    let [pointer, len] = unsafe { pair.assume_init() };
    pair_to(cx, pointer.get_u32() as usize, len.get_u32() as usize, to)
}

pub(super) fn list<T: 'static>(
    cx: &mut LowerContext<'_, T>,
    element: InterfaceType,
    reader: &mut Reader<'_>,
    to: Target<'_>,
) -> Result<(), Stop> {
    if matches!(element, InterfaceType::U8) {
        let bytes = reader.bytes()?;
        let pointer = cx.realloc(0, 0, 1, bytes.len())?;
        slice(cx, pointer, bytes.len())?.copy_from_slice(&bytes);
        return pair_to(cx, pointer, bytes.len(), to);
    }
    let len = reader.array("list (an array)")?;
    let abi = cx.types.canonical_abi(&element);
    let (size, align) = (abi.size32 as usize, abi.align32);
    let pointer = cx.realloc(0, 0, align, bytes_of(len, size)?)?;
    match scalar_size(element) {
        Some(size) => scalars(cx, element, reader, pointer, len, size)?,
        None => {
            for index in 0..len {
                let place = Target::Memory(pointer + index * size);
                lower(cx, element, reader, place).map_err(|stop| stop.at(|e| e.in_item(index)))?;
            }
        }
    }
    pair_to(cx, pointer, len, to)
}

/// A map as a map if its keys are strings, otherwise as an array of `[key, value]`: JSON has no other
/// keys.
pub(super) fn map<T: 'static>(
    cx: &mut LowerContext<'_, T>,
    map: &TypeMap,
    reader: &mut Reader<'_>,
    to: Target<'_>,
) -> Result<(), Stop> {
    let by_name = matches!(map.key, InterfaceType::String);
    let len = match by_name {
        true => reader.map("map")?,
        false => reader.array("map (an array of [key, value])")?,
    };
    let size = map.entry_abi.size32 as usize;
    let pointer = cx.realloc(0, 0, map.entry_abi.align32, bytes_of(len, size)?)?;
    for index in 0..len {
        let entry = pointer + index * size;
        let value = entry + map.value_offset32 as usize;
        if !by_name && reader.array("[key, value]")? != 2 {
            return Err(Stop::from(Error::new("expected [key, value]")).at(|e| e.in_item(index)));
        }
        lower(cx, map.key, reader, Target::Memory(entry))
            .and_then(|()| lower(cx, map.value, reader, Target::Memory(value)))
            .map_err(|stop| stop.at(|e| e.in_item(index)))?;
    }
    pair_to(cx, pointer, len, to)
}

/// Scalars allocate nothing, so that the memory is looked up once for all of them.
fn scalars<T: 'static>(
    cx: &mut LowerContext<'_, T>,
    element: InterfaceType,
    reader: &mut Reader<'_>,
    pointer: usize,
    len: usize,
    size: usize,
) -> Result<(), Stop> {
    let memory = slice(cx, pointer, bytes_of(len, size)?)?;
    for (index, place) in memory.chunks_exact_mut(size).enumerate() {
        let bits = scalar(element, reader).map_err(|error| error.in_item(index))?;
        place.copy_from_slice(&bits.to_le_bytes()[..size]);
    }
    Ok(())
}

fn slice<'c, T: 'static>(
    cx: &'c mut LowerContext<'_, T>,
    pointer: usize,
    len: usize,
) -> Result<&'c mut [u8], Stop> {
    let end = pointer.saturating_add(len);
    cx.as_slice_mut().get_mut(pointer..end).ok_or_else(shape)
}

fn bytes_of(len: usize, size: usize) -> Result<usize, Error> {
    len.checked_mul(size)
        .ok_or_else(|| Error::new(format!("a list of {len} is too long")))
}

fn pair_to<T: 'static>(
    cx: &mut LowerContext<'_, T>,
    pointer: usize,
    len: usize,
    mut to: Target<'_>,
) -> Result<(), Stop> {
    to.part(POINTER)?.scalar(cx, pointer as u64, 4)?;
    to.part(LENGTH)?.scalar(cx, len as u64, 4)
}
