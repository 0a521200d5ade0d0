//! The task of one instance that serves several calls at once: it owns the store.
//!
//! Inside the store's event loop, `serve` begins calls and waits for them. While the guest computes,
//! or waits for a host function that isn't async, nothing inside is heard of; so whether the instance
//! has become hopeless is watched from outside, where it can be dropped with all that is in it.

use std::future::poll_fn;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use lattice_protocol::codec::Encoding;
use tokio::sync::{Semaphore, mpsc};
use wasmtime::component::{Accessor, ComponentExportIndex, GuestTaskId, Instance};
use wasmtime::{AsContextMut as _, StoreContextMut};

use super::flowing::{Flowed, Flowing};
use super::roster::{Ended, Roster};
use crate::actor::instance::Base;
use crate::actor::instance::shelf::IDLE_MAX;
use crate::capability::http::{Visit, Visiting};
use crate::capability::{Errand, Guest};
use crate::wire::flow::{Fail, Lifted};
use crate::wire::{Export, Fault, Started};

/// One call that others may be beside.
pub(crate) struct Call {
    /// What is called.
    pub(crate) work: Work,
    /// What the guest is sent out with.
    pub(crate) errand: Errand,
}

/// What is called.
pub(crate) enum Work {
    /// An async function.
    Function {
        /// Its place in the component.
        index: ComponentExportIndex,
        /// The way in and out of it.
        export: Export,
        /// The arguments as MessagePack; they fit the parameters.
        payload: Bytes,
        /// What they were before.
        source: Encoding,
    },
    /// An async function that takes or gives streams.
    Flowing(Box<Flowing>),
    /// The handler of HTTP requests.
    Request(Box<Visit>),
}

/// A call that is in the instance.
enum Running {
    Function(Started<Guest>),
    Flowing(Box<Flowed>),
    Request(Box<Visiting>),
}

/// Where calls are made.
#[derive(Clone, Copy)]
struct Place {
    instance: Instance,
    /// Whether its first call is its last.
    alone: bool,
}

/// A call with its number on the roster.
pub(super) struct Job {
    pub(super) number: u32,
    pub(super) call: Call,
}

/// What an instance's task works with.
pub(super) struct Worker {
    pub(super) base: Arc<Base>,
    pub(super) roster: Arc<Roster>,
    pub(super) jobs: mpsc::Receiver<Job>,
    /// Whether its first call is its last.
    pub(super) alone: bool,
}

impl Worker {
    /// Makes the instance for its first call, and drops it with its last.
    pub(super) async fn run(mut self) {
        let Some(first) = self.jobs.recv().await else {
            return;
        };
        let roster = self.roster.clone();
        let ended = tokio::select! {
            ended = self.live(first) => ended.err(),
            () = roster.hopeless() => None,
        };
        roster.end(&ended.unwrap_or(Ended::Stuck));
    }

    async fn live(&mut self, first: Job) -> Result<(), Ended> {
        let start = Errand {
            deadline: first.call.errand.deadline.clone(),
            outbox: None,
            output: None,
        };
        let made = self.base.make(start).await;
        let mut instance = made.map_err(|error| Ended::Unmade(Arc::new(error)))?;
        instance.store.data_mut().share();
        let component = Place {
            instance: instance.component,
            alone: self.alone,
        };
        let (jobs, roster, idle) = (&mut self.jobs, &self.roster, &self.base.idle);
        let served = instance
            .store
            .run_concurrent(async |accessor| {
                serve(accessor, component, first, jobs, roster, idle).await
            })
            .await
            .flatten();
        if served.is_err() {
            // At once: what would enter from here on would end with a trap in which it had no part.
            self.roster.close();
        }
        served.map_err(|error| Ended::Trapped {
            error: Arc::new(error),
            panic: instance.store.data().panic(),
        })
    }
}

