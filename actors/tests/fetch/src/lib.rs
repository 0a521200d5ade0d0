//! Sends the requests that its caller describes through `wasi:http/outgoing-handler`.

mod bindings {
    wit_bindgen::generate!({
        path: ["../../../wit", "wit"],
        world: "lattice:fetch/fetch",
        generate_all,
    });
}

use bindings::exports::lattice::fetch::web::{Guest, Order, Page, Patience};
use bindings::wasi::http::outgoing_handler;
use bindings::wasi::http::types::{
    ErrorCode, Fields, IncomingBody, IncomingResponse, Method, OutgoingBody, OutgoingRequest,
    RequestOptions, Scheme,
};
use bindings::wasi::io::streams::{InputStream, OutputStream, StreamError};

/// The most bytes that one `blocking-write-and-flush` takes.
const WRITE_BYTES_MAX: usize = 4096;
const NS_PER_MS: u64 = 1_000_000;
/// The most bytes that are read at once.
const READ_BYTES_MAX: u64 = 64 * 1024;

struct Fetch;

bindings::export!(Fetch with_types_in bindings);

impl Guest for Fetch {
    fn fetch(order: Order) -> Result<Page, String> {
        let response = send(&order, |to| write(to, &order.body))?;
        let headers = response.headers().entries();
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        let mut body = Vec::new();
        read(&response, |piece| body.extend_from_slice(piece))?;
        Ok(Page {
            status: response.status(),
            headers: headers
                .into_iter()
                .map(|(name, value)| (name, text(value)))
                .collect(),
            body,
        })
    }

    fn swing(order: Order, bytes: u64) -> Result<u64, String> {
        let mut came = 0;
        let (request, body) = prepare(&order)?;
        let sent = outgoing_handler::handle(request, options(&order)?).map_err(words)?;
        let to = body.write().map_err(|()| "the body is taken".to_owned())?;
        let piece = [b'x'; WRITE_BYTES_MAX];
        let mut left = bytes;
        let mut back: Option<(IncomingResponse, IncomingBody, InputStream)> = None;
        while left > 0 {
            let n = left.min(WRITE_BYTES_MAX as u64);
            write(&to, &piece[..n as usize])?;
            left -= n;
            // What comes back is read in between: nothing here holds more than a piece.
            if back.is_none() && sent.subscribe().ready() {
                back = Some(open(&sent)?);
            }
            if let Some((_, _, from)) = &back {
                came += take(from, false)?.unwrap_or(0);
            }
        }
        drop(to);
        OutgoingBody::finish(body, None).map_err(words)?;
        let (_response, _body, from) = match back {
            Some(back) => back,
            None => {
                sent.subscribe().block();
                open(&sent)?
            }
        };
        while let Some(n) = take(&from, true)? {
            came += n;
        }
        Ok(came)
    }

    fn glance(order: Order) -> Result<u16, String> {
        let response = send(&order, |to| write(to, &order.body))?;
        Ok(response.status())
    }
}

fn open(
    sent: &bindings::wasi::http::types::FutureIncomingResponse,
) -> Result<(IncomingResponse, IncomingBody, InputStream), String> {
    let response = received(sent)?;
    let body = response
        .consume()
        .map_err(|()| "the body is taken".to_owned())?;
    let from = body.stream().map_err(|()| "the body is taken".to_owned())?;
    Ok((response, body, from))
}

/// How many bytes came; none at the end.
fn take(from: &InputStream, wait: bool) -> Result<Option<u64>, String> {
    let read = match wait {
        true => from.blocking_read(READ_BYTES_MAX),
        false => from.read(READ_BYTES_MAX),
    };
    match read {
        Ok(piece) => Ok(Some(piece.len() as u64)),
        Err(StreamError::Closed) => Ok(None),
        Err(StreamError::LastOperationFailed(error)) => Err(broken(&error)),
    }
}

