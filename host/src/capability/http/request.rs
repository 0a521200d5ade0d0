//! From a call's arguments to a request as wasmtime takes it.

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use lattice_client::stream::Streams;
use lattice_protocol::standard::http::{Body, Request};
use wasmtime_wasi_http::WasiBody;
use wasmtime_wasi_http::p2::bindings::http::types::Scheme;

use super::Fault;
use super::body::Streamed;
use super::broken::Of;
use super::headers::{self, Room};

pub(super) fn scheme(text: &str) -> Scheme {
    match text {
        "http" => Scheme::Http,
        "https" => Scheme::Https,
        other => Scheme::Other(other.to_owned()),
    }
}

pub(super) fn read(
    request: Request,
    streams: &Streams,
    room: Room,
) -> Result<::http::Request<WasiBody>, Fault> {
    let authority = match request.authority.as_str() {
        "" => "localhost",
        authority => authority,
    };
    let uri = ::http::Uri::builder()
        .scheme(request.scheme.as_str())
        .authority(authority)
        .path_and_query(request.path.as_str())
        .build()
        .map_err(|error| Fault::BadRequest(format!("scheme, authority or path: {error}")))?;
    let mut built = ::http::Request::builder()
        .method(request.method.as_str())
        .uri(uri)
        .body(body(request.body, streams)?)
        .map_err(|error| Fault::BadRequest(format!("method: {error}")))?;
    *built.headers_mut() = headers::read(request.headers, room).map_err(Fault::BadRequest)?;
    Ok(built)
}

fn body(body: Body, streams: &Streams) -> Result<WasiBody, Fault> {
    match body {
        Body::Whole(bytes) => Ok(whole(bytes)),
        Body::Stream(number) => match streams.take(number) {
            Some(reader) => Ok(Streamed::new(reader, Of::Request).boxed_unsync()),
            None => Err(Fault::BadRequest(format!(
                "the body is stream {number}, and there is none"
            ))),
        },
    }
}

/// A body that is there already.
pub(super) fn whole(bytes: Bytes) -> WasiBody {
    Full::new(bytes)
        .map_err(|never| match never {})
        .boxed_unsync()
}
