//! A server of one component in one process: a new instance for each request, no lattice, no NATS.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, anyhow};
use http_body_util::BodyExt as _;
use tokio::sync::oneshot;
use wasmtime::component::{Component, Linker, ResourceTable};
use wasmtime::{Config, Engine, InstanceAllocationStrategy, PoolingAllocationConfig, Store};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::p2::bindings::ProxyPre;
use wasmtime_wasi_http::p2::bindings::http::types::Scheme;
use wasmtime_wasi_http::{
    RequestOptions, WasiBody, WasiHttpCtx, WasiHttpCtxView, WasiHttpHooks, WasiHttpView,
};

use super::{Answer, Request, Response};

/// What is kept of an instance's memory where that is asked for: as much as a host keeps.
const RESIDENT_BYTES: usize = 2 << 20;
/// The same for tables and stacks.
const RESIDENT_SMALL_BYTES: usize = 64 << 10;

pub(super) async fn run(component: &Path, resident: bool) -> anyhow::Result<()> {
    let engine = engine(resident).map_err(plain)?;
    let component = Component::from_file(&engine, component).map_err(plain)?;
    let mut linker = Linker::new(&engine);
    wasmtime_wasi::p2::add_to_linker_async(&mut linker).map_err(plain)?;
    wasmtime_wasi_http::p2::add_only_http_to_linker_async(&mut linker).map_err(plain)?;
    let pre = linker.instantiate_pre(&component).and_then(ProxyPre::new);
    let pre = Arc::new(pre.map_err(plain)?);
    super::listen(Serve { engine, pre }).await
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

#[derive(Clone)]
struct Serve {
    engine: Engine,
    pre: Arc<ProxyPre<Guest>>,
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

impl Answer for Serve {
    async fn answer(&self, request: Request) -> anyhow::Result<Response> {
        let guest = Guest {
            wasi: WasiCtx::builder().build(),
            http: WasiHttpCtx::new(),
            hooks: NothingLeaves,
            table: ResourceTable::new(),
        };
        let mut store = Store::new(&self.engine, guest);
        let (sender, receiver) = oneshot::channel();
        let mut http = store.data_mut().http();
        let request = http
            .new_incoming_request(Scheme::Http, request)
            .map_err(plain)?;
        let out = http.new_response_outparam(sender).map_err(plain)?;
        let pre = self.pre.clone();
        let guest = tokio::spawn(async move {
            let proxy = pre.instantiate_async(&mut store).await?;
            proxy
                .wasi_http_incoming_handler()
                .call_handle(store, request, out)
                .await
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