fn send(
    order: &Order,
    fill: impl FnOnce(&OutputStream) -> Result<(), String>,
) -> Result<IncomingResponse, String> {
    let (request, body) = prepare(order)?;
    let sent = outgoing_handler::handle(request, options(order)?).map_err(words)?;
    let to = body.write().map_err(|()| "the body is taken".to_owned())?;
    fill(&to)?;
    drop(to);
    OutgoingBody::finish(body, None).map_err(words)?;
    sent.subscribe().block();
    received(&sent)
}

fn received(
    sent: &bindings::wasi::http::types::FutureIncomingResponse,
) -> Result<IncomingResponse, String> {
    match sent.get() {
        Some(Ok(Ok(response))) => Ok(response),
        Some(Ok(Err(code))) => Err(words(code)),
        other => Err(format!("no response: {other:?}")),
    }
}

fn prepare(order: &Order) -> Result<(OutgoingRequest, OutgoingBody), String> {
    let fields = Fields::new();
    for (name, value) in &order.headers {
        fields
            .append(name, value.as_bytes())
            .map_err(|error| format!("{name}: {error}"))?;
    }
    let request = OutgoingRequest::new(fields);
    let scheme = match order.scheme.as_str() {
        "http" => Scheme::Http,
        "https" => Scheme::Https,
        other => Scheme::Other(other.to_owned()),
    };
    let refused = |what: &'static str| move |()| format!("{what} is refused");
    request
        .set_method(&method(&order.method))
        .map_err(refused("the method"))?;
    request
        .set_scheme(Some(&scheme))
        .map_err(refused("the scheme"))?;
    request
        .set_authority(Some(&order.authority))
        .map_err(refused("the authority"))?;
    request
        .set_path_with_query(Some(&order.path))
        .map_err(refused("the path"))?;
    let body = request.body().map_err(refused("the body"))?;
    Ok((request, body))
}

/// Nothing is said of how long unless the order does.
fn options(order: &Order) -> Result<Option<RequestOptions>, String> {
    let Some(Patience {
        connect_ms,
        first_byte_ms,
        between_bytes_ms,
    }) = order.patience
    else {
        return Ok(None);
    };
    let ns = |ms: Option<u64>| ms.map(|ms| ms.saturating_mul(NS_PER_MS));
    let options = RequestOptions::new();
    let set = options
        .set_connect_timeout(ns(connect_ms))
        .and_then(|()| options.set_first_byte_timeout(ns(first_byte_ms)))
        .and_then(|()| options.set_between_bytes_timeout(ns(between_bytes_ms)));
    set.map_err(|()| "an option is refused".to_owned())?;
    Ok(Some(options))
}

fn method(name: &str) -> Method {
    match name {
        "GET" => Method::Get,
        "HEAD" => Method::Head,
        "POST" => Method::Post,
        "PUT" => Method::Put,
        other => Method::Other(other.to_owned()),
    }
}

fn write(to: &OutputStream, bytes: &[u8]) -> Result<(), String> {
    for piece in bytes.chunks(WRITE_BYTES_MAX) {
        to.blocking_write_and_flush(piece)
            .map_err(|error| format!("the request broke off: {error}"))?;
    }
    Ok(())
}

fn read(response: &IncomingResponse, mut each: impl FnMut(&[u8])) -> Result<(), String> {
    let body = response
        .consume()
        .map_err(|()| "the body is taken".to_owned())?;
    let from = body.stream().map_err(|()| "the body is taken".to_owned())?;
    loop {
        match from.blocking_read(READ_BYTES_MAX) {
            Ok(piece) => each(&piece),
            Err(StreamError::Closed) => return Ok(()),
            Err(StreamError::LastOperationFailed(error)) => return Err(broken(&error)),
        }
    }
}

fn broken(error: &bindings::wasi::io::error::Error) -> String {
    match bindings::wasi::http::types::http_error_code(error) {
        Some(code) => format!("the body broke off: {}", words(code)),
        None => format!("the body broke off: {}", error.to_debug_string()),
    }
}

fn words(code: ErrorCode) -> String {
    format!("{code:?}")
}
