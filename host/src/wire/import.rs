//! Answers a function that a guest imports, and whose type is only known when it is linked.
//!
//! A plain `func` holds its instance until it is answered ([`define`]); an `async func` lets others of
//! the same instance go on ([`define_concurrent`]).

use std::future::Future;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::sync::Arc;

use lattice_protocol::codec::{Encoding, Reader};
use wasmtime::component::__internal::{
    CanonicalAbiInfo, InstanceType, InterfaceType, LiftContext, LowerContext,
};
use wasmtime::component::{ComponentNamedList, ComponentType, Lift, LinkerInstance, Lower};
use wasmtime::{AsContextMut, StoreContextMut, ValRaw, bail};

use super::fault::{Passed, Replied, Stop};
use super::flow::{Inlets, Lifted, lower_result};
use super::lift::elements;
use super::lower::lower;
use super::place::{Origin, Target};
use super::{ABI, FLAT_PARAMS_MAX, FLAT_RESULTS_MAX, SPILLED, Signature, by_flat_count};

/// What a handler does: given the arguments as a MessagePack array, replies with the result as
/// MessagePack (nil if the function has none). An error is a trap in the guest.
pub type Answer<'a> = Box<dyn Future<Output = wasmtime::Result<Vec<u8>>> + Send + 'a>;

type Handler<T> = Arc<dyn for<'a> Fn(StoreContextMut<'a, T>, Vec<u8>) -> Answer<'a> + Send + Sync>;

/// Defines the import `name`, with this signature, as `handler`.
pub fn define<T, H>(
    linker: &mut LinkerInstance<'_, T>,
    name: &str,
    signature: &Signature,
    handler: H,
) -> wasmtime::Result<()>
where
    T: Send + 'static,
    H: for<'a> Fn(StoreContextMut<'a, T>, Vec<u8>) -> Answer<'a> + Send + Sync + 'static,
{
    let handler: Handler<T> = Arc::new(handler);
    match signature.flat_result() {
        Some(0) => define_by_params::<T, 0>(linker, name, signature, handler),
        _ => define_by_params::<T, 1>(linker, name, signature, handler),
    }
}

fn define_by_params<T: Send + 'static, const R: usize>(
    linker: &mut LinkerInstance<'_, T>,
    name: &str,
    signature: &Signature,
    handler: Handler<T>,
) -> wasmtime::Result<()> {
    macro_rules! wrapped {
        ($count:expr) => {
            wrap::<T, { $count }, R>(linker, name, handler)
        };
    }
    by_flat_count!(signature.flat_params(), wrapped)
}

fn wrap<T: Send + 'static, const P: usize, const R: usize>(
    linker: &mut LinkerInstance<'_, T>,
    name: &str,
    handler: Handler<T>,
) -> wasmtime::Result<()> {
    linker.func_wrap_async(name, move |store, taken: Taken<P>| {
        let answer = Pin::from(handler(store, taken.0.into_bytes()));
        Box::new(async move {
            let returned = answer.await?.into();
            Ok(Answered::<R> {
                returned,
                signature: None,
            })
        })
    })
}

/// What a handler of an `async func` does: it has the store while it begins, and not while it waits.
pub type Wait = Pin<Box<dyn Future<Output = wasmtime::Result<Returned>> + Send>>;

/// What a handler of an `async func` replies.
pub struct Returned {
    /// The result as MessagePack; nil if the function has none.
    pub bytes: Vec<u8>,
    /// The streams that it refers to.
    pub inlets: Option<Inlets>,
}

impl From<Vec<u8>> for Returned {
    fn from(bytes: Vec<u8>) -> Self {
        Self {
            bytes,
            inlets: None,
        }
    }
}

type ConcurrentHandler<T> =
    Arc<dyn for<'a> Fn(StoreContextMut<'a, T>, Lifted) -> Wait + Send + Sync>;

/// Defines the import `name`, an `async func` with this signature, as `handler`.
pub fn define_concurrent<T, H>(
    linker: &mut LinkerInstance<'_, T>,
    name: &str,
    signature: &Arc<Signature>,
    handler: H,
) -> wasmtime::Result<()>
where
    T: Send + 'static,
    H: for<'a> Fn(StoreContextMut<'a, T>, Lifted) -> Wait + Send + Sync + 'static,
{
    let handler: ConcurrentHandler<T> = Arc::new(handler);
    macro_rules! wrapped {
        ($count:expr) => {
            match signature.flat_result() {
                Some(0) => wrap_concurrent::<T, { $count }, 0>(linker, name, signature, handler),
                _ => wrap_concurrent::<T, { $count }, 1>(linker, name, signature, handler),
            }
        };
    }
    by_flat_count!(signature.flat_params(), wrapped)
}

fn wrap_concurrent<T: Send + 'static, const P: usize, const R: usize>(
    linker: &mut LinkerInstance<'_, T>,
    name: &str,
    signature: &Arc<Signature>,
    handler: ConcurrentHandler<T>,
) -> wasmtime::Result<()> {
    let signature = signature.clone();
    linker.func_wrap_concurrent(name, move |accessor, taken: Taken<P>| {
        let (handler, signature) = (handler.clone(), signature.clone());
        Box::pin(async move {
            let wait = accessor.with(|mut access| handler(access.as_context_mut(), taken.0));
            Ok(Answered::<R> {
                returned: wait.await?,
                signature: Some(signature),
            })
        })
    })
}

