//! One call of an actor, from its payload to its result.

use std::borrow::Cow;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use lattice_client::stream::{Deadline, Progress};
use lattice_client::{Call, Reply};
use lattice_protocol::call::Context;
use lattice_protocol::codec::{Arguments, Encoding};
use lattice_protocol::error::{CallError, ErrorCode};
use tokio::runtime::Handle;
use tokio::time::Instant;
use wasmtime::component::ComponentExportIndex;
use wasmtime::{PoolConcurrencyLimitError, Trap};
use wasmtime_wasi::I32Exit;

use super::instance::{self, Ended, Instance, Shared, Work};
use super::log::{About, Tail};
use super::revision::Revision;
use crate::capability::threads::within;
use crate::capability::{CALL_TO, CallFailed, Errand};
use crate::component::Callable;
use crate::wire::{Export, Fault};

/// The time that a call has.
#[derive(Debug, Clone, Copy)]
pub(super) struct Time {
    /// When it must have ended, unless its streams move.
    pub(super) first: Instant,
    /// How long its streams may stand still.
    pub(super) patience: Duration,
}

/// A call that has a slot.
pub(super) struct Running<'a> {
    pub(super) revision: &'a Arc<Revision>,
    pub(super) call: &'a Call,
    /// What travelled beside it, in the span of this call.
    pub(super) context: &'a Context,
    /// What is called.
    pub(super) callable: &'a Callable,
    pub(super) deadline: Deadline,
    /// Whether the caller takes a reply with streams.
    pub(super) takes_streams: bool,
}

/// What a call came to.
pub(super) struct Outcome {
    pub(super) reply: Reply,
    /// What goes on after the reply: a body that is still written, a guest that has more to do.
    pub(super) rest: Option<BoxFuture<'static, ()>>,
}

impl Outcome {
    /// What goes on waits for files where the call did.
    fn within(self, threads: Option<&Handle>) -> Self {
        let Some(threads) = threads.cloned() else {
            return self;
        };
        let rest = self.rest.map(|rest| -> BoxFuture<'static, ()> {
            Box::pin(async move { within(Some(&threads), rest).await })
        });
        Self { rest, ..self }
    }

    pub(super) fn whole(payload: Bytes) -> Self {
        Self {
            reply: payload.into(),
            rest: None,
        }
    }
}

