//! A proxy of the crate `wasip2`, whose export macro is all that it has of a framework.
//!
//! `/pieces` answers each byte of the request with a piece of its own. Everything else is
//! `/WHEN/ENDING`: the response begins with `half`, and ends
//!
//! | when | |
//! |---|---|
//! | `unset` | before it was set as the response, with `half` written into it |
//! | `seen` | after a byte of the request, which the client sends when it has seen `half` |
//!
//! | ending | |
//! |---|---|
//! | `finish` | as it should |
//! | `drop` | by a return that leaves the body unfinished |
//! | `short` | finished, with less than its `content-length` |
//! | `trap` | by a panic |
//! | `exit` | by `exit(0)`, as a program ends that believes to be done |
//! | `hang` | by nothing: it waits for ever |
//! | `after` | finished, and then a panic |

use wasip2::cli::exit::exit;
use wasip2::clocks::monotonic_clock::subscribe_duration;
use wasip2::exports::http::incoming_handler::Guest;
use wasip2::http::types::{
    Fields, IncomingBody, IncomingRequest, OutgoingBody, OutgoingResponse, ResponseOutparam,
};
use wasip2::io::streams::{InputStream, OutputStream, StreamError};

wasip2::http::proxy::export!(Proxy);

struct Proxy;

impl Guest for Proxy {
    fn handle(request: IncomingRequest, out: ResponseOutparam) {
        let path = request.path_with_query().unwrap_or_default();
        let Ok(body) = request.consume() else { return };
        let Ok(from) = body.stream() else { return };
        let mut parts = path.trim_start_matches('/').split('/');
        match (parts.next(), parts.next()) {
            (Some("pieces"), None) => pieces(&from, out),
            (Some("unset"), Some(ending)) => unset(ending, out),
            (Some("seen"), Some(ending)) => seen(ending, &from, out),
            _ => {}
        }
        drop(from);
        IncomingBody::finish(body);
    }
}

/// A response whose body is open.
struct Open {
    response: OutgoingResponse,
    body: OutgoingBody,
    to: OutputStream,
}

fn open(ending: &str) -> Option<Open> {
    let headers = Fields::new();
    if ending == "short" {
        headers.append("content-length", b"8").ok()?;
    }
    let response = OutgoingResponse::new(headers);
    let body = response.body().ok()?;
    let to = body.write().ok()?;
    Some(Open { response, body, to })
}

fn pieces(from: &InputStream, out: ResponseOutparam) {
    let Some(Open { response, body, to }) = open("") else {
        return;
    };
    ResponseOutparam::set(out, Ok(response));
    while let Ok(byte) = from.blocking_read(1) {
        if write(&to, &[b"<", &byte[..], b">"].concat()).is_err() {
            return;
        }
    }
    drop(to);
    let _ = OutgoingBody::finish(body, None);
}

fn unset(ending: &str, out: ResponseOutparam) {
    let Some(Open { response, body, to }) = open(ending) else {
        return;
    };
    // Nobody takes it yet, so that a flush would wait for ever.
    let _ = to.check_write().and_then(|_| to.write(b"half"));
    match ending {
        "finish" => {
            ResponseOutparam::set(out, Ok(response));
            end(ending, body, to);
        }
        _ => end(ending, body, to),
    }
}

fn seen(ending: &str, from: &InputStream, out: ResponseOutparam) {
    let Some(Open { response, body, to }) = open(ending) else {
        return;
    };
    ResponseOutparam::set(out, Ok(response));
    if write(&to, b"half").is_ok() && from.blocking_read(1).is_ok() {
        end(ending, body, to);
    }
}

fn write(to: &OutputStream, bytes: &[u8]) -> Result<(), StreamError> {
    let room = loop {
        match to.check_write()? {
            0 => to.subscribe().block(),
            room => break room,
        }
    };
    let bytes = &bytes[..bytes.len().min(usize::try_from(room).unwrap_or(usize::MAX))];
    to.write(bytes)?;
    to.flush()?;
    to.subscribe().block();
    to.check_write().map(drop)
}

fn end(ending: &str, body: OutgoingBody, to: OutputStream) {
    match ending {
        "trap" => panic!("asked to trap"),
        "exit" => exit(Ok(())),
        "hang" => subscribe_duration(u64::MAX).block(),
        "drop" => {}
        _ => {
            drop(to);
            let _ = OutgoingBody::finish(body, None);
            assert!(ending != "after", "asked to trap after the end");
        }
    }
}