/// The arguments on their way out of the guest, in `P` core values.
struct Taken<const P: usize>(Lifted);

// SAFETY: `typecheck` makes sure that the parameters are exactly `P` core values, or in memory.
unsafe impl<const P: usize> ComponentType for Taken<P> {
    type Lower = [ValRaw; P];
    const ABI: CanonicalAbiInfo = ABI;

    fn typecheck(ty: &InterfaceType, types: &InstanceType<'_>) -> wasmtime::Result<()> {
        let abi = &super::tuple(ty, types.types)?.abi;
        match abi.flat_count(FLAT_PARAMS_MAX).unwrap_or(SPILLED) {
            flat if flat == P => Ok(()),
            flat => bail!("parameters are {flat} core values, not {P}"),
        }
    }
}

// SAFETY: it stands for the tuple of all parameters, and is treated as that.
unsafe impl<const P: usize> ComponentNamedList for Taken<P> {}

// SAFETY: nothing is read but what the function's types say, and memory only where it was checked.
unsafe impl<const P: usize> Lift for Taken<P> {
    fn linear_lift_from_flat(
        cx: &mut LiftContext<'_>,
        ty: InterfaceType,
        src: &Self::Lower,
    ) -> wasmtime::Result<Self> {
        take(cx, ty, Origin::Flat(src)).map(Self)
    }

    fn linear_lift_from_memory(
        cx: &mut LiftContext<'_>,
        ty: InterfaceType,
        bytes: &[u8],
    ) -> wasmtime::Result<Self> {
        let offset = super::offset_of(cx, bytes)?;
        take(cx, ty, Origin::Memory(offset)).map(Self)
    }
}

fn take(cx: &mut LiftContext<'_>, ty: InterfaceType, from: Origin<'_>) -> wasmtime::Result<Lifted> {
    let tuple = super::tuple(&ty, cx.types)?;
    let mut out = Lifted::with_capacity(super::SMALL_BYTES);
    elements(cx, tuple.types.iter(), from, &mut out).map_err(Stop::into_error::<Passed>)?;
    Ok(out)
}

/// The reply on its way into the guest, in `R` core values or in memory.
struct Answered<const R: usize> {
    returned: Returned,
    /// Where the result may have streams.
    signature: Option<Arc<Signature>>,
}

// SAFETY: `typecheck` makes sure that a flat result is exactly `R` core values.
unsafe impl<const R: usize> ComponentType for Answered<R> {
    type Lower = [ValRaw; R];
    const ABI: CanonicalAbiInfo = ABI;

    fn typecheck(ty: &InterfaceType, types: &InstanceType<'_>) -> wasmtime::Result<()> {
        let tuple = super::tuple(ty, types.types)?;
        super::at_most_one(tuple)?;
        match tuple.abi.flat_count(FLAT_RESULTS_MAX) {
            Some(flat) if flat != R => bail!("the result is {flat} core values, not {R}"),
            _ => Ok(()),
        }
    }
}

// SAFETY: it stands for the tuple of all results, and is treated as that.
unsafe impl<const R: usize> ComponentNamedList for Answered<R> {}

// SAFETY: see `ComponentType`; memory is only written at the return pointer that wasmtime checked, and
// where the guest's allocator gave room.
unsafe impl<const R: usize> Lower for Answered<R> {
    fn linear_lower_to_flat<T>(
        &self,
        cx: &mut LowerContext<'_, T>,
        ty: InterfaceType,
        dst: &mut MaybeUninit<Self::Lower>,
    ) -> wasmtime::Result<()> {
        self.lower(cx, ty, Target::Flat(super::slots(dst)))
    }

    fn linear_lower_to_memory<T>(
        &self,
        cx: &mut LowerContext<'_, T>,
        ty: InterfaceType,
        offset: usize,
    ) -> wasmtime::Result<()> {
        self.lower(cx, ty, Target::Memory(offset))
    }
}

impl<const R: usize> Answered<R> {
    fn lower<T: 'static>(
        &self,
        cx: &mut LowerContext<'_, T>,
        ty: InterfaceType,
        to: Target<'_>,
    ) -> wasmtime::Result<()> {
        let mut reader = Reader::new(&self.returned.bytes, Encoding::MessagePack);
        let ty = super::at_most_one(super::tuple(&ty, cx.types)?)?;
        let given = self.signature.as_ref().and_then(|s| s.given());
        let lowered = match ty {
            Some(ty) => match (given, &self.returned.inlets) {
                (Some(given), Some(inlets)) => lower_result(cx, ty, given, &mut reader, to, inlets),
                _ => lower(cx, ty, &mut reader, to),
            },
            None if reader.nil() => Ok(()),
            None => Err(reader.mismatch("null").into()),
        };
        lowered
            .and_then(|()| Ok(reader.finish()?))
            .map_err(|stop| stop.at(|e| e.in_result()).into_error::<Replied>())
    }
}
