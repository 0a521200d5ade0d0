//! How a call gets an instance: a new one, or one that served a call before.
//!
//! An instance belongs to the call that took it. Given back, it waits for the next; dropped, its
//! store goes with it. So whoever drops a call half-way leaves nothing, and an instance in which
//! anything went wrong can't be met again: nobody gives it back.

mod shared;
mod shelf;

use std::sync::{Arc, OnceLock};

use lattice_config::InstanceMode;
use lattice_telemetry::metrics::ActorCounts;
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use wasmtime::Store;
use wasmtime::component::{self, InstancePre};

use crate::capability::{Errand, Guest, GuestParts, Linked};
pub(crate) use shared::{Call, Ended, Flow, Flowing, Shared, Work};
use shelf::Shelf;

/// The instances of one revision.
pub(crate) struct Instances {
    base: Arc<Base>,
    shared: Shared,
    reuse: Option<Reuse>,
}

/// What new instances are made of.
struct Base {
    pre: InstancePre<Guest>,
    parts: GuestParts,
    /// A permit for each instance of the host that may be idle.
    idle: Arc<Semaphore>,
    /// Where instances are counted, if they are.
    counts: OnceLock<Arc<ActorCounts>>,
}

/// How instances are used again.
struct Reuse {
    /// How many calls an instance serves in its life.
    calls_max: u32,
    idle: Shelf<Idle>,
}

/// An instance that waits, and its permit for that.
struct Idle {
    instance: Instance,
    _permit: OwnedSemaphorePermit,
}

/// One sandbox, in the hands of one call.
pub struct Instance {
    /// All that the guest has.
    pub store: Store<Guest>,
    /// The component in it.
    pub component: component::Instance,
    served: u32,
    /// How many host resources the guest held after its first call.
    resources: usize,
}

impl Instances {
    /// No instances yet; with `slots` calls at once, never more than that.
    pub(crate) fn new(
        linked: Linked,
        parts: GuestParts,
        mode: InstanceMode,
        slots: u32,
        idle: Arc<Semaphore>,
    ) -> Self {
        let Linked { pre, waiting } = linked;
        let base = Arc::new(Base {
            pre,
            parts,
            idle,
            counts: OnceLock::new(),
        });
        let (calls_max, reuse) = match mode {
            InstanceMode::Fresh => (1, None),
            InstanceMode::Reuse(calls_max) => {
                let idle = Shelf::new(count(slots));
                (calls_max, Some(Reuse { calls_max, idle }))
            }
        };
        Self {
            shared: Shared::new(base.clone(), calls_max, waiting),
            base,
            reuse,
        }
    }

    /// Counts instances from here on.
    pub(crate) fn count(&self, counts: Arc<ActorCounts>) {
        // Once for each revision.
        let _ = self.base.counts.set(counts);
    }

    /// Where calls of async functions share instances, if the actor wants them used again: a fresh one
    /// serves one call, whatever its functions could do.
    pub(crate) fn shared(&self) -> Option<&Shared> {
        self.reuse.as_ref().map(|_| &self.shared)
    }

    /// Where requests of version 0.3 are served, each alone in its instance or beside others.
    pub(crate) fn requests(&self) -> &Shared {
        &self.shared
    }

    /// An instance that waits, or a new one, sent out on `errand`.
    pub(crate) async fn take(&self, errand: Errand) -> wasmtime::Result<Instance> {
        match self.reuse.as_ref().and_then(|reuse| reuse.idle.take()) {
            Some(Idle { mut instance, .. }) => {
                Guest::send(&mut instance.store, errand);
                if let Some(counts) = self.base.counts.get() {
                    counts.reused();
                }
                Ok(instance)
            }
            None => self.make(errand).await,
        }
    }

    /// Where guests run that wait for files, if that is apart from the host.
    pub(crate) fn threads(&self) -> Option<&Handle> {
        self.base.parts.granted.threads()
    }

    /// A new instance.
    pub(crate) async fn make(&self, errand: Errand) -> wasmtime::Result<Instance> {
        self.base.make(errand).await
    }

    /// Takes an instance back whose call ended well: it waits for the next, or its life is over.
    pub(crate) fn give_back(&self, mut instance: Instance) {
        let Some(reuse) = &self.reuse else { return };
        if !instance.may_serve_again(reuse.calls_max) {
            return;
        }
        if let Ok(permit) = self.base.idle.clone().try_acquire_owned() {
            instance.store.data_mut().rest();
            reuse.idle.put(Idle {
                instance,
                _permit: permit,
            });
        }
    }

    /// Changes how many calls run at once.
    pub(crate) fn resize(&self, slots: u32) {
        if let Some(reuse) = &self.reuse {
            reuse.idle.resize(count(slots));
        }
    }
}

impl Base {
    async fn make(&self, errand: Errand) -> wasmtime::Result<Instance> {
        let mut store = Guest::store(self.pre.engine(), &self.parts, errand);
        let component = self.pre.instantiate_async(&mut store).await?;
        if let Some(counts) = self.counts.get() {
            counts.made();
        }
        Ok(Instance {
            store,
            component,
            served: 0,
            resources: 0,
        })
    }
}

impl Instance {
    /// Counts the call that ended. A guest that holds more of the host after each call would fill
    /// its tables in the end, and fail a call that did nothing wrong.
    fn may_serve_again(&mut self, calls_max: u32) -> bool {
        let resources = self.store.data_mut().resources();
        if self.served == 0 {
            self.resources = resources;
        }
        self.served += 1;
        self.served < calls_max && resources <= self.resources
    }
}

impl Drop for Instance {
    /// First of all: what goes with the store was not ended by the guest.
    fn drop(&mut self) {
        self.store.data().life().end();
    }
}

fn count(slots: u32) -> usize {
    usize::try_from(slots).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod instance_test;
#[cfg(test)]
mod service_test;
#[cfg(test)]
mod shared_test;
#[cfg(test)]
mod testing;
