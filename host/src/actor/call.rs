//! One call of an actor, from its payload to its result.

use std::borrow::Cow;

use bytes::Bytes;
use lattice_client::Call;
use lattice_protocol::codec::{Arguments, Encoding};
use lattice_protocol::error::{CallError, ErrorCode};
use lattice_protocol::standard::http::Request;
use tokio::time::Instant;
use wasmtime::component::ComponentExportIndex;
use wasmtime::{PoolConcurrencyLimitError, Trap};

use super::instance::{self, Ended, Instance, Shared};
use super::log::Tail;
use super::revision::Revision;
use crate::capability::http;
use crate::capability::{CALL_TO, CallFailed};
use crate::component::Callable;
use crate::wire::{Export, Fault};

/// A call that has a slot.
pub(super) struct Running<'a> {
    pub(super) revision: &'a Revision,
    pub(super) call: &'a Call,
    pub(super) deadline: Instant,
}

impl Running<'_> {
    /// Runs it to its end, which is never later than its deadline.
    pub(super) async fn run(&self) -> Result<Bytes, CallError> {
        let callable = self.revision.exports.resolve(&self.call.endpoint)?;
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
        let work = async {
            match callable {
                Callable::Function { index, export } => {
                    self.function(index, export, encoding).await
                }
                Callable::Http => self.http(encoding).await,
            }
        };
        let result = match tokio::time::timeout_at(self.deadline, work).await {
            Ok(result) => result?,
            Err(_) => return Err(self.out_of_time()),
        };
        self.check_size(result.len(), "result has", CallError::begun)?;
        Ok(result.into())
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
        let deadline = self.deadline.into_std();
        let (errand, _) = self.revision.errand(&self.call.context, deadline);
        let ticket = shared.begin(instance::Call {
            index: *index,
            export: export.clone(),
            payload,
            source,
            errand,
        });
        ticket.answer().await.map_err(|ended| match ended {
            Ended::Import(failed) => import_failed(&failed),
            Ended::Trapped { error, panic } => self.trapped(&error, panic),
            Ended::Stuck => CallError::begun(
                ErrorCode::Trapped,
                format!(
                    "{} ended with its instance: another call in it did not stop when its time was over",
                    self.call.endpoint
                ),
            ),
        })
    }

    /// An instance for this call, and the last that its guest says on standard error.
    async fn instance(&self) -> Result<(Instance, Tail), CallError> {
        let deadline = self.deadline.into_std();
        let (errand, tail) = self.revision.errand(&self.call.context, deadline);
        match self.revision.instances.take(errand).await {
            Ok(instance) => Ok((instance, tail)),
            // Here, and only here, nothing of the call has run yet.
            Err(error) if error.is::<PoolConcurrencyLimitError>() => {
                Err(no_room(CallError::refused))
            }
            Err(error) => Err(self.trapped(&error, tail.panic())),
        }
    }

    async fn http(&self, encoding: Encoding) -> Result<Vec<u8>, CallError> {
        let Some(handler) = &self.revision.http else {
            return Err(CallError::refused(
                ErrorCode::NotFound,
                "the actor serves no HTTP",
            ));
        };
        let request: Request = encoding.read(&self.call.payload).map_err(bad_request)?;
        let (instance, tail) = self.instance().await?;
        let (response, instance) = handler
            .handle(instance, request, self.payload_bytes_max())
            .await
            .map_err(|fault| self.http_failed(fault, &tail))?;
        if let Some(instance) = instance {
            self.revision.instances.give_back(instance);
        }
        let encoded = match encoding {
            Encoding::Json => serde_json::to_vec(&response).map_err(|error| error.to_string()),
            Encoding::MessagePack => rmp_serde::to_vec_named(&response).map_err(|e| e.to_string()),
        };
        encoded.map_err(|error| CallError::begun(ErrorCode::Internal, error))
    }

    fn http_failed(&self, fault: http::Fault, tail: &Tail) -> CallError {
        match fault {
            http::Fault::BadRequest(reason) => CallError::refused(ErrorCode::BadRequest, reason),
            http::Fault::Trap(error) => self.trapped(&error, tail.panic()),
            fault @ http::Fault::TooLarge(_) => {
                CallError::begun(ErrorCode::TooLarge, fault.to_string())
            }
            fault => CallError::begun(ErrorCode::Trapped, fault.to_string()),
        }
    }

    /// What the caller is told when the guest didn't end well. The log gets all of it, with names
    /// of functions and lines; the caller gets the first line.
    fn trapped(&self, error: &wasmtime::Error, panic: Option<String>) -> CallError {
        if let Some(failed) = error.downcast_ref::<CallFailed>() {
            return import_failed(failed);
        }
        if error.is::<PoolConcurrencyLimitError>() {
            return no_room(CallError::begun);
        }
        if error.downcast_ref::<Trap>() == Some(&Trap::Interrupt) {
            return self.out_of_time();
        }
        self.revision.log.trap(
            self.call.context.id,
            &format!("{} trapped: {error:?}", self.call.endpoint),
        );
        let reason = panic.unwrap_or_else(|| error.root_cause().to_string());
        let first_line = reason.lines().next().unwrap_or_default().to_owned();
        CallError::begun(
            ErrorCode::Trapped,
            format!("{} trapped: {first_line}", self.call.endpoint),
        )
    }

    fn out_of_time(&self) -> CallError {
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

    fn payload_bytes_max(&self) -> usize {
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

fn encode(encoding: Encoding, result: Vec<u8>) -> Result<Vec<u8>, CallError> {
    encoding
        .encode(result)
        .map_err(|error| CallError::begun(ErrorCode::Internal, error.to_string()))
}

fn bad_request(error: impl std::fmt::Display) -> CallError {
    CallError::refused(ErrorCode::BadRequest, error.to_string())
}
