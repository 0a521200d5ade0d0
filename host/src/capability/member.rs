//! The calls that are in one instance at once, and which of them calls an import.

use std::sync::Arc;

use wasmtime::component::GuestTaskId;

use super::guest::Guest;
use super::linked::CallFailed;
use super::way::Way;
use crate::wire::flow::{Fail, Life};

/// Told when an import fails that a call has no other way to hear of.
pub type Failed = Arc<dyn Fn(CallFailed) + Send + Sync>;

/// The calls in an instance; closed where it serves one at a time.
#[derive(Default)]
pub(super) struct Members {
    open: bool,
    /// So few at once that looking through them is the quickest.
    members: Vec<Member>,
}

struct Member {
    task: GuestTaskId,
    way: Way,
    failed: Failed,
}

/// The call that an import is called for.
pub(super) struct Caller {
    way: Way,
    ends: Ends,
}

/// How a call ends whose import failed.
#[derive(Clone)]
enum Ends {
    /// It is told, and goes no further.
    Told(Failed),
    /// With its guest, which traps.
    WithGuest(Life),
}

impl Members {
    pub(super) fn open(&mut self) {
        self.open = true;
    }

    pub(super) fn is_open(&self) -> bool {
        self.open
    }

    pub(super) fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    pub(super) fn join(&mut self, task: GuestTaskId, way: Way, failed: Failed) {
        self.members.push(Member { task, way, failed });
    }

    pub(super) fn leave(&mut self, task: GuestTaskId) {
        self.members.retain(|member| member.task != task);
    }

    /// Whose call this task is. What a guest goes on with after it has answered is nobody's: it finds
    /// no way out.
    pub(super) fn caller(&self, task: Option<GuestTaskId>) -> Caller {
        let member = self.members.iter().find(|member| Some(member.task) == task);
        match member {
            Some(member) => Caller {
                way: member.way.clone(),
                ends: Ends::Told(member.failed.clone()),
            },
            None => Caller {
                way: Way::none(),
                ends: Ends::Told(Arc::new(drop)),
            },
        }
    }
}

impl Caller {
    /// The only call of a guest.
    pub(super) fn only(guest: &Guest, way: Way) -> Self {
        let ends = Ends::WithGuest(guest.life().clone());
        Self { way, ends }
    }

    pub(super) fn way(&self) -> &Way {
        &self.way
    }

    /// Ends the call when a stream that an import gave it breaks off.
    pub(super) fn breaker(&self, target: &str) -> Fail {
        let (target, ends) = (target.to_owned(), self.ends.clone());
        Arc::new(move |error| {
            let failure = CallFailed::of(&target, error);
            match &ends {
                Ends::Told(failed) => {
                    failed(failure);
                    None
                }
                Ends::WithGuest(life) => {
                    // Before the trap: what the guest has passed on must not look whole.
                    life.end();
                    Some(failure.into())
                }
            }
        })
    }

    /// Ends the call whose import failed. Alone in its instance, it ends with that. Beside others the
    /// call is told and goes no further, and the others go on.
    pub(super) async fn fail<T>(self, failure: CallFailed) -> wasmtime::Result<T> {
        match self.ends {
            Ends::WithGuest(_) => Err(failure.into()),
            Ends::Told(failed) => {
                failed(failure);
                std::future::pending().await
            }
        }
    }
}
