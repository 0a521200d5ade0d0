//! Calls that come to a revision: each runs, waits its turn, goes on to a peer, or is refused at once.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use lattice_client::{Call, Incoming, Reply, Responder};
use lattice_protocol::call::Context;
use lattice_protocol::error::{CallError, ErrorCode};
use tokio::time::Instant;
use tokio_util::task::AbortOnDropHandle;

use super::admission::{Entry, Slot, Waiting};
use super::call::{Outcome, Time};
use super::intake::Work;
use super::measured::Arrival;
use super::revision::Revision;

/// What becomes of a call when there is no room.
#[derive(Clone, Copy)]
pub(super) enum Overflow {
    /// It goes once to a peer that has room.
    Forward,
    /// It is refused: it was forwarded, or sent here by choice.
    Refuse,
}

/// A call that was let in.
struct Asked {
    call: Call,
    time: Time,
    arrival: Arrival,
}

/// A slot, or the wait for one.
enum Turn {
    Now(Slot),
    Later(Waiting),
}

impl Revision {
    /// Takes a call in: it runs, goes on to a peer, or is refused by the work that this answers; one
    /// that waits its turn does so in a task of its own.
    pub(super) fn accept(self: &Arc<Self>, incoming: Incoming, overflow: Overflow) -> Option<Work> {
        let time = self.time(incoming.received, &incoming.context);
        let arrival = Arrival {
            received: incoming.received,
            way: overflow.way(),
        };
        let Incoming {
            target,
            endpoint,
            context,
            payload,
            streams,
            responder,
            ..
        } = incoming;
        let call = Call {
            target,
            endpoint,
            context,
            payload,
            streams,
        };
        let turn = match self.door.enter() {
            Entry::Slot(slot) => Turn::Now(slot),
            Entry::Waiting(waiting) => Turn::Later(waiting),
            Entry::Full => return Some(self.overflow(call, responder, time, arrival, overflow)),
        };
        let asked = Asked {
            call,
            time,
            arrival,
        };
        let waits = matches!(turn, Turn::Later(_));
        let work = self.clone().serve(asked, responder, turn);
        if waits {
            tokio::spawn(work);
            return None;
        }
        Some(Box::pin(work))
    }

    async fn serve(self: Arc<Self>, asked: Asked, responder: Responder, turn: Turn) {
        // Held until the reply is out and nothing of the call runs: a drain waits for slots, and for
        // both so. Also by a panic, in which the way back answers when it is dropped.
        let mut held = None;
        let mut rest = None;
        let responder = responder;
        let takes_streams = responder.takes_streams();
        // What the call has is dropped before its reply, which may wait for a connection.
        let result = {
            let work = pin!(async {
                let Asked {
                    call,
                    time,
                    arrival,
                } = &asked;
                let slot = self.slot(turn, time).await;
                held = Some(slot.map_err(|error| self.refused(&call.endpoint, *arrival, error))?);
                let outcome = self.run(call, *time, *arrival, takes_streams).await?;
                rest = outcome.rest;
                Ok(outcome.reply)
            });
            responder.unless_gone(work).await
        };
        responder.reply(result).await;
        if let Some(rest) = rest {
            rest.await;
        }
        drop(held);
    }

    async fn slot(&self, turn: Turn, time: &Time) -> Result<Slot, CallError> {
        match turn {
            Turn::Now(slot) => Ok(slot),
            Turn::Later(waiting) => {
                let slot = tokio::time::timeout_at(time.first, waiting.slot()).await;
                slot.ok().flatten().ok_or_else(|| self.too_late())
            }
        }
    }

