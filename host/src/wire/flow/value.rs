//! One element of a stream on its way in or out of a guest.

use std::cell::Cell;
use std::mem::MaybeUninit;

use bytes::Bytes;
use lattice_protocol::codec::{Encoding, Reader};
use wasmtime::component::__internal::{
    CanonicalAbiInfo, InstanceType, InterfaceType, LiftContext, LowerContext,
};
use wasmtime::component::{ComponentType, Lift, Lower};
use wasmtime::{ValRaw, bail};

use super::super::fault::{Passed, Replied, Stop};
use super::super::lift::lift;
use super::super::lower::lower;
use super::super::place::{Origin, Target, out_of_bounds};
use super::super::{ABI, offset_of};
use super::Lifted;

/// A value in MessagePack, whose type only the stream knows.
#[derive(Debug)]
pub(super) struct Value {
    pub(super) bytes: Bytes,
    pub(super) source: Encoding,
}

thread_local! {
    /// Which element of a write is lifted next. Wasmtime steps from one to the next by a size that is
    /// known at compile time, and this one is not: it says the place of the first each time.
    static NEXT: Cell<usize> = const { Cell::new(0) };
}

/// Lifts the elements of one write, from the first on.
pub(super) fn from_the_first<T>(read: impl FnOnce() -> T) -> T {
    NEXT.set(0);
    let result = read();
    NEXT.set(0);
    result
}

// SAFETY: it has no flat form, and no size: whoever lifts and lowers works out both from the stream's
// own type, and checks every place.
unsafe impl ComponentType for Value {
    type Lower = [ValRaw; 0];
    const ABI: CanonicalAbiInfo = ABI;

    fn typecheck(_: &InterfaceType, _: &InstanceType<'_>) -> wasmtime::Result<()> {
        // Any type: `Signature` refuses those that can't travel.
        Ok(())
    }
}

// SAFETY: see `ComponentType`; memory is written only where it was checked to be the guest's.
unsafe impl Lower for Value {
    fn linear_lower_to_flat<T>(
        &self,
        _: &mut LowerContext<'_, T>,
        _: InterfaceType,
        _: &mut MaybeUninit<Self::Lower>,
    ) -> wasmtime::Result<()> {
        bail!("elements of streams are in memory")
    }

    fn linear_lower_to_memory<T>(
        &self,
        cx: &mut LowerContext<'_, T>,
        ty: InterfaceType,
        offset: usize,
    ) -> wasmtime::Result<()> {
        Self::linear_store_list_to_memory(cx, ty, offset, std::slice::from_ref(self))
    }

    fn linear_store_list_to_memory<T>(
        cx: &mut LowerContext<'_, T>,
        ty: InterfaceType,
        offset: usize,
        items: &[Self],
    ) -> wasmtime::Result<()> {
        let abi = cx.types.canonical_abi(&ty);
        let (size, align) = (abi.size32 as usize, abi.align32 as usize);
        if !offset.is_multiple_of(align) {
            bail!("the guest's buffer is not aligned");
        }
        let end = items.len().saturating_mul(size).saturating_add(offset);
        if cx.as_slice_mut().get(offset..end).is_none() {
            return Err(out_of_bounds().into_error::<Replied>());
        }
        for (index, item) in items.iter().enumerate() {
            let mut reader = Reader::new(&item.bytes, item.source);
            lower(cx, ty, &mut reader, Target::Memory(offset + index * size))
                .map_err(Stop::into_error::<Replied>)?;
        }
        Ok(())
    }
}

// SAFETY: nothing is read but what the stream's type says, and memory only where it was checked.
unsafe impl Lift for Value {
    fn linear_lift_from_flat(
        _: &mut LiftContext<'_>,
        _: InterfaceType,
        _: &Self::Lower,
    ) -> wasmtime::Result<Self> {
        bail!("elements of streams are in memory")
    }

    fn linear_lift_from_memory(
        cx: &mut LiftContext<'_>,
        ty: InterfaceType,
        bytes: &[u8],
    ) -> wasmtime::Result<Self> {
        let abi = cx.types.canonical_abi(&ty);
        let (size, align) = (abi.size32 as usize, abi.align32 as usize);
        let first = offset_of(cx, bytes)?;
        if !first.is_multiple_of(align) {
            bail!("the guest's buffer is not aligned");
        }
        let index = NEXT.replace(NEXT.get() + 1);
        let offset = index.saturating_mul(size).saturating_add(first);
        // An element of no size still costs.
        cx.consume_fuel(size.max(1))?;
        let mut out = Lifted::default();
        lift(cx, ty, Origin::Memory(offset), &mut out).map_err(Stop::into_error::<Passed>)?;
        Ok(Self {
            bytes: out.into_bytes().into(),
            source: Encoding::MessagePack,
        })
    }
}