impl Running<'_> {
    /// Runs it to its end, which is never later than its deadline.
    pub(super) async fn run(mut self, time: Time) -> Result<Outcome, CallError> {
        self.check_size(
            self.call.payload.len(),
            "arguments have",
            CallError::refused,
        )?;
        let encoding = Encoding::sniff(
            &self.call.payload,
            self.call.context.content_type.as_deref(),
        )
        .map_err(bad_request)?;
        let progress = self.follow_streams(time);
        let threads = self.revision.instances.threads();
        let work = pin!(async {
            let result = match self.callable {
                Callable::Function { index, export } if export.signature().has_streams() => {
                    let progress = progress.unwrap_or_default();
                    return Box::pin(self.flowing(index, export, encoding, progress)).await;
                }
                Callable::Function { index, export } => {
                    self.function(index, export, encoding).await
                }
                // Boxed: calls of functions, which are the quickest, need not carry their room.
                Callable::Program { index, export } => {
                    Box::pin(self.program(index, export, encoding)).await
                }
                Callable::Watcher { index, heard } => {
                    Box::pin(self.watcher(index, *heard, encoding)).await
                }
                Callable::Http => {
                    return Box::pin(self.http(encoding, progress.unwrap_or_default())).await;
                }
            };
            result.map(|result| Outcome::whole(result.into()))
        });
        let Some(outcome) = self.deadline.limit(within(threads, work)).await else {
            return Err(self.out_of_time());
        };
        let outcome = outcome?.within(threads);
        let bytes = outcome.reply.payload.len();
        self.check_size(bytes, "result has", CallError::begun)?;
        Ok(outcome)
    }

    /// Lets the call's time begin anew whenever one of its streams moves: those that it came with, and
    /// those of its result.
    fn follow_streams(&mut self, time: Time) -> Option<Progress> {
        let answers_streams = match self.callable {
            Callable::Http => true,
            Callable::Function { export, .. } => export.signature().gives_streams(),
            Callable::Program { .. } | Callable::Watcher { .. } => false,
        };
        let response = answers_streams.then(Progress::default);
        let mut streams = self.call.streams.progress();
        streams.extend(response.clone());
        if !streams.is_empty() {
            self.deadline = Deadline::moving(time.first.into_std(), time.patience, streams);
        }
        response
    }

    async fn function(
        &self,
        index: &ComponentExportIndex,
        export: &Export,
        encoding: Encoding,
    ) -> Result<Vec<u8>, CallError> {
        let payload = encoding.decode(&self.call.payload).map_err(bad_request)?;
        let arguments = Arguments::new(&payload, encoding, export.signature().parameters())
            .map_err(bad_request)?;
        if export.signature().is_async()
            && let Some(shared) = self.revision.instances.shared()
        {
            export.signature().check(&arguments).map_err(bad_request)?;
            let payload = match payload {
                Cow::Borrowed(_) => self.call.payload.clone(),
                Cow::Owned(decoded) => decoded.into(),
            };
            let result = self
                .shared(shared, index, export, payload, encoding)
                .await?;
            return encode(encoding, result);
        }
        let (mut instance, tail) = self.instance().await?;
        let store = &mut instance.store;
        let Some(function) = instance.component.get_func(&mut *store, index) else {
            return Err(CallError::refused(
                ErrorCode::Internal,
                format!(
                    "{} is not where the component said it is",
                    self.call.endpoint
                ),
            ));
        };
        let result =
            export
                .call(store, &function, &arguments)
                .await
                .map_err(|fault| match fault {
                    Fault::BadArguments(error) => bad_request(error),
                    Fault::BadResult(error) => {
                        CallError::begun(ErrorCode::Trapped, error.to_string())
                    }
                    Fault::Trap(error) => self.trapped(&error, tail.panic()),
                })?;
        self.revision.instances.give_back(instance);
        encode(encoding, result)
    }

    /// Runs beside other calls in an instance.
    async fn shared(
        &self,
        shared: &Shared,
        index: &ComponentExportIndex,
        export: &Export,
        payload: Bytes,
        source: Encoding,
    ) -> Result<Vec<u8>, CallError> {
        let (errand, _) = self.errand();
        let ticket = shared.begin(instance::Call {
            work: Work::Function {
                index: *index,
                export: export.clone(),
                payload,
                source,
            },
            errand,
        });
        ticket.answer().await.map_err(|ended| self.ended(ended))
    }

    /// What the caller is told when a call ended with the instance that it was in.
    pub(super) fn ended(&self, ended: Ended) -> CallError {
        match ended {
            Ended::Import(failed) => import_failed(&failed),
            Ended::Trapped { error, panic } => self.trapped(&error, panic),
            Ended::Stream(error) => CallError::begun(error.code, error.message),
            Ended::Unmade(error) if error.is::<PoolConcurrencyLimitError>() => {
                no_room(CallError::refused)
            }
            Ended::Unmade(error) => self.trapped(&error, None),
            Ended::Stuck => CallError::begun(
                ErrorCode::Trapped,
                format!(
                    "{} ended with its instance: another call in it did not stop when its time was over",
                    self.call.endpoint
                ),
            ),
        }
    }

    /// An instance for this call, and the last that its guest says on standard error.
    pub(super) async fn instance(&self) -> Result<(Instance, Tail), CallError> {
        let (errand, tail) = self.errand();
        self.sent(self.revision.instances.take(errand).await, tail)
    }

    /// The same, of which nobody had anything before.
    pub(super) async fn new_instance(&self) -> Result<(Instance, Tail), CallError> {
        let (errand, tail) = self.errand();
        self.sent(self.revision.instances.make(errand).await, tail)
    }

    pub(super) fn errand(&self) -> (Errand, Tail) {
        self.revision.errand(self.context, self.deadline.clone())
    }

    fn sent(
        &self,
        instance: wasmtime::Result<Instance>,
        tail: Tail,
    ) -> Result<(Instance, Tail), CallError> {
        match instance {
            Ok(instance) => Ok((instance, tail)),
            // Here, and only here, nothing of the call has run yet.
            Err(error) if error.is::<PoolConcurrencyLimitError>() => {
                Err(no_room(CallError::refused))
            }
            Err(error) => Err(self.trapped(&error, tail.panic())),
        }
    }

    /// What the caller is told when the guest didn't end well. The log gets all of it, with names
    /// of functions and lines; the caller gets the first line.
    pub(super) fn trapped(&self, error: &wasmtime::Error, panic: Option<String>) -> CallError {
        if let Some(failed) = error.downcast_ref::<CallFailed>() {
            return import_failed(failed);
        }
        if error.is::<PoolConcurrencyLimitError>() {
            return no_room(CallError::begun);
        }
        if let Some(I32Exit(code)) = error.downcast_ref() {
            let message = format!(
                "{} ended its instance with exit code {code} instead of an answer",
                self.call.endpoint
            );
            return CallError::begun(ErrorCode::Trapped, message);
        }
        if error.downcast_ref::<Trap>() == Some(&Trap::Interrupt) {
            return self.out_of_time();
        }
        self.revision.log.trap(
            About::call(self.context),
            &format!("{} trapped: {error:?}", self.call.endpoint),
        );
        let reason = panic.unwrap_or_else(|| error.root_cause().to_string());
        let first_line = reason.lines().next().unwrap_or_default().to_owned();
        CallError::begun(
            ErrorCode::Trapped,
            format!("{} trapped: {first_line}", self.call.endpoint),
        )
    }

    pub(super) fn out_of_time(&self) -> CallError {
        CallError::begun(
            ErrorCode::Deadline,
            format!("{} was interrupted: its time was over", self.call.endpoint),
        )
    }

    fn check_size(
        &self,
        bytes: usize,
        what: &str,
        error: fn(ErrorCode, String) -> CallError,
    ) -> Result<(), CallError> {
        let max = self.payload_bytes_max();
        if bytes <= max {
            return Ok(());
        }
        let message = format!("the {what} {bytes} bytes and payload_bytes is {max}");
        Err(error(ErrorCode::TooLarge, message))
    }

    pub(super) fn payload_bytes_max(&self) -> usize {
        usize::try_from(self.revision.limits().payload_bytes).unwrap_or(usize::MAX)
    }
}

fn no_room(error: fn(ErrorCode, String) -> CallError) -> CallError {
    let message = "the host has no room for an instance".to_owned();
    error(ErrorCode::Overloaded, message)
}

/// Of a chain of calls the last one failed: its words go all the way back as they are, so that a long
/// chain doesn't bury them under its own names.
fn import_failed(failed: &CallFailed) -> CallError {
    let inner = failed.error();
    match inner.message.starts_with(CALL_TO) {
        true => CallError::begun(inner.code, inner.message.clone()),
        false => CallError::begun(inner.code, failed.to_string()),
    }
}

pub(super) fn encode(encoding: Encoding, result: Vec<u8>) -> Result<Vec<u8>, CallError> {
    encoding
        .encode(result)
        .map_err(|error| CallError::begun(ErrorCode::Internal, error.to_string()))
}

pub(super) fn bad_request(error: impl std::fmt::Display) -> CallError {
    CallError::refused(ErrorCode::BadRequest, error.to_string())
}
