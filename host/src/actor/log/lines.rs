//! One stream of one call, cut into lines.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use bytes::Bytes;
use lattice_protocol::log::{Level, Stream};
use tokio::io::AsyncWrite;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamResult};

use super::{About, LINE_BYTES_MAX, Log, lock};

/// How much of a call's standard error is kept to explain a trap: a panic's message fits.
const TAIL_BYTES_MAX: usize = 1024;
/// How much a guest may write at once.
const WRITE_BYTES_MAX: usize = 64 * 1024;

/// One stream of one call.
#[derive(Clone)]
pub struct Lines {
    inner: Arc<LinesInner>,
}

struct LinesInner {
    log: Log,
    about: About,
    stream: Stream,
    partial: Mutex<Vec<u8>>,
    tail: Option<Arc<Mutex<Vec<u8>>>>,
}

impl Lines {
    pub(super) fn new(
        log: Log,
        about: About,
        stream: Stream,
        tail: Option<Arc<Mutex<Vec<u8>>>>,
    ) -> Self {
        let inner = LinesInner {
            log,
            about,
            stream,
            partial: Mutex::default(),
            tail,
        };
        Self {
            inner: Arc::new(inner),
        }
    }
}

impl LinesInner {
    fn write(&self, mut bytes: &[u8]) {
        if let Some(tail) = &self.tail {
            let mut tail = lock(tail);
            tail.extend_from_slice(bytes);
            let excess = tail.len().saturating_sub(TAIL_BYTES_MAX);
            tail.drain(..excess);
        }
        let mut partial = lock(&self.partial);
        while !bytes.is_empty() {
            let room = LINE_BYTES_MAX - partial.len();
            let end = bytes.iter().take(room).position(|b| *b == b'\n');
            let taken = end.unwrap_or(room.min(bytes.len()));
            partial.extend_from_slice(&bytes[..taken]);
            bytes = &bytes[taken + usize::from(end.is_some())..];
            if end.is_some() || partial.len() == LINE_BYTES_MAX {
                self.say(&std::mem::take(&mut *partial));
            }
        }
    }

    fn say(&self, line: &[u8]) {
        let level = match self.stream {
            Stream::Stderr => Level::Warn,
            _ => Level::Info,
        };
        let message = String::from_utf8_lossy(line).into_owned();
        self.log.say(level, self.stream, self.about, message);
    }
}

impl Drop for LinesInner {
    fn drop(&mut self) {
        let partial = std::mem::take(&mut *lock(&self.partial));
        if !partial.is_empty() {
            self.say(&partial);
        }
    }
}

impl IsTerminal for Lines {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for Lines {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(self.clone())
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }
}

#[wasmtime_wasi::async_trait]
impl Pollable for Lines {
    async fn ready(&mut self) {}
}

impl OutputStream for Lines {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.inner.write(&bytes);
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(WRITE_BYTES_MAX)
    }
}

impl AsyncWrite for Lines {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.inner.write(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
