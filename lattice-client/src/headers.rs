//! The protocol's headers in NATS's form and back.

use async_nats::HeaderMap;
use lattice_protocol::call::{self, Context};
use lattice_protocol::error::CallError;

pub(crate) fn of_context(context: &Context) -> HeaderMap {
    let mut headers = HeaderMap::new();
    context.encode(|name, value| headers.insert(name, value));
    headers
}

pub(crate) fn of_error(error: &CallError) -> HeaderMap {
    let mut headers = HeaderMap::new();
    call::encode_error(error, |name, value| headers.insert(name, value));
    headers
}

pub(crate) fn context(headers: Option<&HeaderMap>) -> Result<Context, CallError> {
    Context::decode(|name| get(headers, name))
}

pub(crate) fn error(headers: Option<&HeaderMap>) -> Option<CallError> {
    headers?;
    call::decode_error(|name| get(headers, name))
}

fn get<'a>(headers: Option<&'a HeaderMap>, name: &str) -> Option<&'a str> {
    headers?.get(name).map(async_nats::HeaderValue::as_str)
}

/// About how many bytes headers take in a message: what `max_payload` counts beside the payload.
pub(crate) fn size(headers: &HeaderMap) -> usize {
    const FRAME: usize = "NATS/1.0\r\n\r\n".len();
    const PUNCTUATION: usize = ": \r\n".len();
    headers
        .iter()
        .flat_map(|(name, values)| {
            values
                .iter()
                .map(move |v| AsRef::<str>::as_ref(name).len() + v.as_str().len() + PUNCTUATION)
        })
        .sum::<usize>()
        + FRAME
}
