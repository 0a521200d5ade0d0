//! What a guest says, as output of the call that it serves.
//!
//! A guest may hold on to its standard output from one call to the next, so what it holds is not
//! the output of a call but this: it follows the call that is served, and is mute between calls.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use lattice_protocol::log::Level;
use tokio::io::AsyncWrite;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamResult};

use crate::actor::log::{Lines, Output};

/// How much a guest may write at once.
const WRITE_BYTES_MAX: usize = 64 * 1024;

/// The voice of one guest; clones share it.
#[derive(Clone, Default)]
pub(super) struct Voice {
    speech: Arc<Mutex<Option<Speech>>>,
}

/// What is said in one call. A stream is opened by the first that is written to it.
struct Speech {
    output: Output,
    stdout: Option<Lines>,
    stderr: Option<Lines>,
}

/// One of the standard streams of a guest.
#[derive(Clone)]
pub(super) struct Mouth {
    voice: Voice,
    stream: Stream,
}

/// Which stream.
#[derive(Clone, Copy)]
pub(super) enum Stream {
    Stdout,
    Stderr,
}

impl Voice {
    /// From here on speaks in the call of `output`; what the one before left unfinished is said.
    pub(super) fn follow(&self, output: Option<Output>) {
        let speech = output.map(|output| Speech {
            output,
            stdout: None,
            stderr: None,
        });
        let before = std::mem::replace(&mut *self.lock(), speech);
        drop(before);
    }

    /// What was panicked with in this call.
    pub(super) fn panic(&self) -> Option<String> {
        let speech = self.lock();
        speech.as_ref()?.output.tail().panic()
    }

    /// A record with a level.
    pub(super) fn record(&self, level: Level, message: &str) {
        if let Some(speech) = &*self.lock() {
            speech.output.record(level, message);
        }
    }

    /// The host's word on what the guest was refused.
    pub(super) fn refusal(&self, message: &str) {
        if let Some(speech) = &*self.lock() {
            speech.output.refusal(message);
        }
    }

    /// A stream of this voice.
    pub(super) fn stream(&self, stream: Stream) -> Mouth {
        Mouth {
            voice: self.clone(),
            stream,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Speech>> {
        // Nothing panics under this lock.
        self.speech.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Mouth {
    fn say(&self, bytes: Bytes) -> StreamResult<()> {
        match &mut *self.voice.lock() {
            Some(speech) => speech.lines(self.stream).write(bytes),
            None => Ok(()),
        }
    }
}

impl Speech {
    fn lines(&mut self, stream: Stream) -> &mut Lines {
        let output = &self.output;
        match stream {
            Stream::Stdout => self.stdout.get_or_insert_with(|| output.stdout()),
            Stream::Stderr => self.stderr.get_or_insert_with(|| output.stderr()),
        }
    }
}

impl IsTerminal for Mouth {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for Mouth {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(self.clone())
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }
}

#[wasmtime_wasi::async_trait]
impl Pollable for Mouth {
    async fn ready(&mut self) {}
}

impl OutputStream for Mouth {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.say(bytes)
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(WRITE_BYTES_MAX)
    }
}

impl AsyncWrite for Mouth {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let said = self.say(Bytes::copy_from_slice(bytes));
        Poll::Ready(
            said.map(|()| bytes.len())
                .map_err(|error| io::Error::other(error.to_string())),
        )
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
