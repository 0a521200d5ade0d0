//! A server of one component in one process, without a lattice and NATS: a new instance for each request,
//! or one that has answered others and was given back.

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::{Context as _, anyhow};
use http_body_util::BodyExt as _;
use tokio::sync::oneshot;
use wasmtime::component::{Component, Linker, ResourceTable};
use wasmtime::{Config, Engine, InstanceAllocationStrategy, PoolingAllocationConfig, Store};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::p2::bindings::http::types::Scheme;
use wasmtime_wasi_http::p2::bindings::{Proxy, ProxyPre};
use wasmtime_wasi_http::{
    RequestOptions, WasiBody, WasiHttpCtx, WasiHttpCtxView, WasiHttpHooks, WasiHttpView,
};

use super::{Answer, Kept, Request, Response};

/// What is kept of an instance's memory where that is asked for: as much as a host keeps.
const RESIDENT_BYTES: usize = 2 << 20;
/// The same for tables and stacks.
const RESIDENT_SMALL_BYTES: usize = 64 << 10;

/// How many requests one instance answers at the most: as many as with a host's `"reuse"`.
const REUSES_MAX: u32 = 1000;

pub(super) async fn run(component: &Path, kept: Kept) -> anyhow::Result<()> {
    let engine = engine(kept != Kept::Nothing).map_err(plain)?;
    let component = Component::from_file(&engine, component).map_err(plain)?;
    let mut linker = Linker::new(&engine);
    wasmtime_wasi::p2::add_to_linker_async(&mut linker).map_err(plain)?;
    wasmtime_wasi_http::p2::add_only_http_to_linker_async(&mut linker).map_err(plain)?;
    let pre = linker.instantiate_pre(&component).and_then(ProxyPre::new);
    let serve = Serve {
        engine,
        pre: pre.map_err(plain)?,
        keeps: kept == Kept::Instance,
        idle: Mutex::default(),
    };
    super::listen(Arc::new(serve)).await
}

fn engine(resident: bool) -> wasmtime::Result<Engine> {
    let mut pool = PoolingAllocationConfig::new();
    if resident {
        pool.linear_memory_keep_resident(RESIDENT_BYTES)
            .table_keep_resident(RESIDENT_SMALL_BYTES)
            .async_stack_keep_resident(RESIDENT_SMALL_BYTES);
    }
    let mut config = Config::new();
    config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
    Engine::new(&config)
}

struct Serve {
    engine: Engine,
    pre: ProxyPre<Guest>,
    keeps: bool,
    idle: Mutex<Vec<Instance>>,
}

struct Instance {
    store: Store<Guest>,
    proxy: Proxy,
    answered: u32,
}

struct Guest {
    wasi: WasiCtx,
    http: WasiHttpCtx,
    hooks: NothingLeaves,
    table: ResourceTable,
}

/// As in a host: a component has no way out by itself.
struct NothingLeaves;

type Sent = wasmtime_wasi_http::Result<(
    http::Response<WasiBody>,
    Box<dyn Future<Output = wasmtime_wasi_http::Result<()>> + Send>,
)>;

impl WasiHttpHooks for NothingLeaves {
    fn send_request(
        &mut self,
        _request: http::Request<WasiBody>,
        _options: Option<RequestOptions>,
        _done: Box<dyn Future<Output = wasmtime_wasi_http::Result<()>> + Send>,
    ) -> Box<dyn Future<Output = Sent> + Send> {
        Box::new(async { Err(wasmtime_wasi_http::Error::HttpRequestDenied) })
    }
}

impl WasiView for Guest {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView {
            ctx: &mut self.wasi,
            table: &mut self.table,
        }
    }
}

impl WasiHttpView for Guest {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView {
            ctx: &mut self.http,
            table: &mut self.table,
            hooks: &mut self.hooks,
        }
    }
}

impl Serve {
    /// An instance that is kept, or a new one.
    async fn instance(&self) -> wasmtime::Result<Instance> {
        // Bound here: the lock must not be held over the rest.
        let kept = self.idle().pop();
        if let Some(instance) = kept {
            return Ok(instance);
        }
        let guest = Guest {
            wasi: WasiCtx::builder().build(),
            http: WasiHttpCtx::new(),
            hooks: NothingLeaves,
            table: ResourceTable::new(),
        };
        let mut store = Store::new(&self.engine, guest);
        let proxy = self.pre.instantiate_async(&mut store).await?;
        Ok(Instance {
            store,
            proxy,
            answered: 0,
        })
    }

    fn give_back(&self, mut instance: Instance) {
        instance.answered += 1;
        if self.keeps && instance.answered < REUSES_MAX {
            self.idle().push(instance);
        }
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Instance>> {
        // Nothing panics under this lock.
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Answer for Arc<Serve> {
    async fn answer(&self, request: Request) -> anyhow::Result<Response> {
        let (sender, receiver) = oneshot::channel();
        let serve = self.clone();
        let guest = tokio::spawn(async move {
            let mut instance = serve.instance().await?;
            let mut http = instance.store.data_mut().http();
            let request = http.new_incoming_request(Scheme::Http, request)?;
            let out = http.new_response_outparam(sender)?;
            let handler = instance.proxy.wasi_http_incoming_handler();
            handler
                .call_handle(&mut instance.store, request, out)
                .await?;
            serve.give_back(instance);
            wasmtime::error::Ok(())
        });
        let response = receiver.await.context("the guest set no response")?;
        let (parts, body) = response.map_err(|code| anyhow!("{code:?}"))?.into_parts();
        let body = body
            .collect()
            .await
            .map_err(|error| anyhow!("{error}"))?
            .to_bytes();
        guest.await?.map_err(plain)?;
        Ok(Response::from_parts(parts, super::whole(body)))
    }
}

fn plain(error: wasmtime::Error) -> anyhow::Error {
    anyhow!("{error:#}")
}
