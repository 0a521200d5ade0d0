//! The actors of a host.
//!
//! A call comes in by an `inbox`, is let in by `admission`, runs in `call` on an `instance` of a
//! `revision`, and says things to its `log`. The `supervisor` of each actor starts, updates
//! and drains revisions as they are assigned. Actors of this host call each other without NATS:
//! `call_here` goes through the same door into the same call.

mod accept;
mod admission;
mod call;
mod code;
mod flowing;
mod gather;
mod http;
mod inbox;
pub(crate) mod instance;
mod intake;
mod left;
pub mod log;
mod measured;
mod meters;
mod program;
mod revision;
mod starting;
mod supervisor;
mod watcher;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use lattice_client::{Artifacts, Call, Client, Incoming, Reply, Serving};
use lattice_config::AssignedActor;
use lattice_protocol::control::ActorDetail;
use lattice_protocol::error::{CallError, ErrorCode};
use lattice_protocol::id::{ActorName, HostId};
use lattice_protocol::report::ActorReport;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::allow::Allow;
use crate::capability::Imports;
use crate::engine::Engine;
use crate::event::Events;
use crate::reconcile::configs::Configs;
use crate::route::Router;
use accept::Overflow;
use revision::Revision;
pub use starting::Starting;
use supervisor::{Status, Supervisor, Wanted};

/// What every actor of a host shares.
pub struct Context {
    /// The lattice.
    pub client: Client,
    /// This host.
    pub host: HostId,
    /// Compiles and runs.
    pub engine: Engine,
    /// What actors may import.
    pub imports: Imports,
    /// What they may be granted of this host.
    pub allow: Arc<Allow>,
    /// The named configs that they read.
    pub configs: Configs,
    /// Where components come from.
    pub artifacts: Artifacts,
    /// What their starts share.
    pub starting: Starting,
    /// Where changes are told.
    pub events: Events,
    /// Which way the calls of actors go. Whoever makes it attaches the actors to it.
    pub router: Router,
}

/// The actors of a host; clones share them.
#[derive(Clone)]
pub struct Actors {
    shared: Arc<Shared>,
}

/// The actors of a host, as long as they are there.
pub struct WeakActors {
    shared: Weak<Shared>,
}

impl WeakActors {
    /// The actors, unless they are gone.
    pub fn upgrade(&self) -> Option<Actors> {
        self.shared.upgrade().map(|shared| Actors { shared })
    }
}

struct Shared {
    cx: Arc<Context>,
    actors: Mutex<Table>,
    tasks: TaskTracker,
}

#[derive(Default)]
struct Table {
    entries: BTreeMap<ActorName, Entry>,
    /// Set by the shutdown: what is assigned after it is not begun.
    closed: bool,
}

struct Entry {
    status: Arc<Status>,
    keeper: Keeper,
}

/// Who sees to it that an actor runs as it is assigned.
enum Keeper {
    /// It does: there is nothing to do, and no task that waits for something.
    Rests(Box<Supervisor>),
    /// A task, which is told what is wanted.
    Works(watch::Sender<Option<Arc<AssignedActor>>>),
}

