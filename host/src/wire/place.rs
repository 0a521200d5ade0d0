//! Where a value stands: in guest memory, or in core values ("flat").

use std::mem::MaybeUninit;

use lattice_protocol::codec::Error;
use wasmtime::ValRaw;
use wasmtime::component::__internal::wasmtime_environ::component::{CanonicalAbiInfo, VariantInfo};
use wasmtime::component::__internal::{ComponentTypes, InterfaceType, LiftContext, LowerContext};

use super::fault::Stop;

/// Where a value is written to.
pub(super) enum Target<'a> {
    /// At this offset, which lies in memory with room for the value: it comes from the guest's
    /// allocator or is its return pointer, and wasmtime checked both.
    Memory(usize),
    /// Exactly as many slots as the value is flat.
    Flat(&'a mut [MaybeUninit<ValRaw>]),
}

/// Where a value is read from.
#[derive(Clone, Copy)]
pub(super) enum Origin<'a> {
    /// At this offset; whoever lifts checks it.
    Memory(usize),
    /// Exactly as many slots as the value is flat.
    Flat(&'a [ValRaw]),
}

impl Target<'_> {
    /// The place of a part of this value.
    pub(super) fn part(&mut self, part: Part) -> Result<Target<'_>, Stop> {
        Ok(match self {
            Target::Memory(offset) => Target::Memory(*offset + part.offset),
            Target::Flat(slots) => {
                let range = part.slot..part.slot + part.slots;
                Target::Flat(slots.get_mut(range).ok_or_else(shape)?)
            }
        })
    }

    /// Writes a scalar of `size` bytes, given as the bits of its widened value.
    pub(super) fn scalar<T: 'static>(
        self,
        cx: &mut LowerContext<'_, T>,
        bits: u64,
        size: usize,
    ) -> Result<(), Stop> {
        match self {
            Target::Memory(offset) => {
                let bytes = cx.as_slice_mut().get_mut(offset..offset + size);
                bytes
                    .ok_or_else(shape)?
                    .copy_from_slice(&bits.to_le_bytes()[..size]);
            }
            Target::Flat([slot]) => {
                // Slots that variants share between types are read wider than they were written, so
                // all 64 bits count; a 32-bit value is followed by zeroes.
                slot.write(match size {
                    8 => ValRaw::u64(bits),
                    _ => ValRaw::u64(bits & u64::from(u32::MAX)),
                });
            }
            Target::Flat(_) => return Err(shape()),
        }
        Ok(())
    }

    /// Fills what a variant's payload didn't: a trampoline reads every slot.
    pub(super) fn zero_after(&mut self, used: usize) {
        if let Target::Flat(slots) = self {
            for slot in slots.iter_mut().skip(used) {
                slot.write(ValRaw::u64(0));
            }
        }
    }
}

impl<'a> Origin<'a> {
    /// The place of a part of this value.
    pub(super) fn part(self, part: Part) -> Result<Self, Stop> {
        Ok(match self {
            Origin::Memory(offset) => Origin::Memory(offset.saturating_add(part.offset)),
            Origin::Flat(slots) => {
                let range = part.slot..part.slot + part.slots;
                Origin::Flat(slots.get(range).ok_or_else(shape)?)
            }
        })
    }

    /// Reads a scalar of `size` bytes; its upper bits are zero.
    pub(super) fn scalar(self, cx: &LiftContext<'_>, size: usize) -> Result<u64, Stop> {
        match self {
            Origin::Memory(offset) => {
                let end = offset.saturating_add(size);
                let bytes = cx.memory().get(offset..end).ok_or_else(out_of_bounds)?;
                let mut wide = [0; 8];
                wide[..size].copy_from_slice(bytes);
                Ok(u64::from_le_bytes(wide))
            }
            Origin::Flat([slot]) if size == 8 => Ok(slot.get_u64()),
            Origin::Flat([slot]) => Ok(slot.get_u32().into()),
            Origin::Flat(_) => Err(shape()),
        }
    }
}

/// A part of a value: its offset in memory, and its slots when flat.
#[derive(Debug, Clone, Copy)]
pub(super) struct Part {
    pub(super) offset: usize,
    pub(super) slot: usize,
    pub(super) slots: usize,
}

/// The parts of a record or tuple, in the order of declaration.
pub(super) struct Parts<'t> {
    types: &'t ComponentTypes,
    offset: u32,
    slot: usize,
}

impl<'t> Parts<'t> {
    pub(super) fn new(types: &'t ComponentTypes) -> Self {
        Self {
            types,
            offset: 0,
            slot: 0,
        }
    }

    pub(super) fn next(&mut self, ty: &InterfaceType) -> Part {
        let abi = self.types.canonical_abi(ty);
        // A type that isn't flat only ever stands in memory, where slots mean nothing.
        let slots = abi.flat_count.map_or(0, usize::from);
        let part = Part {
            offset: abi.next_field32(&mut self.offset) as usize,
            slot: self.slot,
            slots,
        };
        self.slot += slots;
        part
    }
}

/// The discriminant of a variant.
pub(super) fn discriminant(info: &VariantInfo) -> (Part, usize) {
    let part = Part {
        offset: 0,
        slot: 0,
        slots: 1,
    };
    (part, usize::from(info.size))
}

/// The payload of a variant, of this type.
pub(super) fn payload(info: &VariantInfo, abi: &CanonicalAbiInfo) -> Part {
    Part {
        offset: info.payload_offset32 as usize,
        slot: 1,
        slots: abi.flat_count.map_or(0, usize::from),
    }
}

/// The pointer and the length of a list or string.
pub(super) const POINTER: Part = Part {
    offset: 0,
    slot: 0,
    slots: 1,
};
pub(super) const LENGTH: Part = Part {
    offset: 4,
    slot: 1,
    slots: 1,
};

/// The size in bytes of a scalar type; none for every other type.
pub(super) fn scalar_size(ty: InterfaceType) -> Option<usize> {
    match ty {
        InterfaceType::Bool | InterfaceType::U8 | InterfaceType::S8 => Some(1),
        InterfaceType::U16 | InterfaceType::S16 => Some(2),
        InterfaceType::U32 | InterfaceType::S32 => Some(4),
        InterfaceType::Float32 | InterfaceType::Char => Some(4),
        InterfaceType::U64 | InterfaceType::S64 | InterfaceType::Float64 => Some(8),
        _ => None,
    }
}

pub(super) fn out_of_bounds() -> Stop {
    Error::new("points outside the guest's memory").into()
}

/// The types and the places disagree: only a change inside wasmtime could do that.
pub(super) fn shape() -> Stop {
    Error::new("the value's place does not have the shape of its type").into()
}

/// The size in bytes of so many flags, which must fit one core value: the component model allows 32.
pub(super) fn flags_size(flags: usize) -> Result<usize, Error> {
    match flags {
        0 => Ok(0),
        1..=8 => Ok(1),
        9..=16 => Ok(2),
        17..=32 => Ok(4),
        more => Err(Error::new(format!("{more} flags are more than 32"))),
    }
}
