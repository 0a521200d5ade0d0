//! Calls a guest's function.

use std::mem::MaybeUninit;
use std::sync::Arc;

use lattice_protocol::codec::Arguments;
use wasmtime::component::__internal::{
    CanonicalAbiInfo, InstanceType, InterfaceType, LiftContext, LowerContext,
};
use wasmtime::component::{ComponentNamedList, ComponentType, Func, Lift, Lower};
use wasmtime::{AsContextMut, ValRaw, bail};

use super::fault::{Argument, Fault, Returned, Stop};
use super::flow::{Inlets, Lifted};
use super::lift::lift;
use super::lower::{absent, lower};
use super::place::{Origin, Parts, Target, shape};
use super::{ABI, FLAT_PARAMS_MAX, SPILLED, Signature, by_flat_count};

/// A function that guests of one component export.
#[derive(Debug, Clone)]
pub struct Export {
    signature: Arc<Signature>,
}

impl Export {
    /// Prepares calls of a function with this signature.
    pub fn new(signature: Signature) -> Self {
        Self {
            signature: Arc::new(signature),
        }
    }

    /// What the function takes and gives.
    pub fn signature(&self) -> &Arc<Signature> {
        &self.signature
    }

    /// Calls `func` and returns its result as MessagePack; nil if it has none.
    ///
    /// The arguments come from [`Arguments::new`] with this signature's parameters. After a fault the
    /// store is in the middle of a call: even where it would go on, it keeps what the call left behind.
    /// Drop it.
    pub async fn call<T: Send + 'static>(
        &self,
        mut store: impl AsContextMut<Data = T>,
        func: &Func,
        arguments: &Arguments<'_>,
    ) -> Result<Vec<u8>, Fault> {
        let given = Given {
            arguments,
            signature: &self.signature,
            inlets: None,
        };
        macro_rules! returning {
            ($count:expr) => {{
                let typed = func
                    .typed::<Given<'_>, Reply<{ $count }>>(&mut store)
                    .map_err(Fault::Trap)?;
                typed
                    .call_async(&mut store, given)
                    .await
                    .map(|reply| reply.0.into_bytes())
            }};
        }
        by_flat_count!(self.signature.flat_result(), returning).map_err(Fault::from_call)
    }
}

/// The arguments on their way into the guest.
pub(super) struct Given<'a> {
    pub(super) arguments: &'a Arguments<'a>,
    pub(super) signature: &'a Signature,
    /// The streams that the arguments refer to.
    pub(super) inlets: Option<&'a Inlets>,
}

// SAFETY: `Lower` is an array of the most core values that a call can take. Wasmtime's trampoline reads
// as many as the function has, and `linear_lower_to_flat` writes those by the function's own types.
unsafe impl ComponentType for Given<'_> {
    type Lower = [ValRaw; FLAT_PARAMS_MAX];
    const ABI: CanonicalAbiInfo = ABI;

    fn typecheck(ty: &InterfaceType, types: &InstanceType<'_>) -> wasmtime::Result<()> {
        super::tuple(ty, types.types).map(|_| ())
    }
}

// SAFETY: it stands for the tuple of all parameters, and is treated as that.
unsafe impl ComponentNamedList for Given<'_> {}

// SAFETY: see `ComponentType`; memory is only written where the guest's allocator gave room.
unsafe impl Lower for Given<'_> {
    fn linear_lower_to_flat<T>(
        &self,
        cx: &mut LowerContext<'_, T>,
        ty: InterfaceType,
        dst: &mut MaybeUninit<Self::Lower>,
    ) -> wasmtime::Result<()> {
        let tuple = super::tuple(&ty, cx.types)?;
        let slots = super::slots(dst);
        let lowered = match tuple.abi.flat_count(FLAT_PARAMS_MAX) {
            Some(flat) => self.lower(cx, &tuple.types, Target::Flat(&mut slots[..flat])),
            None => {
                // More than fits is written to memory, and the one core value points there.
                let size = tuple.abi.size32 as usize;
                let pointer = cx.realloc(0, 0, tuple.abi.align32, size)?;
                slots[0].write(ValRaw::u64(pointer as u64));
                self.lower(cx, &tuple.types, Target::Memory(pointer))
            }
        };
        lowered.map_err(Stop::into_error::<Argument>)
    }

    fn linear_lower_to_memory<T>(
        &self,
        _: &mut LowerContext<'_, T>,
        _: InterfaceType,
        _: usize,
    ) -> wasmtime::Result<()> {
        bail!("parameters are always lowered flat")
    }
}