    /// No room: once to a peer that has some, else an answer at once.
    fn overflow(
        self: &Arc<Self>,
        mut call: Call,
        responder: Responder,
        time: Time,
        arrival: Arrival,
        overflow: Overflow,
    ) -> Work {
        let forwarding = match overflow {
            Overflow::Forward => self.forwards.clone().try_acquire_owned().ok(),
            Overflow::Refuse => None,
        };
        let Some(permit) = forwarding else {
            let full = self.refused(&call.endpoint, arrival, self.full());
            return Box::pin(responder.refuse(full));
        };
        let revision = self.clone();
        Box::pin(async move {
            call.context.remaining = time.first.saturating_duration_since(Instant::now());
            let work = async {
                let forwarded = revision.cx.router.forward(&call).await;
                let full = || revision.refused(&call.endpoint, arrival, revision.full());
                forwarded.unwrap_or_else(|| Err(full()))
            };
            responder.answer(work).await;
            drop(permit);
        })
    }

    /// Runs a call of an actor on this host; a caller that is gone takes the call with it. `None` if
    /// it would have to wait and there may be another way.
    pub(super) async fn call_here(
        self: &Arc<Self>,
        call: &Call,
        only_way: bool,
    ) -> Option<Result<Reply, CallError>> {
        let arrival = Arrival::here();
        let time = self.time(arrival.received, &call.context);
        let slot = match self.door.enter_now() {
            Some(slot) => slot,
            None if only_way => match self.turn(&time).await {
                Ok(slot) => slot,
                Err(error) => return Some(Err(self.refused(&call.endpoint, arrival, error))),
            },
            None => return None,
        };
        let outcome = match self.concurrent {
            true => self.run_apart(call.clone(), time, arrival).await,
            // In the caller's own task. Boxed: a chain of calls on one host would make one future that
            // holds all of them.
            false => Box::pin(self.run(call, time, arrival, true)).await,
        };
        Some(outcome.map(|outcome| outcome.part(slot)))
    }

    /// A slot, now or in turn.
    async fn turn(&self, time: &Time) -> Result<Slot, CallError> {
        match self.door.enter() {
            Entry::Slot(slot) => Ok(slot),
            Entry::Waiting(waiting) => self.slot(Turn::Later(waiting), time).await,
            Entry::Full => Err(self.full()),
        }
    }

    /// In a task of its own, which ends with the caller.
    async fn run_apart(
        self: &Arc<Self>,
        call: Call,
        time: Time,
        arrival: Arrival,
    ) -> Result<Outcome, CallError> {
        let revision = self.clone();
        let run = async move { revision.run(&call, time, arrival, true).await };
        let task = AbortOnDropHandle::new(tokio::spawn(run));
        task.await.unwrap_or_else(|error| {
            let message = format!("the call did not come to its end: {error}");
            Err(CallError::begun(ErrorCode::Internal, message))
        })
    }

    /// The caller's deadline or the actor's own, whichever is first, from when the call came.
    fn time(&self, received: std::time::Instant, context: &Context) -> Time {
        let patience = context
            .remaining
            .min(Duration::from_millis(self.limits().time_ms));
        Time {
            first: Instant::from_std(received) + patience,
            patience,
        }
    }

    fn full(&self) -> CallError {
        let load = self.load();
        CallError::refused(
            ErrorCode::Overloaded,
            format!(
                "actor {} is full: {} calls run and {} wait; scale it, or raise limits.waiting",
                self.assigned.name, load.busy, load.waiting
            ),
        )
    }

    fn too_late(&self) -> CallError {
        CallError::refused(
            ErrorCode::Deadline,
            format!(
                "the call waited for actor {} until its time was over",
                self.assigned.name
            ),
        )
    }
}

impl Outcome {
    /// The reply for a caller on this host; what is left of the call goes on with its slot.
    fn part(self, slot: Slot) -> Reply {
        if let Some(rest) = self.rest {
            tokio::spawn(async move {
                rest.await;
                drop(slot);
            });
        }
        self.reply
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn size<A, B, C, D, F: Future>(_: fn(A, B, C, D) -> F) -> usize {
        size_of::<F>()
    }

    /// One future that is handed on by value on the way to the guest, and so is held twice, makes it more.
    #[test]
    fn a_call_holds_at_most_8_kib_beside_its_guest_while_it_runs() {
        let bytes = size(Revision::serve);
        assert!(bytes <= 8 * 1024, "{bytes}");
    }
}
