//! What a store holds: everything that a guest can touch while it serves one call.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use lattice_config::Limits;
use wasmtime::component::ResourceTable;
use wasmtime::{Engine, Store, StoreLimits, StoreLimitsBuilder, UpdateDeadline};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

use super::{http, wasi};
use crate::actor::log::Output;
use crate::link::LinkTable;
use crate::outbox::Outbox;

/// Memories and tables of one component: a composed one has a few of each for every part.
const MEMORIES_MAX: usize = 16;
const TABLES_MAX: usize = 64;
const INSTANCES_MAX: usize = 64;
const MIB: usize = 1024 * 1024;

/// The data of a store.
pub struct Guest {
    wasi: WasiCtx,
    http: WasiHttpCtx,
    hooks: http::Hooks,
    table: ResourceTable,
    limits: StoreLimits,
    links: Arc<LinkTable>,
    config: Arc<BTreeMap<String, String>>,
    outbox: Outbox,
    output: Output,
}

/// What a guest of one call is made from.
pub struct GuestParts<'a> {
    /// The actor's limits.
    pub limits: &'a Limits,
    /// The actor's links.
    pub links: Arc<LinkTable>,
    /// The actor's config.
    pub config: Arc<BTreeMap<String, String>>,
    /// The way out.
    pub outbox: Outbox,
    /// Where standard output and error go.
    pub output: Output,
    /// When the call must have ended.
    pub deadline: Instant,
}

impl Guest {
    /// A store for one call, with every limit set.
    pub fn store(engine: &Engine, parts: GuestParts<'_>) -> Store<Self> {
        let limits = StoreLimitsBuilder::new()
            .memory_size(
                usize::try_from(parts.limits.memory_mib)
                    .unwrap_or(usize::MAX)
                    .saturating_mul(MIB),
            )
            .table_elements(usize::try_from(parts.limits.table_elements).unwrap_or(usize::MAX))
            .memories(MEMORIES_MAX)
            .tables(TABLES_MAX)
            .instances(INSTANCES_MAX)
            .build();
        let handles = usize::try_from(parts.limits.handles).unwrap_or(usize::MAX);
        let mut table = ResourceTable::new();
        table.set_max_capacity(handles);
        let guest = Self {
            wasi: wasi::context(&parts.output),
            http: http::context(),
            hooks: http::Hooks,
            table,
            limits,
            links: parts.links,
            config: parts.config,
            outbox: parts.outbox,
            output: parts.output,
        };
        let mut store = Store::new(engine, guest);
        store.limiter(|guest| &mut guest.limits);
        store.set_max_component_handles(handles);
        // What a guest may hand over at once: its whole payload and what comes with it.
        store.set_hostcall_fuel(
            usize::try_from(parts.limits.payload_bytes)
                .unwrap_or(usize::MAX)
                .saturating_mul(2),
        );
        interrupt_at(&mut store, parts.deadline);
        store
    }

    pub(super) fn links(&self) -> &LinkTable {
        &self.links
    }

    pub(super) fn config(&self) -> &BTreeMap<String, String> {
        &self.config
    }

    pub(super) fn output(&self) -> &Output {
        &self.output
    }

    pub(super) fn outbox(&self) -> Outbox {
        self.outbox.clone()
    }

    pub(super) fn table(&mut self) -> &mut ResourceTable {
        &mut self.table
    }
}

/// A guest that computes gives its thread to others at each tick, and ends at the deadline.
fn interrupt_at(store: &mut Store<Guest>, deadline: Instant) {
    store.set_epoch_deadline(1);
    store.epoch_deadline_callback(move |_| {
        Ok(match Instant::now() < deadline {
            true => UpdateDeadline::Yield(1),
            false => UpdateDeadline::Interrupt,
        })
    });
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
            hooks: &mut self.hooks,
            table: &mut self.table,
            ctx: &mut self.http,
        }
    }
}
