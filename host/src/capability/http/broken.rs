//! What a guest hears of a body that breaks off.

use lattice_protocol::error::ErrorCode;
use wasmtime::StoreContextMut;
use wasmtime::component::{Linker, Resource};
use wasmtime_wasi_http::Error;
use wasmtime_wasi_http::p2::bindings::http::types;

use crate::capability::Guest;

/// By the version of wasmtime's own bindings: another one would be another interface, of one function.
const TYPES: &str = "wasi:http/types@0.2.12";

/// Whose body it is.
#[derive(Debug, Clone, Copy)]
pub(super) enum Of {
    Request,
    Response,
}

impl Of {
    /// The end of a stream, in the words of HTTP.
    pub(super) fn broken(self, code: ErrorCode) -> Error {
        match (code, self) {
            (ErrorCode::Deadline, _) => Error::ConnectionReadTimeout,
            (_, Self::Request) => Error::ConnectionTerminated,
            (_, Self::Response) => Error::HttpResponseIncomplete,
        }
    }
}

/// Answers `http-error-code`. Wasmtime's own knows no body's error: it looks for the type of version 0.2,
/// and bodies end by the one that both versions have.
pub(super) fn define(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    linker.allow_shadowing(true);
    let mut types = linker.instance(TYPES)?;
    types.func_wrap("http-error-code", http_error_code)?;
    linker.allow_shadowing(false);
    Ok(())
}

fn http_error_code(
    mut store: StoreContextMut<'_, Guest>,
    (error,): (Resource<types::IoError>,),
) -> wasmtime::Result<(Option<types::ErrorCode>,)> {
    let error = store.data_mut().table().get(&error)?;
    let of_body = error.downcast_ref::<Error>().map(typed);
    Ok((of_body.or_else(|| error.downcast_ref().cloned()),))
}

/// What bodies end by; they have no other.
fn typed(error: &Error) -> types::ErrorCode {
    match error {
        Error::ConnectionReadTimeout => types::ErrorCode::ConnectionReadTimeout,
        Error::ConnectionTerminated => types::ErrorCode::ConnectionTerminated,
        Error::HttpProtocolError => types::ErrorCode::HttpProtocolError,
        Error::HttpResponseIncomplete => types::ErrorCode::HttpResponseIncomplete,
        other => types::ErrorCode::InternalError(Some(other.to_string())),
    }
}
