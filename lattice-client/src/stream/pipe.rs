//! A writer and a reader with a bounded number of bytes between them.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use lattice_protocol::error::{CallError, ErrorCode};
use lattice_protocol::frame;

use super::progress::Progress;

/// The end that bytes come from.
///
/// One that is dropped before it has ended or failed breaks the stream off: the reader hears an error,
/// never an early end.
#[derive(Debug)]
pub struct Writer {
    pipe: Arc<Pipe>,
    ended: bool,
}

/// The end that bytes go to. Dropping it tells the writer that nothing more is wanted.
#[derive(Debug)]
pub struct Reader {
    pipe: Arc<Pipe>,
}

/// Hears when a stream is over, beside whoever writes it.
#[derive(Debug)]
pub struct Watch {
    pipe: Arc<Pipe>,
}

#[derive(Debug)]
struct Pipe {
    window_bytes: usize,
    progress: Progress,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    pieces: VecDeque<Bytes>,
    /// What the pieces cost (see [`frame::cost`]).
    held: usize,
    /// What was read since the writer asked last, as cost.
    taken: usize,
    /// Whether the reader has begun.
    wanted: bool,
    end: Option<Result<Bytes, CallError>>,
    tail: Option<Bytes>,
    /// Why nothing more is wanted.
    closed: Option<CallError>,
    reading: Option<Waker>,
    writing: Option<Waker>,
    watching: Option<Waker>,
}

/// A pipe that holds about `window_bytes`.
pub fn pipe(window_bytes: usize) -> (Writer, Reader) {
    pipe_with(window_bytes, Progress::default())
}

/// A pipe whose movements count for a call.
pub fn pipe_with(window_bytes: usize, progress: Progress) -> (Writer, Reader) {
    let pipe = Arc::new(Pipe {
        window_bytes,
        progress,
        state: Mutex::default(),
    });
    let writer = Writer {
        pipe: pipe.clone(),
        ended: false,
    };
    (writer, Reader { pipe })
}

impl Pipe {
    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing panics under this lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn wake(waker: Option<Waker>) {
    if let Some(waker) = waker {
        waker.wake();
    }
}

/// Keeps the waker that is to be called, and the one that it has if that is the same.
fn park(place: &mut Option<Waker>, cx: &Context<'_>) {
    match place {
        Some(waker) if waker.will_wake(cx.waker()) => {}
        place => *place = Some(cx.waker().clone()),
    }
}

impl Writer {
    /// Writes a piece once there is room; an error when nobody reads any more.
    pub async fn write(&mut self, piece: Bytes) -> Result<(), CallError> {
        poll_fn(|cx| self.poll_ready(cx)).await?;
        self.push(piece);
        Ok(())
    }

    /// Whether there is room for a piece, of any length.
    pub fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), CallError>> {
        let mut state = self.pipe.lock();
        if let Some(closed) = &state.closed {
            return Poll::Ready(Err(closed.clone()));
        }
        if state.held < self.pipe.window_bytes {
            return Poll::Ready(Ok(()));
        }
        park(&mut state.writing, cx);
        Poll::Pending
    }

    /// Writes a piece without asking for room.
    pub fn push(&mut self, piece: Bytes) {
        if piece.is_empty() {
            return;
        }
        self.pipe.progress.touch();
        let mut state = self.pipe.lock();
        if state.closed.is_some() {
            return;
        }
        state.held += frame::cost(piece.len());
        state.pieces.push_back(piece);
        let reading = state.reading.take();
        drop(state);
        wake(reading);
    }

    /// All was written; `tail` comes after it.
    pub fn end(mut self, tail: Bytes) {
        self.finish(Ok(tail));
    }

    /// Breaks the stream off.
    pub fn fail(mut self, error: CallError) {
        self.finish(Err(error));
    }

    fn finish(&mut self, end: Result<Bytes, CallError>) {
        self.ended = true;
        self.pipe.progress.touch();
        let mut state = self.pipe.lock();
        // Whoever gave it up before has nothing to hear of its end.
        if state.closed.is_none() {
            state.end = Some(end);
        }
        let (reading, watching) = (state.reading.take(), state.watching.take());
        drop(state);
        wake(reading);
        wake(watching);
    }

    /// Returns when nothing more is wanted, with the reason.
    pub async fn closed(&mut self) -> CallError {
        poll_fn(|cx| self.poll_closed(cx)).await
    }

    /// Whether nothing more is wanted.
    pub fn poll_closed(&mut self, cx: &mut Context<'_>) -> Poll<CallError> {
        let mut state = self.pipe.lock();
        if let Some(closed) = &state.closed {
            return Poll::Ready(closed.clone());
        }
        park(&mut state.writing, cx);
        Poll::Pending
    }

