//! A result with all that its streams carry in it, for a caller that takes no streams.

use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::future::try_join_all;
use lattice_client::stream::Reader;
use lattice_protocol::codec::Writer;
use lattice_protocol::codec::elements::Elements;
use lattice_protocol::error::{CallError, ErrorCode};

use super::instance::Flow;
use crate::wire::flow::Kind;

/// The bytes of a reference to a stream.
const REFERENCE_BYTES: usize = 6;

/// Puts each stream in the place of its reference: a `stream<u8>` as bytes, another one as an array, a
/// future as its value. They may have so many bytes together.
pub(super) async fn whole(
    result: Vec<u8>,
    flows: Vec<Flow>,
    bytes_max: usize,
) -> Result<Vec<u8>, CallError> {
    let room = Room {
        bytes_max,
        taken: AtomicUsize::new(0),
    };
    let room = &room;
    let each = flows.into_iter().map(|flow| async move {
        let value = value(flow.reader, flow.kind, room).await?;
        // Kept until here: a guest that ends before its stream has leaves it open.
        drop(flow.valve);
        Ok::<_, CallError>((flow.at, value))
    });
    let values = try_join_all(each).await?;
    let mut out = Writer::default();
    let mut from = 0;
    for (at, value) in values {
        out.value(&result[from..at]);
        out.value(&value);
        from = at + REFERENCE_BYTES;
    }
    out.value(&result[from..]);
    Ok(out.into_bytes())
}

/// All of one stream, as a value.
async fn value(reader: Reader, kind: Kind, room: &Room) -> Result<Vec<u8>, CallError> {
    let bytes = all(reader, room).await?;
    let mut out = Writer::default();
    if kind == Kind::Bytes {
        out.bytes(&bytes);
        return Ok(out.into_bytes());
    }
    let mut elements = Elements::default();
    elements.feed(&bytes);
    let (mut count, mark) = (0, out.open());
    while let Some(element) = elements.pull().map_err(not_whole)? {
        out.value(&element);
        count += 1;
    }
    match kind {
        Kind::Value if count == 1 => Ok(out.into_bytes().split_off(1)),
        Kind::Value => Err(not_whole("the future has no value")),
        _ => {
            out.close_array(mark, count);
            Ok(out.into_bytes())
        }
    }
}

async fn all(mut reader: Reader, room: &Room) -> Result<Vec<u8>, CallError> {
    let mut bytes = Vec::new();
    while let Some(piece) = reader.next().await {
        let piece = piece?;
        room.take(piece.len())?;
        bytes.extend_from_slice(&piece);
    }
    Ok(bytes)
}

/// How many bytes all streams of a result may have together.
struct Room {
    bytes_max: usize,
    taken: AtomicUsize,
}

impl Room {
    fn take(&self, bytes: usize) -> Result<(), CallError> {
        let before = self.taken.fetch_add(bytes, Ordering::Relaxed);
        if before.saturating_add(bytes) <= self.bytes_max {
            return Ok(());
        }
        let message = format!(
            "the streams of the result have more than payload_bytes, {}, and the caller takes no frames",
            self.bytes_max
        );
        Err(CallError::begun(ErrorCode::TooLarge, message))
    }
}

fn not_whole(error: impl std::fmt::Display) -> CallError {
    CallError::begun(ErrorCode::Internal, error.to_string())
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use lattice_client::stream::pipe;

    use super::*;
    use crate::wire::flow::{Life, Outlet};

    /// A stream of bytes that a result refers to.
    fn flow(at: usize, bytes: &'static [u8]) -> Flow {
        let (writer, _) = pipe(1);
        let watch = writer.watch();
        let (_, valve) = Outlet::new(writer, Life::default(), None);
        Flow {
            at,
            kind: Kind::Bytes,
            reader: Reader::whole(Bytes::from_static(bytes), Bytes::new()),
            valve,
            watch,
        }
    }

    /// A tuple of two streams of three bytes each, in so much room.
    async fn two(bytes_max: usize) -> Result<Vec<u8>, CallError> {
        let result = b"\x92\xd6\x01\0\0\0\x01\xd6\x01\0\0\0\x02".to_vec();
        whole(result, vec![flow(1, b"abc"), flow(7, b"def")], bytes_max).await
    }

    #[tokio::test]
    async fn the_streams_of_a_result_share_its_room() {
        let together = two(6).await.unwrap();
        assert_eq!(together, b"\x92\xc4\x03abc\xc4\x03def");
        // Each of them alone would fit.
        let error = two(5).await.unwrap_err();
        assert_eq!(error.code, ErrorCode::TooLarge, "{error}");
    }
}