impl Given<'_> {
    fn lower<T: 'static>(
        &self,
        cx: &mut LowerContext<'_, T>,
        types: &[InterfaceType],
        mut to: Target<'_>,
    ) -> Result<(), Stop> {
        let parameters = self.signature.parameters();
        if types.len() != self.arguments.wanted() || types.len() != parameters.len() {
            return Err(shape());
        }
        let mut parts = Parts::new(cx.types);
        self.arguments.each(|index, value| {
            let ty = types[index];
            let place = to.part(parts.next(&ty))?;
            match (value, self.signature.carried(index), self.inlets) {
                (Some(reader), Some(carried), Some(inlets)) => {
                    inlets.lower(cx, ty, carried, reader, place)
                }
                (Some(reader), ..) => lower(cx, ty, reader, place),
                (None, ..) => absent(cx, ty, place),
            }
            .map_err(|stop| stop.at(|e| e.in_argument(&parameters[index].name)))
        })
    }
}

/// The result on its way out of the guest: `R` core values, if the function's ABI returns as many, or
/// in memory.
pub(super) struct Reply<const R: usize>(pub(super) Lifted);

// SAFETY: `typecheck` makes sure that the result is exactly `R` core values, or in memory.
unsafe impl<const R: usize> ComponentType for Reply<R> {
    type Lower = [ValRaw; R];
    const ABI: CanonicalAbiInfo = ABI;

    fn typecheck(ty: &InterfaceType, types: &InstanceType<'_>) -> wasmtime::Result<()> {
        let tuple = super::tuple(ty, types.types)?;
        super::at_most_one(tuple)?;
        match tuple.abi.flat_count(FLAT_PARAMS_MAX).unwrap_or(SPILLED) {
            flat if flat == R => Ok(()),
            flat => bail!("the result is {flat} core values, not {R}"),
        }
    }
}

// SAFETY: it stands for the tuple of all results, and is treated as that.
unsafe impl<const R: usize> ComponentNamedList for Reply<R> {}

// SAFETY: nothing is read but what the function's types say, and memory only where it was checked.
unsafe impl<const R: usize> Lift for Reply<R> {
    fn linear_lift_from_flat(
        cx: &mut LiftContext<'_>,
        ty: InterfaceType,
        src: &Self::Lower,
    ) -> wasmtime::Result<Self> {
        returned(cx, ty, Origin::Flat(src)).map(Self)
    }

    fn linear_lift_from_memory(
        cx: &mut LiftContext<'_>,
        ty: InterfaceType,
        bytes: &[u8],
    ) -> wasmtime::Result<Self> {
        let offset = super::offset_of(cx, bytes)?;
        let align = super::tuple(&ty, cx.types)?.abi.align32;
        if !u32::try_from(offset)?.is_multiple_of(align) {
            bail!("the guest's return pointer is not aligned");
        }
        returned(cx, ty, Origin::Memory(offset)).map(Self)
    }
}

fn returned(
    cx: &mut LiftContext<'_>,
    ty: InterfaceType,
    from: Origin<'_>,
) -> wasmtime::Result<Lifted> {
    let mut out = Lifted::with_capacity(super::SMALL_BYTES);
    match super::at_most_one(super::tuple(&ty, cx.types)?)? {
        None => out.nil(),
        Some(ty) => lift(cx, ty, from, &mut out)
            .map_err(|stop| stop.at(|e| e.in_result()).into_error::<Returned>())?,
    }
    Ok(out)
}
