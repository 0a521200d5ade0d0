//! An HTTP handler whose behaviour, good and bad, is picked by path.
//!
//! | path | what it does |
//! |---|---|
//! | `/echo` | answers the request's headers and body, as they come |
//! | `/big?n=BYTES` | answers that many bytes of `x` |
//! | `/status?code=418` | answers that status |
//! | `/slow` | answers after a minute |
//! | `/error` | answers an error code in place of a response |
//! | `/never-set` | returns without a response |
//! | `/trap` | panics before the response |
//! | `/trap-late` | panics in the middle of the body |

mod bindings {
    wit_bindgen::generate!({
        path: ["../../../wit", "wit"],
        world: "lattice:bad-http/bad-http",
        generate_all,
    });
}

use std::time::Duration;

use bindings::exports::wasi::http::incoming_handler::Guest;
use bindings::wasi::http::types::{
    ErrorCode, Fields, IncomingRequest, OutgoingBody, OutgoingResponse, ResponseOutparam,
};
use bindings::wasi::io::streams::{OutputStream, StreamError};

/// The most bytes that one `blocking-write-and-flush` takes.
const WRITE_BYTES_MAX: usize = 4096;

/// The most bytes moved in one step of an echo, so that a body streams in bounded memory.
const ECHO_BYTES: u64 = 64 * 1024;

/// Longer than any deadline a test sets.
const SLOW: Duration = Duration::from_secs(60);

struct BadHttp;

bindings::export!(BadHttp with_types_in bindings);

impl Guest for BadHttp {
    fn handle(request: IncomingRequest, out: ResponseOutparam) {
        let target = request.path_with_query().unwrap_or_default();
        let (path, query) = target.split_once('?').unwrap_or((&target, ""));
        match path {
            "/echo" => echo(&request, out),
            "/big" => respond(out, 200, Fields::new(), |to| big(to, number(query, "n"))),
            "/status" => empty(out, u16::try_from(number(query, "code")).unwrap_or(400)),
            "/slow" => {
                std::thread::sleep(SLOW);
                empty(out, 200);
            }
            "/error" => ResponseOutparam::set(
                out,
                Err(ErrorCode::InternalError(Some("asked to fail".to_owned()))),
            ),
            "/never-set" => drop(out),
            "/trap" => panic!("asked to trap"),
            "/trap-late" => respond(out, 200, Fields::new(), |to| {
                to.blocking_write_and_flush(b"half a bo")?;
                panic!("asked to trap late")
            }),
            _ => empty(out, 404),
        }
    }
}

fn echo(request: &IncomingRequest, out: ResponseOutparam) {
    let headers = Fields::new();
    for (name, value) in request.headers().entries() {
        // The host forbids some (such as `connection`): those are not ours to repeat.
        let _ = headers.append(&name, &value);
    }
    respond(out, 200, headers, |to| {
        let Ok(body) = request.consume() else {
            return Ok(());
        };
        let Ok(from) = body.stream() else {
            return Ok(());
        };
        loop {
            to.blocking_splice(&from, ECHO_BYTES)?;
        }
    });
}

fn big(to: &OutputStream, bytes: u64) -> Result<(), StreamError> {
    let chunk = [b'x'; WRITE_BYTES_MAX];
    let mut left = usize::try_from(bytes).unwrap_or(usize::MAX);
    while left > 0 {
        let n = left.min(WRITE_BYTES_MAX);
        to.blocking_write_and_flush(&chunk[..n])?;
        left -= n;
    }
    Ok(())
}

/// The value of one number in a query; 0 if it is missing or no number.
fn number(query: &str, name: &str) -> u64 {
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    let value = pairs.into_iter().find(|(key, _)| *key == name);
    value.and_then(|(_, value)| value.parse().ok()).unwrap_or(0)
}

fn empty(out: ResponseOutparam, status: u16) {
    respond(out, status, Fields::new(), |_| Ok(()));
}

/// A status that HTTP doesn't know is answered as 500.
fn respond(
    out: ResponseOutparam,
    status: u16,
    headers: Fields,
    fill: impl FnOnce(&OutputStream) -> Result<(), StreamError>,
) {
    let response = OutgoingResponse::new(headers);
    if response.set_status_code(status).is_err() {
        let _ = response.set_status_code(500);
    }
    let Ok(body) = response.body() else { return };
    ResponseOutparam::set(out, Ok(response));
    let Ok(stream) = body.write() else { return };
    match fill(&stream) {
        Ok(()) | Err(StreamError::Closed) => {
            drop(stream);
            let _ = OutgoingBody::finish(body, None);
        }
        // Dropping an unfinished body aborts the response, as half a body must.
        Err(StreamError::LastOperationFailed(_)) => drop(body),
    }
}
