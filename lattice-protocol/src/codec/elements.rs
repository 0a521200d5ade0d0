//! The elements of a `stream<T>`, and the value of a `future<T>`, as the bytes of a stream.
//!
//! They come in chunks: four bytes that say how many bytes follow, the highest first, then one or more
//! values in MessagePack, one after the other. A chunk has at most [`CHUNK_BYTES_MAX`] bytes, so a value
//! does. How a stream is cut into pieces on its way means nothing. A `future<T>` is a stream of one
//! element. A `stream<u8>` has no chunks: its bytes are its elements.

use bytes::{Buf as _, Bytes, BytesMut};

use super::{Encoding, Error, Reader};

/// The longest chunk, and so the longest element: about what a NATS message has.
pub const CHUNK_BYTES_MAX: usize = 1024 * 1024;
/// From how many bytes on a writer of ours begins another chunk: half a frame.
const CHUNK_BYTES: usize = 64 * 1024;
/// What tells a chunk's length.
const HEAD_BYTES: usize = 4;

/// Puts values, each as MessagePack, into chunks.
pub fn chunks<V: AsRef<[u8]>>(values: impl IntoIterator<Item = V>) -> Result<Vec<Bytes>, Error> {
    let mut done = Vec::new();
    let mut open = BytesMut::new();
    for value in values {
        let value = value.as_ref();
        if value.len() > CHUNK_BYTES_MAX {
            let message = format!(
                "an element has {} bytes and {CHUNK_BYTES_MAX} are taken",
                value.len()
            );
            return Err(Error::new(message));
        }
        if open.len() > HEAD_BYTES && open.len() + value.len() > CHUNK_BYTES {
            done.push(closed(&mut open));
        }
        if open.is_empty() {
            open.extend_from_slice(&[0; HEAD_BYTES]);
        }
        open.extend_from_slice(value);
    }
    if !open.is_empty() {
        done.push(closed(&mut open));
    }
    Ok(done)
}

fn closed(open: &mut BytesMut) -> Bytes {
    let mut chunk = std::mem::take(open);
    // Never more than the longest chunk, which is far below what four bytes can say.
    let len = u32::try_from(chunk.len() - HEAD_BYTES).unwrap_or(u32::MAX);
    chunk[..HEAD_BYTES].copy_from_slice(&len.to_be_bytes());
    chunk.freeze()
}

/// Takes elements out of a stream's bytes.
#[derive(Debug, Default)]
pub struct Elements {
    /// What has come of the chunks after this one.
    ahead: BytesMut,
    /// What is left of this chunk.
    chunk: Bytes,
}

impl Elements {
    /// Adds what has come.
    pub fn feed(&mut self, piece: &[u8]) {
        self.ahead.extend_from_slice(piece);
    }

    /// The next element as MessagePack; none if more must come first.
    pub fn pull(&mut self) -> Result<Option<Bytes>, Error> {
        if self.chunk.is_empty() && !self.open()? {
            return Ok(None);
        }
        let mut reader = Reader::new(&self.chunk, Encoding::MessagePack);
        let len = reader.value()?.as_bytes().len();
        Ok(Some(self.chunk.split_to(len)))
    }

    /// Whether the stream may end here: no element was begun.
    pub fn may_end(&self) -> bool {
        self.chunk.is_empty() && self.ahead.is_empty()
    }

    /// Takes the next chunk, if all of it is here.
    fn open(&mut self) -> Result<bool, Error> {
        let Some(head) = self.ahead.first_chunk::<HEAD_BYTES>() else {
            return Ok(false);
        };
        let len = usize::try_from(u32::from_be_bytes(*head)).unwrap_or(usize::MAX);
        if len == 0 || len > CHUNK_BYTES_MAX {
            let message = format!("a chunk of {len} bytes: it has 1 to {CHUNK_BYTES_MAX}");
            return Err(Error::new(message));
        }
        if self.ahead.len() - HEAD_BYTES < len {
            return Ok(false);
        }
        self.ahead.advance(HEAD_BYTES);
        self.chunk = self.ahead.split_to(len).freeze();
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(count: u64) -> Vec<Vec<u8>> {
        let written = |number| {
            let mut writer = super::super::Writer::default();
            writer.unsigned(number);
            writer.into_bytes()
        };
        (0..count).map(|n| written(n * n)).collect()
    }

    fn all(elements: &mut Elements) -> Vec<Vec<u8>> {
        std::iter::from_fn(|| elements.pull().unwrap())
            .map(|element| element.to_vec())
            .collect()
    }

    #[test]
    fn a_chunk_is_a_length_and_values() {
        let values = [&[0x07][..], &[0xa1, b'x'], &[0xc0]];
        let chunks = chunks(values).unwrap();
        assert_eq!(chunks, [&[0, 0, 0, 4, 7, 0xa1, b'x', 0xc0][..]]);
        assert!(super::chunks::<&[u8]>([]).unwrap().is_empty());
    }

    #[test]
    fn elements_are_the_same_however_the_stream_is_cut() {
        let sent = numbers(40_000);
        let bytes = chunks(&sent).unwrap().concat();
        for size in [1, 3, 4, 5, 1_000, 100_000, bytes.len()] {
            let mut elements = Elements::default();
            let mut came = Vec::new();
            for piece in bytes.chunks(size) {
                elements.feed(piece);
                came.extend(all(&mut elements));
            }
            assert!(elements.may_end() && came == sent, "{size}");
        }
    }

    #[test]
    fn what_breaks_off_in_an_element_may_not_end_there() {
        let bytes = chunks(numbers(3)).unwrap().concat();
        for cut in 1..bytes.len() {
            let mut elements = Elements::default();
            elements.feed(&bytes[..cut]);
            assert!(
                all(&mut elements).is_empty() && !elements.may_end(),
                "{cut}"
            );
        }
    }

    #[test]
    fn chunks_that_lie_are_refused() {
        for bytes in [
            &[0, 0, 0, 0][..],
            &[0, 0x10, 0, 1],
            &[0xff, 0xff, 0xff, 0xff],
            &[0, 0, 0, 2, 0xa2, b'x'],
            &[0, 0, 0, 1, 0xc1],
        ] {
            let mut elements = Elements::default();
            elements.feed(bytes);
            assert!(elements.pull().is_err(), "{bytes:x?}");
        }
        assert!(chunks([vec![0; CHUNK_BYTES_MAX + 1]]).is_err());
    }
}
