//! One call of an actor, from its payload to its result.

use bytes::Bytes;
use lattice_client::Call;
use lattice_protocol::codec::{Arguments, Encoding};
use lattice_protocol::error::{CallError, ErrorCode};
use lattice_protocol::standard::http::Request;
use tokio::time::Instant;
use wasmtime::component::ComponentExportIndex;
use wasmtime::{PoolConcurrencyLimitError, Trap};

use super::log::Tail;
use super::revision::Revision;
use crate::capability::CallFailed;
use crate::capability::http;
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
        let (mut store, tail) = self
            .revision
            .store(&self.call.context, self.deadline.into_std());
        let instance = match self.revision.pre.instantiate_async(&mut store).await {
            Ok(instance) => instance,
            Err(error) => return Err(self.trapped(error, &tail)),
        };
        let Some(function) = instance.get_func(&mut store, index) else {
            return Err(CallError::refused(
                ErrorCode::Internal,
                format!(
                    "{} is not where the component said it is",
                    self.call.endpoint
                ),
            ));
        };
        let result = export
            .call(&mut store, &function, &arguments)
            .await
            .map_err(|fault| match fault {
                Fault::BadArguments(error) => bad_request(error),
                Fault::BadResult(error) => CallError::begun(ErrorCode::Trapped, error.to_string()),
                Fault::Trap(error) => self.trapped(error, &tail),
            })?;
        encoding
            .encode(result)
            .map_err(|error| CallError::begun(ErrorCode::Internal, error.to_string()))
    }

    async fn http(&self, encoding: Encoding) -> Result<Vec<u8>, CallError> {
        let Some(handler) = &self.revision.http else {
            return Err(CallError::refused(
                ErrorCode::NotFound,
                "the actor serves no HTTP",
            ));
        };
        let request: Request = match encoding {
            Encoding::Json => serde_json::from_slice(&self.call.payload).map_err(bad_request)?,
            Encoding::MessagePack => {
                rmp_serde::from_slice(&self.call.payload).map_err(bad_request)?
            }
        };
        let (store, tail) = self
            .revision
            .store(&self.call.context, self.deadline.into_std());
        let body_bytes_max = self.payload_bytes_max();
        let response = handler
            .handle(store, request, body_bytes_max)
            .await
            .map_err(|fault| self.http_failed(fault, &tail))?;
        let encoded = match encoding {
            Encoding::Json => serde_json::to_vec(&response).map_err(|error| error.to_string()),
            Encoding::MessagePack => rmp_serde::to_vec_named(&response).map_err(|e| e.to_string()),
        };
        encoded.map_err(|error| CallError::begun(ErrorCode::Internal, error))
    }

    fn http_failed(&self, fault: http::Fault, tail: &Tail) -> CallError {
        match fault {
            http::Fault::BadRequest(reason) => CallError::refused(ErrorCode::BadRequest, reason),
            http::Fault::Trap(error) => self.trapped(error, tail),
            fault @ http::Fault::TooLarge(_) => {
                CallError::begun(ErrorCode::TooLarge, fault.to_string())
            }
            fault => CallError::begun(ErrorCode::Trapped, fault.to_string()),
        }
    }

    /// What the caller is told when the guest didn't end well. The log gets all of it, with names
    /// of functions and lines; the caller gets the first line.
    fn trapped(&self, error: wasmtime::Error, tail: &Tail) -> CallError {
        if let Some(failed) = error.downcast_ref::<CallFailed>() {
            return CallError::begun(failed.error().code, failed.to_string());
        }
        if error.is::<PoolConcurrencyLimitError>() {
            return CallError::refused(
                ErrorCode::Overloaded,
                "the host has no room for an instance",
            );
        }
        if error.downcast_ref::<Trap>() == Some(&Trap::Interrupt) {
            return self.out_of_time();
        }
        self.revision.log.trap(
            self.call.context.id,
            &format!("{} trapped: {error:?}", self.call.endpoint),
        );
        let reason = tail
            .panic()
            .unwrap_or_else(|| error.root_cause().to_string());
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

fn bad_request(error: impl std::fmt::Display) -> CallError {
    CallError::refused(ErrorCode::BadRequest, error.to_string())
}
