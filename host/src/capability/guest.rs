//! What a store holds: everything that a guest can touch while it serves a call.

use std::sync::Arc;
use std::time::Instant;

use lattice_client::stream::Deadline;
use lattice_config::Limits;
use wasmtime::component::{GuestTaskId, ResourceTable};
use wasmtime::{Engine, Store, StoreContextMut, StoreLimits, StoreLimitsBuilder, UpdateDeadline};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

use super::granted::Granted;
use super::keyvalue::Opened;
use super::member::{Caller, Failed, Members};
use super::random::Allowance;
use super::settings::Settings;
use super::voice::Voice;
use super::way::Way;
use super::{http, wasi};
use crate::actor::log::Output;
use crate::link::LinkTable;
use crate::outbox::Outbox;
use crate::wire::flow::Life;

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
    opened: Arc<Opened>,
    settings: Settings,
    granted: Arc<Granted>,
    randomness: Allowance,
    voice: Voice,
    way: Way,
    /// None where calls share the instance: whoever makes them keeps their time.
    deadline: Option<Deadline>,
    members: Members,
    life: Life,
}

/// What every guest of one revision is made from.
pub struct GuestParts {
    /// The actor's limits.
    pub limits: Limits,
    /// The actor's links.
    pub links: Arc<LinkTable>,
    /// The buckets that it opened last.
    pub opened: Arc<Opened>,
    /// What `wasi:config` answers.
    pub settings: Settings,
    /// What it is granted of the host.
    pub granted: Arc<Granted>,
}

/// What a guest is sent out with for one call.
pub struct Errand {
    /// When the call must have ended.
    pub deadline: Deadline,
    /// The way out, if it has one.
    pub outbox: Option<Outbox>,
    /// Where standard output and error go, if anywhere.
    pub output: Option<Output>,
}

impl Guest {
    /// A store for one call, with every limit set.
    pub fn store(engine: &Engine, parts: &GuestParts, errand: Errand) -> Store<Self> {
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
        table.set_max_capacity(match parts.granted.reaches_out() {
            true => handles.min(wasi::OPEN_MAX),
            false => handles,
        });
        let voice = Voice::default();
        let guest = Self {
            wasi: wasi::context(&voice, &parts.granted),
            http: http::context(),
            hooks: http::Hooks::new(
                parts.links.clone(),
                voice.clone(),
                http::Room::of(&parts.limits),
            ),
            table,
            limits,
            links: parts.links.clone(),
            opened: parts.opened.clone(),
            settings: parts.settings.clone(),
            granted: parts.granted.clone(),
            randomness: Allowance::new(parts.limits.random_bytes),
            voice,
            way: Way::none(),
            deadline: None,
            members: Members::default(),
            life: Life::default(),
        };
        let mut store = Store::new(engine, guest);
        store.limiter(|guest| &mut guest.limits);
        store.set_max_component_handles(handles);
        // What a guest may hand over at once: its whole payload and what comes with it. Wasmtime
        // counts it anew for each crossing.
        store.set_hostcall_fuel(
            usize::try_from(parts.limits.payload_bytes)
                .unwrap_or(usize::MAX)
                .saturating_mul(2),
        );
        store.epoch_deadline_callback(|store| Ok(tick(store.data().deadline.as_ref())));
        Self::send(&mut store, errand);
        store
    }

    /// Sends the guest out: what it says and calls from here on belongs to this call.
    pub fn send(store: &mut Store<Self>, errand: Errand) {
        store.set_epoch_deadline(1);
        let guest = store.data_mut();
        guest.deadline = Some(errand.deadline);
        guest.begin();
        guest.go(Way::new(errand.outbox, guest.granted.clone().host()));
        guest.voice.follow(errand.output);
    }

    /// What each call has anew.
    fn begin(&mut self) {
        self.settings.refresh();
        self.randomness.renew();
    }

    /// What it calls from here on goes this way.
    fn go(&mut self, way: Way) {
        self.hooks.follow(way.clone());
        self.way = way;
    }

    /// The next request that leaves the guest goes this way.
    pub(super) fn send_by(&mut self, way: Way) {
        self.hooks.follow(way);
    }

    /// Takes everything of the call from it: what it said is finished, and nothing keeps the call.
    pub fn rest(&mut self) {
        self.go(Way::none());
        self.voice.follow(None);
    }

    /// From here on serves several calls at once, none of which has it to itself.
    pub fn share(&mut self) {
        self.rest();
        self.deadline = None;
        self.members.open();
    }

    /// One of several calls begins, as this task. What the guest prints while there are several is
    /// logged under the one that began when it had nothing else to do.
    pub fn join(&mut self, task: GuestTaskId, errand: Errand, failed: Failed) {
        self.begin();
        let way = Way::new(errand.outbox, self.granted.host());
        if self.members.is_empty() {
            self.go(way.clone());
            self.voice.follow(errand.output);
        }
        self.members.join(task, way, failed);
    }

    /// One of several calls has ended.
    pub fn leave(&mut self, task: GuestTaskId) {
        self.members.leave(task);
        if self.members.is_empty() {
            self.rest();
        }
    }

    /// Whether it is alive: what ends while it is, it ended.
    pub fn life(&self) -> &Life {
        &self.life
    }

    /// What the guest panicked with, as it said last.
    pub fn panic(&self) -> Option<String> {
        self.voice.panic()
    }

    /// Which call an import is called for.
    pub(super) fn caller(mut store: StoreContextMut<'_, Self>) -> Caller {
        if !store.data().members.is_open() {
            return Caller::only(store.data(), store.data().way.clone());
        }
        let root = store.async_call_stack().ok().and_then(Iterator::last);
        store.data().members.caller(root)
    }

    /// How many host resources it holds.
    pub fn resources(&mut self) -> usize {
        self.table.iter_mut().count()
    }

    pub(super) fn links(&self) -> &LinkTable {
        &self.links
    }

    pub(super) fn opened(&self) -> &Opened {
        &self.opened
    }

    pub(super) fn settings(&self) -> &Settings {
        &self.settings
    }

    pub(super) fn granted(&self) -> &Arc<Granted> {
        &self.granted
    }

    pub(super) fn randomness(&mut self) -> &mut Allowance {
        &mut self.randomness
    }

    pub(super) fn output(&self) -> &Voice {
        &self.voice
    }

    pub(super) fn outbox(&self) -> Way {
        self.way.clone()
    }

    pub(super) fn table(&mut self) -> &mut ResourceTable {
        &mut self.table
    }
}

/// A guest that computes gives its thread to others at each tick, and ends at the deadline.
fn tick(deadline: Option<&Deadline>) -> UpdateDeadline {
    match deadline {
        Some(deadline) if Instant::now() >= deadline.instant() => UpdateDeadline::Interrupt,
        _ => UpdateDeadline::Yield(1),
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
            hooks: &mut self.hooks,
            table: &mut self.table,
            ctx: &mut self.http,
        }
    }
}
