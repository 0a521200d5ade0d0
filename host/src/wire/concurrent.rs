//! Calls of which several are in one instance at once.

use std::future::Future;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use lattice_protocol::codec::{Arguments, Encoding};
use wasmtime::component::__internal::{
    CanonicalAbiInfo, InstanceType, InterfaceType, LowerContext,
};
use wasmtime::component::{Accessor, ComponentNamedList, ComponentType, Func, GuestTaskId, Lower};
use wasmtime::{AsContextMut, StoreContextMut, ValRaw, bail};

use super::export::{Given, Reply};
use super::fault::{Argument, Fault, Stop};
use super::flow::{Inlets, Lifted};
use super::{ABI, Export, FLAT_PARAMS_MAX, SPILLED, Signature, by_flat_count};

type Ending<T> = Box<
    dyn for<'a> FnOnce(
            &'a Accessor<T>,
        )
            -> Pin<Box<dyn Future<Output = wasmtime::Result<Lifted>> + Send + 'a>>
        + Send,
>;

/// A call that is in its instance. Dropped, it still goes on there, and nobody hears of it.
pub struct Started<T: 'static> {
    task: GuestTaskId,
    ending: Ending<T>,
}

impl Export {
    /// Begins a call of `func` beside others in its instance. The payload is MessagePack that `source`
    /// became, and has passed [`Signature::check`]: arguments that don't fit would trap the instance.
    /// A function that takes streams has them in `inlets`.
    pub fn start<T: Send + 'static>(
        &self,
        mut store: StoreContextMut<'_, T>,
        func: &Func,
        payload: Bytes,
        source: Encoding,
        inlets: Option<Inlets>,
    ) -> wasmtime::Result<Started<T>> {
        let given = Kept {
            payload,
            source,
            signature: self.signature().clone(),
            inlets,
        };
        macro_rules! returning {
            ($count:expr) => {{
                let typed = func.typed::<Kept, Reply<{ $count }>>(&mut store)?;
                let call = typed.start_call_concurrent(store.as_context_mut(), given)?;
                Ok(Started {
                    task: call.task(),
                    ending: Box::new(move |accessor| {
                        Box::pin(async move {
                            Ok(typed.finish_call_concurrent(accessor, call).await?.0)
                        })
                    }),
                })
            }};
        }
        by_flat_count!(self.signature().flat_result(), returning)
    }
}

impl<T: Send + 'static> Started<T> {
    /// Which of the instance's tasks it is.
    pub fn task(&self) -> GuestTaskId {
        self.task
    }

    /// Waits for its result.
    pub async fn finish(self, accessor: &Accessor<T>) -> Result<Lifted, Fault> {
        (self.ending)(accessor).await.map_err(Fault::from_call)
    }
}

/// Arguments that wait for their turn: an instance may say that it has enough to do.
struct Kept {
    payload: Bytes,
    source: Encoding,
    signature: Arc<Signature>,
    inlets: Option<Inlets>,
}

// SAFETY: it is lowered as the `Given` that it becomes.
unsafe impl ComponentType for Kept {
    type Lower = [ValRaw; FLAT_PARAMS_MAX];
    const ABI: CanonicalAbiInfo = ABI;

    fn typecheck(ty: &InterfaceType, types: &InstanceType<'_>) -> wasmtime::Result<()> {
        Given::typecheck(ty, types)
    }
}

// SAFETY: it stands for the tuple of all parameters, and is treated as that.
unsafe impl ComponentNamedList for Kept {}

// SAFETY: it is lowered as the `Given` that it becomes.
unsafe impl Lower for Kept {
    fn linear_lower_to_flat<T>(
        &self,
        cx: &mut LowerContext<'_, T>,
        ty: InterfaceType,
        dst: &mut MaybeUninit<Self::Lower>,
    ) -> wasmtime::Result<()> {
        let parameters = self.signature.parameters();
        let arguments = Arguments::new(&self.payload, self.source, parameters)
            .map_err(|error| Stop::from(error).into_error::<Argument>())?;
        let given = Given {
            arguments: &arguments,
            signature: &self.signature,
            inlets: self.inlets.as_ref(),
        };
        given.linear_lower_to_flat(cx, ty, dst)
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
