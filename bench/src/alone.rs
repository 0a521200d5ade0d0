//! wasmtime without a host: on the same engine, with the same components, the same calls.
//!
//! Everything that a lattice adds is absent: names, admission, limits, deadlines, logs, and values
//! whose types are known only at run time. Typed calls are the fastest that wasmtime has.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::{anyhow, ensure};
use bytes::Bytes;
use wasmtime::component::{
    Component, ComponentExportIndex, InstancePre, Linker, ResourceTable, TypedFunc,
};
use wasmtime::{Engine, Store};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};

use crate::load::Work;
use crate::rows::Mode;

/// The interface that the echo exports and the relay imports, and its function.
const TYPES: &str = "lattice:test/types";
const ECHO: &str = "echo-bytes";
/// The relay's own.
const RELAY: (&str, &str) = ("lattice:bench/relay", "relay");
/// Never: nothing here runs long.
const TICKS_MAX: u64 = u64::MAX / 2;

type Bytewise = TypedFunc<(Vec<u8>,), (Vec<u8>,)>;

/// One function of a component.
pub(crate) struct Alone {
    pre: InstancePre<Guest>,
    function: ComponentExportIndex,
    mode: Mode,
    idle: Mutex<Vec<Instance>>,
}

struct Instance {
    store: Store<Guest>,
    function: Bytewise,
}

struct Guest {
    wasi: WasiCtx,
    table: ResourceTable,
}

impl WasiView for Guest {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView {
            ctx: &mut self.wasi,
            table: &mut self.table,
        }
    }
}

impl Alone {
    /// The echo.
    pub(crate) fn echo(engine: &Engine, wasm: &[u8], mode: Mode) -> anyhow::Result<Arc<Self>> {
        let linker = linker(engine).map_err(plain)?;
        Self::new(wasm, &linker, (TYPES, ECHO), mode).map_err(plain)
    }

    /// The relay, with the echo behind its import: one call is two.
    pub(crate) fn relay(
        engine: &Engine,
        wasm: &[u8],
        echo: Arc<Self>,
        mode: Mode,
    ) -> anyhow::Result<Arc<Self>> {
        let mut linker = linker(engine).map_err(plain)?;
        let mut import = linker.instance(TYPES).map_err(plain)?;
        import
            .func_wrap_async(ECHO, move |_, (data,): (Vec<u8>,)| {
                let echo = echo.clone();
                Box::new(async move { Ok((echo.call(data).await?,)) })
            })
            .map_err(plain)?;
        Self::new(wasm, &linker, RELAY, mode).map_err(plain)
    }

    fn new(
        wasm: &[u8],
        linker: &Linker<Guest>,
        (interface, function): (&str, &str),
        mode: Mode,
    ) -> wasmtime::Result<Arc<Self>> {
        let missing = || wasmtime::Error::msg(format!("no {interface} {function}"));
        let component = Component::new(linker.engine(), wasm)?;
        component.initialize_copy_on_write_image()?;
        let instance = component
            .get_export_index(None, interface)
            .ok_or_else(missing)?;
        let function = component
            .get_export_index(Some(&instance), function)
            .ok_or_else(missing)?;
        Ok(Arc::new(Self {
            pre: linker.instantiate_pre(&component)?,
            function,
            mode,
            idle: Mutex::default(),
        }))
    }

    async fn call(&self, data: Vec<u8>) -> wasmtime::Result<Vec<u8>> {
        // Bound here: the lock must not be held over the call.
        let idle = self.idle().pop();
        let mut instance = match idle {
            Some(instance) => instance,
            None => self.instantiate().await?,
        };
        let function = &instance.function;
        let (reply,) = function.call_async(&mut instance.store, (data,)).await?;
        if self.mode == Mode::Reuse {
            self.idle().push(instance);
        }
        Ok(reply)
    }

    async fn instantiate(&self) -> wasmtime::Result<Instance> {
        let guest = Guest {
            wasi: WasiCtx::builder().build(),
            table: ResourceTable::new(),
        };
        let mut store = Store::new(self.pre.engine(), guest);
        store.set_epoch_deadline(TICKS_MAX);
        let instance = self.pre.instantiate_async(&mut store).await?;
        let function = instance.get_typed_func(&mut store, self.function)?;
        Ok(Instance { store, function })
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Instance>> {
        // Nothing panics under this lock.
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// So many callers.
    pub(crate) fn callers(self: &Arc<Self>, data: &Bytes, callers: usize) -> Vec<Caller> {
        let one = || Caller {
            alone: self.clone(),
            data: data.clone(),
        };
        std::iter::repeat_with(one).take(callers).collect()
    }
}

/// Calls with the same bytes again and again.
pub(crate) struct Caller {
    alone: Arc<Alone>,
    data: Bytes,
}

impl Work for Caller {
    async fn once(&mut self) -> anyhow::Result<()> {
        let reply = self.alone.call(self.data.to_vec()).await.map_err(plain)?;
        ensure!(reply.len() == self.data.len(), "a short answer");
        Ok(())
    }
}

fn linker(engine: &Engine) -> wasmtime::Result<Linker<Guest>> {
    let mut linker = Linker::new(engine);
    wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
    Ok(linker)
}

fn plain(error: wasmtime::Error) -> anyhow::Error {
    anyhow!("{error:#}")
}