    /// Whether the reader has begun, and what it took since this was asked last: both as soon as there
    /// is something to tell.
    pub(crate) fn poll_taken(&mut self, begun: bool, cx: &mut Context<'_>) -> Poll<usize> {
        let mut state = self.pipe.lock();
        if state.taken > 0 || (state.wanted && !begun) {
            return Poll::Ready(std::mem::take(&mut state.taken));
        }
        park(&mut state.writing, cx);
        Poll::Pending
    }

    /// When it moved last.
    pub fn progress(&self) -> Progress {
        self.pipe.progress.clone()
    }

    /// Hears when the stream is over. There is one watch at a time: a second one takes the first one's
    /// place.
    pub fn watch(&self) -> Watch {
        Watch {
            pipe: self.pipe.clone(),
        }
    }
}

impl Watch {
    /// Returns when the stream is over: whether its reader gave it up before it had ended.
    pub async fn given_up(&mut self) -> bool {
        poll_fn(|cx| {
            let mut state = self.pipe.lock();
            if state.end.is_some() || state.closed.is_some() {
                return Poll::Ready(state.end.is_none());
            }
            park(&mut state.watching, cx);
            Poll::Pending
        })
        .await
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        if !self.ended {
            let error = CallError::begun(ErrorCode::Cancelled, "the stream broke off");
            self.finish(Err(error));
        }
    }
}

impl Reader {
    /// A stream that is there already, with its tail.
    pub fn whole(bytes: Bytes, tail: Bytes) -> Self {
        let (mut writer, reader) = pipe(usize::MAX);
        writer.push(bytes);
        writer.end(tail);
        reader
    }

    /// The next piece, never an empty one; `None` at the end. After an error, or the end, the same again.
    pub async fn next(&mut self) -> Option<Result<Bytes, CallError>> {
        poll_fn(|cx| self.poll_next(cx)).await
    }

    /// The next piece, as [`Reader::next`].
    pub fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, CallError>>> {
        self.poll_up_to(usize::MAX, cx)
    }

    /// The next piece, of at most so many bytes.
    pub(crate) fn poll_up_to(
        &mut self,
        bytes_max: usize,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, CallError>>> {
        let mut state = self.pipe.lock();
        let first = !std::mem::replace(&mut state.wanted, true);
        let Some(mut piece) = state.pieces.pop_front() else {
            let end = match &mut state.end {
                Some(Ok(tail)) => {
                    let tail = std::mem::take(tail);
                    state.tail.get_or_insert(tail);
                    Poll::Ready(None)
                }
                Some(Err(error)) => Poll::Ready(Some(Err(error.clone()))),
                None => {
                    park(&mut state.reading, cx);
                    Poll::Pending
                }
            };
            // Whoever waits for the stream to be begun hears of it.
            let writing = if first { state.writing.take() } else { None };
            drop(state);
            wake(writing);
            return end;
        };
        // The cost of a piece that is read in parts is given back with the last of them.
        if piece.len() > bytes_max {
            let part = piece.split_to(bytes_max);
            state.pieces.push_front(piece);
            let was = frame::cost(part.len() + state.pieces.front().map_or(0, Bytes::len));
            let is = frame::cost(state.pieces.front().map_or(0, Bytes::len));
            state.settle(was - is);
            piece = part;
        } else {
            state.settle(frame::cost(piece.len()));
        }
        let writing = state.writing.take();
        drop(state);
        self.pipe.progress.touch();
        wake(writing);
        Poll::Ready(Some(Ok(piece)))
    }

    /// What the stream ended with; empty before its end.
    pub fn tail(&self) -> Bytes {
        self.pipe.lock().tail.clone().unwrap_or_default()
    }

    /// Gives the rest up, with a reason for the writer.
    pub fn refuse(self, error: CallError) {
        self.close(error);
    }

    /// Whether anybody has asked for a piece yet.
    pub(crate) fn is_begun(&self) -> bool {
        self.pipe.lock().wanted
    }

    /// When it moved last.
    pub fn progress(&self) -> Progress {
        self.pipe.progress.clone()
    }

    fn close(&self, error: CallError) {
        let mut state = self.pipe.lock();
        if state.closed.is_some() {
            return;
        }
        state.closed = Some(error);
        state.pieces.clear();
        state.held = 0;
        let (writing, watching) = (state.writing.take(), state.watching.take());
        drop(state);
        wake(writing);
        wake(watching);
    }
}

impl State {
    fn settle(&mut self, cost: usize) {
        self.held = self.held.saturating_sub(cost);
        self.taken = self.taken.saturating_add(cost);
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        let error = CallError::begun(ErrorCode::Cancelled, "nobody reads the stream any more");
        self.close(error);
    }
}

#[cfg(test)]
#[path = "pipe_test.rs"]
mod tests;
