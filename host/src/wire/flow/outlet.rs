//! Out of a guest: what it writes into its streams goes into pipes.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use lattice_client::stream::Writer;
use lattice_protocol::codec::elements::chunks;
use lattice_protocol::error::{CallError, ErrorCode};
use wasmtime::StoreContextMut;
use wasmtime::component::{FutureConsumer, Source, StreamConsumer, StreamResult};

use super::value::{Value, from_the_first};
use super::{Hold, Life};

/// The most bytes that are taken of a write at once: a frame has as many.
const PIECE_BYTES_MAX: usize = lattice_protocol::frame::FRAME_BYTES_MAX;

/// Where one of a guest's streams goes. When the guest lets go of it, the stream has ended; when the
/// guest goes, it has not.
#[derive(Debug)]
pub struct Outlet {
    valve: Valve,
    life: Life,
    /// Whether an end would be too early: a future owes its value.
    owes: bool,
    _hold: Option<Hold>,
}

/// A hand on an outlet from outside of the guest.
#[derive(Debug, Clone)]
pub struct Valve(Arc<Mutex<Option<Writer>>>);

impl Outlet {
    /// One into this pipe, out of a guest of this life; it holds the call until it is over.
    pub fn new(writer: Writer, life: Life, hold: Option<Hold>) -> (Self, Valve) {
        let valve = Valve(Arc::new(Mutex::new(Some(writer))));
        let outlet = Self {
            valve: valve.clone(),
            life,
            owes: false,
            _hold: hold,
        };
        (outlet, valve)
    }

    pub(super) fn for_one_value(mut self) -> Self {
        self.owes = true;
        self
    }

    /// Whether there is room for more (`true`), or nobody wants it.
    fn poll_room(&mut self, cx: &mut Context<'_>) -> Poll<bool> {
        match &mut *self.valve.lock() {
            Some(writer) => writer.poll_ready(cx).map(|room| room.is_ok()),
            None => Poll::Ready(false),
        }
    }

    fn push(&mut self, piece: bytes::Bytes) {
        if let Some(writer) = &mut *self.valve.lock() {
            writer.push(piece);
        }
    }

    /// Writes elements; whether they could be written.
    fn push_values(&mut self, values: &[Value]) -> bool {
        match chunks(values.iter().map(|value| &value.bytes)) {
            Ok(chunks) => {
                chunks.into_iter().for_each(|chunk| self.push(chunk));
                true
            }
            Err(error) => {
                let error = CallError::begun(ErrorCode::TooLarge, error.to_string());
                self.valve.fail(error);
                false
            }
        }
    }
}

impl Drop for Outlet {
    fn drop(&mut self) {
        if self.life.is_over() {
            // Whoever has a hand on it says why.
            return;
        }
        let Some(writer) = self.valve.lock().take() else {
            return;
        };
        match self.owes {
            false => writer.end(bytes::Bytes::new()),
            true => writer.fail(CallError::begun(
                ErrorCode::Trapped,
                "the future was let go of without a value",
            )),
        }
    }
}

impl Valve {
    /// Breaks the stream off, unless it has ended.
    pub fn fail(&self, error: CallError) {
        let writer = self.lock().take();
        if let Some(writer) = writer {
            writer.fail(error);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Writer>> {
        // Nothing panics under this lock.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What to answer wasmtime when there is room; else the answer itself.
fn room(outlet: &mut Outlet, cx: &mut Context<'_>, finish: bool) -> Poll<Option<StreamResult>> {
    match outlet.poll_room(cx) {
        Poll::Ready(true) => Poll::Ready(None),
        Poll::Ready(false) => Poll::Ready(Some(StreamResult::Dropped)),
        Poll::Pending if finish => Poll::Ready(Some(StreamResult::Cancelled)),
        Poll::Pending => Poll::Pending,
    }
}

/// A `stream<u8>`.
pub(super) struct Bytes(pub(super) Outlet);

impl<D: 'static> StreamConsumer<D> for Bytes {
    type Item = u8;

    fn poll_consume(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        store: StoreContextMut<'_, D>,
        source: Source<'_, u8>,
        finish: bool,
    ) -> Poll<wasmtime::Result<StreamResult>> {
        if let Some(result) = ready!(room(&mut self.0, cx, finish)) {
            return Poll::Ready(Ok(result));
        }
        let mut source = source.as_direct(store);
        let written = source.remaining();
        let piece = &written[..written.len().min(PIECE_BYTES_MAX)];
        let (len, piece) = (piece.len(), bytes::Bytes::copy_from_slice(piece));
        self.0.push(piece);
        source.mark_read(len);
        Poll::Ready(Ok(StreamResult::Completed))
    }
}

/// A stream of other values.
pub(super) struct Values {
    pub(super) outlet: Outlet,
    pub(super) at_once: usize,
}

impl<D: 'static> StreamConsumer<D> for Values {
    type Item = Value;

    fn poll_consume(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut store: StoreContextMut<'_, D>,
        mut source: Source<'_, Value>,
        finish: bool,
    ) -> Poll<wasmtime::Result<StreamResult>> {
        if let Some(result) = ready!(room(&mut self.outlet, cx, finish)) {
            return Poll::Ready(Ok(result));
        }
        let count = source.remaining(&mut store).min(self.at_once);
        if count == 0 {
            return Poll::Ready(Ok(StreamResult::Completed));
        }
        // In one go: what is left of a write comes as another one.
        let mut values = Vec::with_capacity(count);
        from_the_first(|| source.read(&mut store, &mut values))?;
        Poll::Ready(Ok(match self.outlet.push_values(&values) {
            true => StreamResult::Completed,
            false => StreamResult::Dropped,
        }))
    }
}

/// A future.
pub(super) struct Once(pub(super) Outlet);

impl<D: 'static> FutureConsumer<D> for Once {
    type Item = Value;

    fn poll_consume(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        store: StoreContextMut<'_, D>,
        mut source: Source<'_, Value>,
        _: bool,
    ) -> Poll<wasmtime::Result<()>> {
        let mut value = None;
        from_the_first(|| source.read(store, &mut value))?;
        if let Some(value) = value {
            self.0.push_values(std::slice::from_ref(&value));
            self.0.owes = false;
            let writer = self.0.valve.lock().take();
            if let Some(writer) = writer {
                writer.end(bytes::Bytes::new());
            }
        }
        Poll::Ready(Ok(()))
    }
}
