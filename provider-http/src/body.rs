//! A request's body: whole if it is announced to be short, else as a stream.
//!
//! Whole bodies travel inside the call; they are read first, within bounds of size, time and memory.
//! For any other body the call begins at once, and `feed` passes on what comes as fast as the actor
//! reads it.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use http::header::EXPECT;
use http_body_util::BodyExt as _;
use hyper::body::{Body as _, Incoming};
use lattice_protocol::standard::http::INLINE_BYTES_MAX;

use crate::admission::Share;
use crate::config::Limits;
use crate::status::Refusal;

/// How much of a refused body is read and forgotten: a client that still writes when the
/// connection closes would lose the answer to a reset.
const DISCARD_BYTES_MAX: u64 = 8 * 1024 * 1024;
/// How long that may take: the answer is ready, only its delivery is made surer.
const DISCARD_TIMEOUT: Duration = Duration::from_secs(2);

/// Whether a body is read whole; a refusal if it is announced to be too large.
pub(crate) fn is_short(body: &Incoming, limits: &Limits) -> Result<bool, Refusal> {
    let announced = body.size_hint();
    // Refused before a byte is asked for: a client that sent `Expect` never sends it.
    if announced.lower() > limits.body_bytes_max {
        return Err(Refusal::TOO_LARGE);
    }
    let short = |length| length <= INLINE_BYTES_MAX as u64;
    Ok(body.is_end_stream() || announced.exact().is_some_and(short))
}

/// Reads a short body; its bytes are counted in `share`.
pub(crate) async fn read(
    body: &mut Incoming,
    limits: &Limits,
    share: &mut Share,
) -> Result<Bytes, Refusal> {
    if body.is_end_stream() {
        return Ok(Bytes::new());
    }
    tokio::time::timeout(limits.body_timeout, collect(body, share))
        .await
        .unwrap_or(Err(Refusal::SLOW_BODY))
}

async fn collect(body: &mut Incoming, share: &mut Share) -> Result<Bytes, Refusal> {
    let Some(first) = next(body, share).await? else {
        return Ok(Bytes::new());
    };
    // Most bodies are one piece, which needs no copy.
    if body.is_end_stream() {
        return Ok(first);
    }
    // What is left of at most `INLINE_BYTES_MAX`.
    let rest = body.size_hint().lower().min(INLINE_BYTES_MAX as u64) as usize;
    let mut whole = BytesMut::with_capacity(first.len() + rest);
    whole.extend_from_slice(&first);
    while let Some(piece) = next(body, share).await? {
        whole.extend_from_slice(&piece);
    }
    Ok(whole.freeze())
}

/// The next piece; a short body's trailers are passed over, for there is no place for them.
async fn next(body: &mut Incoming, share: &mut Share) -> Result<Option<Bytes>, Refusal> {
    while let Some(frame) = body.frame().await {
        if let Ok(piece) = frame.map_err(|_| Refusal::BROKEN_BODY)?.into_data() {
            share.grow(piece.len())?;
            return Ok(Some(piece));
        }
    }
    Ok(None)
}

/// Whether the client waits for a word before it sends its body: asking for it would make it send
/// what nobody wants.
pub(crate) fn is_withheld(headers: &HeaderMap) -> bool {
    headers.contains_key(EXPECT)
}

/// Reads on and forgets, so that a client which is still sending hears the answer.
pub(crate) async fn discard(mut body: Incoming) {
    if body.is_end_stream() || body.size_hint().lower() > DISCARD_BYTES_MAX {
        return;
    }
    let reading = async {
        let mut seen = 0;
        while let Some(Ok(frame)) = body.frame().await {
            seen += frame.data_ref().map_or(0, Bytes::len) as u64;
            if seen > DISCARD_BYTES_MAX {
                break;
            }
        }
    };
    // Past the time the connection is closed as it is.
    let _ = tokio::time::timeout(DISCARD_TIMEOUT, reading).await;
}
