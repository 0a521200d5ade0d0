//! A call of `wasi:cli/run`: a run of a program, from its start to its exit code.
//!
//! A program has its statics to itself and ends when it wants to, so each call has an instance of its
//! own, whatever the actor's `instance` says.

use lattice_protocol::codec::{Arguments, Encoding};
use lattice_protocol::error::{CallError, ErrorCode};
use lattice_protocol::standard::WitResult;
use serde::{Deserialize, Serialize};
use wasmtime::component::ComponentExportIndex;
use wasmtime_wasi::I32Exit;

use super::call::{Running, bad_request};
use super::instance::Instance;
use super::log::Tail;
use crate::wire::{Export, Fault};

/// What a program ends with that returned an error and named no code.
const FAILURE: u8 = 1;

/// What a run is called with.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Command {
    /// Arguments behind those of the manifest.
    #[serde(default)]
    args: Vec<String>,
}

impl Running<'_> {
    /// Runs the program; the reply is its exit code as a result: an error if it is not 0.
    pub(super) async fn program(
        &self,
        index: &ComponentExportIndex,
        export: &Export,
        encoding: Encoding,
    ) -> Result<Vec<u8>, CallError> {
        let command: Command = encoding.read(&self.call.payload).map_err(bad_request)?;
        let (mut instance, tail) = self.new_instance().await?;
        instance.store.data_mut().set_arguments(command.args);
        let code = self.exit_code(&mut instance, index, export, &tail).await?;
        let result: WitResult<(), u8> = match code {
            0 => WitResult::Ok(()),
            code => WitResult::Err(code),
        };
        written(encoding, &result)
    }

    async fn exit_code(
        &self,
        instance: &mut Instance,
        index: &ComponentExportIndex,
        export: &Export,
        tail: &Tail,
    ) -> Result<u8, CallError> {
        let store = &mut instance.store;
        let Some(function) = instance.component.get_func(&mut *store, index) else {
            let message = "the program is not where the component said it is";
            return Err(CallError::refused(ErrorCode::Internal, message));
        };
        let nothing = Arguments::new(&[], Encoding::MessagePack, export.signature().parameters())
            .map_err(bad_request)?;
        match export.call(store, &function, &nothing).await {
            Ok(returned) => match rmp_serde::from_slice(&returned) {
                Ok(WitResult::Ok(())) => Ok(0),
                Ok(WitResult::Err(())) => Ok(FAILURE),
                Err(error) => Err(CallError::begun(ErrorCode::Internal, error.to_string())),
            },
            Err(Fault::Trap(error)) => match error.downcast_ref() {
                // What a process could say as well: what is above is cut off as there.
                Some(I32Exit(code)) => Ok(code.to_le_bytes()[0]),
                None => Err(self.trapped(&error, tail.panic())),
            },
            Err(fault) => Err(CallError::begun(ErrorCode::Trapped, fault.to_string())),
        }
    }
}

fn written(encoding: Encoding, value: &impl Serialize) -> Result<Vec<u8>, CallError> {
    let written = match encoding {
        Encoding::Json => serde_json::to_vec(value).map_err(|error| error.to_string()),
        Encoding::MessagePack => rmp_serde::to_vec_named(value).map_err(|error| error.to_string()),
    };
    written.map_err(|error| CallError::begun(ErrorCode::Internal, error))
}
