//! Reading a request's body whole, within bounds of size, time and memory.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use http::header::EXPECT;
use http_body_util::BodyExt as _;
use hyper::body::{Body as _, Incoming};

use crate::admission::Share;
use crate::config::Limits;
use crate::status::Refusal;

/// How much of a body is reserved before it arrived: its announced length is only a promise.
const RESERVE_BYTES_MAX: u64 = 64 * 1024;
/// How much of a refused body is read and forgotten: a client that still writes when the
/// connection closes would lose the answer to a reset.
const DISCARD_BYTES_MAX: u64 = 8 * 1024 * 1024;
/// How long that may take: the answer is ready, only its delivery is made surer.
const DISCARD_TIMEOUT: Duration = Duration::from_secs(2);

/// Reads the whole body; its bytes are counted in `share`.
pub(crate) async fn read(
    body: &mut Incoming,
    limits: &Limits,
    share: &mut Share<'_>,
) -> Result<Bytes, Refusal> {
    if body.is_end_stream() {
        return Ok(Bytes::new());
    }
    // Refused before a byte is asked for: a client that sent `Expect` never sends it.
    if body.size_hint().lower() > limits.body_bytes_max as u64 {
        return Err(Refusal::TOO_LARGE);
    }
    tokio::time::timeout(
        limits.body_timeout,
        collect(body, limits.body_bytes_max, share),
    )
    .await
    .unwrap_or(Err(Refusal::SLOW_BODY))
}

async fn collect(body: &mut Incoming, max: usize, share: &mut Share<'_>) -> Result<Bytes, Refusal> {
    let Some(first) = next(body, 0, max, share).await? else {
        return Ok(Bytes::new());
    };
    // Most bodies are one piece, which needs no copy.
    if body.is_end_stream() {
        return Ok(first);
    }
    let rest = body.size_hint().lower().min(RESERVE_BYTES_MAX) as usize;
    let mut whole = BytesMut::with_capacity(first.len() + rest);
    whole.extend_from_slice(&first);
    while let Some(piece) = next(body, whole.len(), max, share).await? {
        whole.extend_from_slice(&piece);
    }
    Ok(whole.freeze())
}

/// The next piece; trailers are passed over, for a call has no place for them.
async fn next(
    body: &mut Incoming,
    held: usize,
    max: usize,
    share: &mut Share<'_>,
) -> Result<Option<Bytes>, Refusal> {
    while let Some(frame) = body.frame().await {
        let Ok(piece) = frame.map_err(|_| Refusal::BROKEN_BODY)?.into_data() else {
            continue;
        };
        if held + piece.len() > max {
            return Err(Refusal::TOO_LARGE);
        }
        share.grow(piece.len())?;
        return Ok(Some(piece));
    }
    Ok(None)
}

/// Reads on and forgets, so that a client which is still sending hears the refusal.
pub(crate) async fn discard(mut body: Incoming, headers: &HeaderMap) {
    // Asking a client that waits for `100 Continue` would make it send what nobody wants.
    let waits = headers.contains_key(EXPECT);
    if waits || body.is_end_stream() || body.size_hint().lower() > DISCARD_BYTES_MAX {
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