impl Actors {
    /// A host's actors: none yet.
    pub fn new(cx: Context) -> Self {
        let shared = Shared {
            cx: Arc::new(cx),
            actors: Mutex::default(),
            tasks: TaskTracker::new(),
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// Brings what runs in line with what is assigned, without waiting for it: each actor converges
    /// in a task of its own, and what fails shows in the report and is tried again.
    pub fn assign(&self, assigned: &[AssignedActor]) {
        let mut table = self.lock();
        if table.closed {
            return;
        }
        let names: BTreeSet<_> = assigned.iter().map(|actor| &actor.name).collect();
        let kept = |name: &ActorName| names.contains(name);
        self.stop_all_but(&mut table, kept);
        for actor in assigned {
            let entry = match table.entries.remove(&actor.name) {
                Some(entry) => self.told(entry, Some(actor)),
                None => self.begun(actor),
            };
            table.entries.insert(actor.name.clone(), entry);
        }
    }

    fn stop_all_but(&self, table: &mut Table, kept: impl Fn(&ActorName) -> bool) {
        let entries = std::mem::take(&mut table.entries).into_iter();
        table.entries = entries
            .map(|(name, entry)| match kept(&name) {
                true => (name, entry),
                false => (name, self.told(entry, None)),
            })
            .collect();
    }

    fn begun(&self, actor: &AssignedActor) -> Entry {
        let status = Arc::new(Status::default());
        let supervisor = Supervisor::new(actor.name.clone(), status.clone());
        let keeper = self.put_to_work(Box::new(supervisor), Some(actor));
        Entry { status, keeper }
    }

    /// The actor, whose keeper knows what is wanted of it.
    fn told(&self, entry: Entry, wanted: Option<&AssignedActor>) -> Entry {
        let Entry { status, keeper } = entry;
        let keeper = match keeper {
            Keeper::Rests(keeper) if status.is_wanted(wanted) => Keeper::Rests(keeper),
            Keeper::Rests(supervisor) => self.put_to_work(supervisor, wanted),
            Keeper::Works(told) => {
                told.send_if_modified(|told| {
                    let changed = told.as_deref() != wanted;
                    if changed {
                        *told = wanted.cloned().map(Arc::new);
                    }
                    changed
                });
                Keeper::Works(told)
            }
        };
        Entry { status, keeper }
    }

    fn put_to_work(&self, supervisor: Box<Supervisor>, wanted: Option<&AssignedActor>) -> Keeper {
        let (told, wanted) = watch::channel(wanted.cloned().map(Arc::new));
        let work = self.clone().look_after(supervisor, wanted);
        self.shared.tasks.spawn(work);
        Keeper::Works(told)
    }

    /// The task of one actor, until it runs as it is assigned or has stopped.
    async fn look_after(self, mut supervisor: Box<Supervisor>, mut wanted: Wanted) {
        loop {
            supervisor.run(&self.shared.cx, &mut wanted).await;
            // Something else may have been assigned at the end: the table's lock decides.
            let mut table = self.lock();
            if wanted.has_changed().unwrap_or(false) {
                continue;
            }
            if wanted.borrow().is_none() {
                table.entries.remove(supervisor.name());
            } else if let Some(entry) = table.entries.get_mut(supervisor.name()) {
                entry.keeper = Keeper::Rests(supervisor);
            }
            return;
        }
    }

    /// What the heartbeat says.
    pub fn report(&self) -> BTreeMap<ActorName, ActorReport> {
        let table = self.lock();
        table
            .entries
            .iter()
            .filter_map(|(name, entry)| Some((name.clone(), entry.status.report()?)))
            .collect()
    }

    /// What can be called of an actor that runs here.
    pub fn inspect(&self, name: &ActorName) -> Option<ActorDetail> {
        self.lock().entries.get(name)?.status.detail()
    }

    /// Answers the calls that peers route to this host until `stop`, and those that came before.
    pub async fn serve_host(&self, serving: Serving, stop: CancellationToken) {
        intake::take(serving, |incoming| self.accept(incoming), stop.cancelled()).await;
    }

    /// The actors without keeping them.
    pub fn downgrade(&self) -> WeakActors {
        WeakActors {
            shared: Arc::downgrade(&self.shared),
        }
    }

    /// Makes a call straight into an actor of this host; `None` if the actor is not here, or has no
    /// room at once and this is not the only way.
    pub async fn call_here(&self, call: &Call, only_way: bool) -> Option<Result<Reply, CallError>> {
        let revision = self.running(call.target.as_str())?;
        revision.call_here(call, only_way).await
    }

    /// The revision that a call of this host goes to. What was taken off this host has closed its
    /// door; when all of it stops, actors that still run end what they have with each other's help.
    fn running(&self, target: &str) -> Option<Arc<Revision>> {
        let table = self.lock();
        let status = &table.entries.get(target)?.status;
        match table.closed {
            true => status.running(),
            false => status.open(),
        }
    }

    /// The revision that a peer's call goes to; none once the shutdown has begun, as the peer has
    /// others to ask.
    fn open_to_peers(&self, target: &str) -> Option<Arc<Revision>> {
        let table = self.lock();
        if table.closed {
            return None;
        }
        table.entries.get(target)?.status.open()
    }

    fn accept(&self, incoming: Incoming) -> Option<intake::Work> {
        match self.open_to_peers(incoming.target.as_str()) {
            // A peer chose this host: sending it on would only take it round.
            Some(revision) => revision.accept(incoming, Overflow::Refuse),
            None => {
                let message = format!("actor {} does not run on this host", incoming.target);
                let error = CallError::refused(ErrorCode::Unavailable, message);
                Some(Box::pin(incoming.responder.refuse(error)))
            }
        }
    }

    /// Takes no more calls and returns when those that were taken have ended; nothing runs after.
    pub async fn shutdown(&self) {
        {
            let mut table = self.lock();
            table.closed = true;
            self.stop_all_but(&mut table, |_| false);
        }
        self.shared.tasks.close();
        self.shared.tasks.wait().await;
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        // Nothing panics under this lock.
        self.shared
            .actors
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