/// Takes calls and waits for them, until nobody is in and nobody may come.
async fn serve(
    accessor: &Accessor<Guest>,
    component: Place,
    first: Job,
    jobs: &mut mpsc::Receiver<Job>,
    roster: &Arc<Roster>,
    idle: &Semaphore,
) -> wasmtime::Result<()> {
    let mut calls = FuturesUnordered::new();
    calls.push(call(accessor, component, first, roster));
    while !roster.is_over() {
        // An instance without a call is one of the host's idle ones, of which there are so many.
        let permit = match roster.is_empty() {
            true => match idle.try_acquire() {
                Ok(permit) => Some(permit),
                Err(_) if roster.close_if_empty() => return Ok(()),
                Err(_) => None,
            },
            false => None,
        };
        tokio::select! {
            Some(ended) = calls.next(), if !calls.is_empty() => ended?,
            job = jobs.recv() => match job {
                Some(job) => calls.push(call(accessor, component, job, roster)),
                // The revision is gone, or took it off its list.
                None => {
                    roster.close();
                    if !roster.is_over() {
                        finish(&mut calls, roster).await?;
                    }
                }
            },
            () = roster.turn() => {}
            () = tokio::time::sleep(IDLE_MAX), if permit.is_some() => {
                roster.close_if_empty();
            }
        }
    }
    Ok(())
}

/// Waits for the calls that are in; no more come.
async fn finish<F>(calls: &mut FuturesUnordered<F>, roster: &Roster) -> wasmtime::Result<()>
where
    F: Future<Output = wasmtime::Result<()>>,
{
    while !roster.is_over() {
        tokio::select! {
            Some(ended) = calls.next(), if !calls.is_empty() => ended?,
            () = roster.turn() => {}
        }
    }
    Ok(())
}

/// One call, from its arguments to its answer.
async fn call(
    accessor: &Accessor<Guest>,
    component: Place,
    job: Job,
    roster: &Arc<Roster>,
) -> wasmtime::Result<()> {
    let Job { number, call } = job;
    let Call { work, errand } = call;
    let failed = {
        let roster = roster.clone();
        Arc::new(move |failure| roster.forsake(number, Err(Ended::Import(Arc::new(failure)))))
    };
    let broken: Fail = {
        let roster = roster.clone();
        Arc::new(move |error| {
            roster.forsake(number, Err(Ended::Stream(error)));
            None
        })
    };
    let running = accessor.with(|mut access| -> wasmtime::Result<_> {
        let mut store = access.as_context_mut();
        let running = work.start(store.as_context_mut(), &component.instance, broken)?;
        store.data_mut().join(running.task(), errand, failed);
        Ok(running)
    })?;
    let task = running.task();
    let result = running.finish(accessor, component.alone).await?;
    accessor.with(|mut access| access.get().leave(task));
    roster.answer(number, Ok(result));
    Ok(())
}

impl Work {
    fn start(
        self,
        mut store: StoreContextMut<'_, Guest>,
        component: &Instance,
        broken: Fail,
    ) -> wasmtime::Result<Running> {
        match self {
            Self::Function {
                index,
                export,
                payload,
                source,
            } => {
                let function = component.get_func(&mut store, index);
                let function = function
                    .ok_or_else(|| wasmtime::Error::msg("the function is not in its place"))?;
                let started = export.start(store, &function, payload, source, None)?;
                Ok(Running::Function(started))
            }
            Self::Flowing(flowing) => {
                let flowed = flowing.start(store, component, broken)?;
                Ok(Running::Flowing(Box::new(flowed)))
            }
            Self::Request(visit) => {
                let visiting = visit.start(store, component)?;
                Ok(Running::Request(Box::new(visiting)))
            }
        }
    }
}

impl Running {
    fn task(&self) -> GuestTaskId {
        match self {
            Self::Function(started) => started.task(),
            Self::Flowing(flowed) => flowed.task(),
            Self::Request(visiting) => visiting.task(),
        }
    }

    /// What a function answers; a request, and a function with streams, answers whoever asked by itself.
    async fn finish(self, accessor: &Accessor<Guest>, alone: bool) -> wasmtime::Result<Vec<u8>> {
        match self {
            Self::Function(started) => return Ok(result(started, accessor).await?.into_bytes()),
            Self::Flowing(flowed) => flowed.finish(accessor).await?,
            Self::Request(visiting) => visiting.finish(accessor).await?,
        }
        if alone {
            // What the guest does after its answer is of this call still, and has its time.
            poll_fn(|cx| accessor.poll_no_interesting_tasks(cx)).await;
        }
        Ok(Vec::new())
    }
}

/// What a function answers.
pub(super) async fn result(
    started: Started<Guest>,
    accessor: &Accessor<Guest>,
) -> wasmtime::Result<Lifted> {
    started.finish(accessor).await.map_err(|fault| match fault {
        Fault::Trap(error) => error,
        fault => wasmtime::Error::new(fault),
    })
}
