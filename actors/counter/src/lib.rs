//! Counts the requests for each path in a key-value store.
//!
//! `GET` and `POST` add one and answer the new count, `HEAD` answers the current count in the
//! header `x-count` without adding to it.

mod bindings {
    wit_bindgen::generate!({
        path: ["../../wit", "wit"],
        world: "example:counter/counter",
        generate_all,
    });
}

use bindings::exports::wasi::http::incoming_handler::Guest;
use bindings::wasi::http::types::{
    Fields, IncomingRequest, Method, OutgoingBody, OutgoingResponse, ResponseOutparam,
};
use bindings::wasi::keyvalue::{atomics, store};

/// What every key begins with, so that other actors can use the same bucket.
const KEY: &str = "count";

/// The most bytes that one `blocking-write-and-flush` takes.
const WRITE_BYTES_MAX: usize = 4096;

struct Counter;

bindings::export!(Counter with_types_in bindings);

impl Guest for Counter {
    fn handle(request: IncomingRequest, out: ResponseOutparam) {
        let key = key(&request.path_with_query().unwrap_or_default());
        match request.method() {
            Method::Get | Method::Post => match increment(&key) {
                Ok(count) => respond(out, 200, &[], &format!("count: {count}\n")),
                Err(error) => unavailable(out, &error),
            },
            Method::Head => match current(&key) {
                Ok(count) => respond(out, 200, &[("x-count", &count)], ""),
                Err(error) => unavailable(out, &error),
            },
            _ => respond(
                out,
                405,
                &[("allow", "GET, HEAD, POST")],
                "method not allowed\n",
            ),
        }
    }
}

/// `/` counts under `count`, `/x` under `count/x`; the query plays no part.
fn key(path_and_query: &str) -> String {
    let path = path_and_query.split('?').next().unwrap_or_default();
    match path.trim_matches('/') {
        "" => KEY.to_owned(),
        name => format!("{KEY}/{name}"),
    }
}

fn increment(key: &str) -> Result<u64, store::Error> {
    atomics::increment(&store::open("default")?, key, 1)
}

/// The count as the store keeps it, which is decimal text.
fn current(key: &str) -> Result<String, store::Error> {
    let value = store::open("default")?.get(key)?;
    Ok(value.map_or_else(
        || "0".to_owned(),
        |bytes| String::from_utf8_lossy(&bytes).into_owned(),
    ))
}

fn unavailable(out: ResponseOutparam, error: &store::Error) {
    let text = match error {
        store::Error::NoSuchStore => "no such store",
        store::Error::AccessDenied => "access denied",
        store::Error::Other(text) => text,
    };
    respond(out, 503, &[], &format!("{text}\n"));
}

fn respond(out: ResponseOutparam, status: u16, headers: &[(&str, &str)], text: &str) {
    let fields = Fields::new();
    let content_type = [("content-type", "text/plain; charset=utf-8")];
    for (name, value) in content_type.iter().chain(headers) {
        // Refused only if the host forbids the header; the answer is worth sending without it.
        let _ = fields.append(name, value.as_bytes());
    }
    let response = OutgoingResponse::new(fields);
    let _ = response.set_status_code(status);
    let Ok(body) = response.body() else { return };
    ResponseOutparam::set(out, Ok(response));
    write(body, text.as_bytes());
}

/// Stops early when the client has gone away: nobody is left to tell.
fn write(body: OutgoingBody, bytes: &[u8]) {
    if let Ok(stream) = body.write() {
        for chunk in bytes.chunks(WRITE_BYTES_MAX) {
            if stream.blocking_write_and_flush(chunk).is_err() {
                return;
            }
        }
    }
    let _ = OutgoingBody::finish(body, None);
}
