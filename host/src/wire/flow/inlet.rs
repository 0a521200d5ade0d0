//! Into a guest: what comes by pipes goes into its streams.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, Bytes};
use lattice_client::stream::{Reader as Pipe, Streams};
use lattice_protocol::codec::elements::{Elements, chunks};
use lattice_protocol::codec::{Encoding, Error, Reader};
use lattice_protocol::error::{CallError, ErrorCode};
use wasmtime::component::__internal::{InterfaceType, LowerContext};
use wasmtime::component::types::Type;
use wasmtime::component::{
    Destination, FutureProducer, FutureReader, Lower, StreamProducer, StreamReader, StreamResult,
    VecBuffer,
};
use wasmtime::{AsContextMut as _, StoreContextMut, ValRaw};

use super::super::check::check;
use super::super::fault::Stop;
use super::super::lower::cases::result_by;
use super::super::lower::{elements_by, lower};
use super::super::place::{Target, shape};
use super::value::Value;
use super::{Carried, Hold, at_once};

/// Ends the call whose stream broke off, and answers what traps the guest if there is no other way.
pub type Fail = Arc<dyn Fn(CallError) -> Option<wasmtime::Error> + Send + Sync>;

/// The streams that values on their way into a guest refer to.
#[derive(Clone)]
pub struct Inlets {
    /// The streams, by number.
    pub streams: Streams,
    /// What the values were before they were MessagePack.
    pub source: Encoding,
    /// What becomes of the call when one of them breaks off.
    pub fail: Fail,
    /// Held by each of them until it is over.
    pub hold: Option<Hold>,
}

impl Inlets {
    /// Makes a stream or future in the guest out of what the value refers to, or all of which it is.
    pub(in crate::wire) fn lower<T: 'static>(
        &self,
        cx: &mut LowerContext<'_, T>,
        ty: InterfaceType,
        carried: &Carried,
        reader: &mut Reader<'_>,
        to: Target<'_>,
    ) -> Result<(), Stop> {
        let (pipe, source) = match reader.stream()? {
            Some(number) => (self.stream(number)?, Encoding::MessagePack),
            None => (whole(carried, reader)?, self.source),
        };
        let feed = Feed {
            pipe,
            fail: self.fail.clone(),
            failed: false,
            _hold: self.hold.clone(),
        };
        let store = cx.store.as_context_mut();
        let values = |feed, ty: &Type| Values {
            feed,
            elements: Elements::default(),
            ty: ty.clone(),
            source,
            bad: None,
        };
        match carried {
            Carried::Bytes => {
                let rest = Bytes::new();
                place(StreamReader::new(store, Octets { feed, rest })?, cx, ty, to)
            }
            Carried::Values(of) => place(StreamReader::new(store, values(feed, of))?, cx, ty, to),
            Carried::Value(of) => {
                let once = Once(values(feed, of));
                place(FutureReader::new(store, once)?, cx, ty, to)
            }
        }
    }

    fn stream(&self, number: u32) -> Result<Pipe, Error> {
        self.streams.take(number).ok_or_else(|| {
            let message = format!("stream {number} did not come, or is referred to twice");
            Error::new(message)
        })
    }
}

/// All of a stream or future, as a stream.
fn whole(carried: &Carried, reader: &mut Reader<'_>) -> Result<Pipe, Error> {
    let values = match carried {
        Carried::Bytes => {
            let bytes = reader.bytes()?.into_owned();
            return Ok(Pipe::whole(bytes.into(), Bytes::new()));
        }
        Carried::Values(_) => {
            let len = reader.array("a stream, or an array of all its elements")?;
            let one = |_| reader.value().map(|value| value.as_bytes());
            (0..len).map(one).collect::<Result<Vec<_>, _>>()?
        }
        Carried::Value(_) => vec![reader.value()?.as_bytes()],
    };
    let bytes = chunks(values)?.concat();
    Ok(Pipe::whole(bytes.into(), Bytes::new()))
}

fn place<T: 'static>(
    handle: impl Lower<Lower = ValRaw>,
    cx: &mut LowerContext<'_, T>,
    ty: InterfaceType,
    to: Target<'_>,
) -> Result<(), Stop> {
    match to {
        Target::Memory(offset) => handle.linear_lower_to_memory(cx, ty, offset)?,
        Target::Flat([slot]) => handle.linear_lower_to_flat(cx, ty, slot)?,
        Target::Flat(_) => return Err(shape()),
    }
    Ok(())
}

/// A result, in which streams stand alone, or in tuples and results.
pub(in crate::wire) fn lower_result<T: 'static>(
    cx: &mut LowerContext<'_, T>,
    ty: InterfaceType,
    public: &Type,
    reader: &mut Reader<'_>,
    to: Target<'_>,
    inlets: &Inlets,
) -> Result<(), Stop> {
    if let Some(carried) = Carried::of(public) {
        return inlets.lower(cx, ty, &carried, reader, to);
    }
    let types = cx.types;
    match (ty, public) {
        (InterfaceType::Tuple(index), Type::Tuple(tuple)) => {
            let members: Vec<_> = tuple.types().collect();
            let each = |cx: &mut LowerContext<'_, T>,
                        at: usize,
                        ty,
                        reader: &mut Reader<'_>,
                        place: Target<'_>| match members.get(at) {
                Some(public) => lower_result(cx, ty, public, reader, place, inlets),
                None => Err(shape()),
            };
            elements_by(cx, types[index].types.iter(), reader, to, each)
        }
        (InterfaceType::Result(index), Type::Result(sides)) => {
            let inner = |cx: &mut LowerContext<'_, T>,
                         is_ok: bool,
                         ty,
                         reader: &mut Reader<'_>,
                         place: Target<'_>| {
                let side = if is_ok { sides.ok() } else { sides.err() };
                let public = side.ok_or_else(shape)?;
                lower_result(cx, ty, &public, reader, place, inlets)
            };
            result_by(cx, &types[index], reader, to, inner)
        }
        _ => lower(cx, ty, reader, to),
    }
}

/// The pipe of one stream.
struct Feed {
    pipe: Pipe,
    fail: Fail,
    /// It broke off: the call is ending, and the guest waits until it has.
    failed: bool,
    _hold: Option<Hold>,
}

/// What comes next.
enum Next {
    Piece(Bytes),
    End,
    Cancelled,
}

impl Feed {
    fn poll(&mut self, cx: &mut Context<'_>, finish: bool) -> Poll<wasmtime::Result<Next>> {
        if self.failed {
            return waits(finish);
        }
        match self.pipe.poll_next(cx) {
            Poll::Pending => waits(finish),
            Poll::Ready(None) => Poll::Ready(Ok(Next::End)),
            Poll::Ready(Some(Ok(piece))) => Poll::Ready(Ok(Next::Piece(piece))),
            Poll::Ready(Some(Err(error))) => self.fail(error, finish),
        }
    }

    fn fail(&mut self, error: CallError, finish: bool) -> Poll<wasmtime::Result<Next>> {
        self.failed = true;
        match (self.fail)(error) {
            Some(trap) => Poll::Ready(Err(trap)),
            None => waits(finish),
        }
    }
}

fn waits(finish: bool) -> Poll<wasmtime::Result<Next>> {
    match finish {
        true => Poll::Ready(Ok(Next::Cancelled)),
        false => Poll::Pending,
    }
}

/// A `stream<u8>`.
struct Octets {
    feed: Feed,
    /// What didn't fit the guest's last read.
    rest: Bytes,
}

impl<D: 'static> StreamProducer<D> for Octets {
    type Item = u8;
    type Buffer = VecBuffer<u8>;

    fn poll_produce<'a>(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut store: StoreContextMut<'a, D>,
        destination: Destination<'a, u8, Self::Buffer>,
        finish: bool,
    ) -> Poll<wasmtime::Result<StreamResult>> {
        let this = &mut *self;
        while this.rest.is_empty() {
            match ready!(this.feed.poll(cx, finish))? {
                Next::Piece(piece) => this.rest = piece,
                Next::End => return Poll::Ready(Ok(StreamResult::Dropped)),
                Next::Cancelled => return Poll::Ready(Ok(StreamResult::Cancelled)),
            }
        }
        // A read of nothing only asks whether there is something.
        if destination.remaining(&mut store) != Some(0) {
            let mut room = destination.as_direct(store, this.rest.len());
            let into = room.remaining();
            let len = into.len().min(this.rest.len());
            into[..len].copy_from_slice(&this.rest[..len]);
            room.mark_written(len);
            this.rest.advance(len);
        }
        Poll::Ready(Ok(StreamResult::Completed))
    }
}

/// A stream of other values.
struct Values {
    feed: Feed,
    elements: Elements,
    ty: Type,
    source: Encoding,
    /// What is wrong with the next element.
    bad: Option<Error>,
}

impl Values {
    /// The elements that have come, up to so many.
    fn here(&mut self, wanted: usize) -> Vec<Value> {
        let mut values = Vec::new();
        // What comes after a bad one is as good as not there.
        while !self.feed.failed && values.len() < wanted && self.bad.is_none() {
            match self.next() {
                Ok(Some(bytes)) => values.push(Value {
                    bytes,
                    source: self.source,
                }),
                Ok(None) => break,
                Err(error) => self.bad = Some(error),
            }
        }
        values
    }

    fn next(&mut self) -> Result<Option<Bytes>, Error> {
        let Some(bytes) = self.elements.pull()? else {
            return Ok(None);
        };
        check(&self.ty, &mut Reader::new(&bytes, self.source))?;
        Ok(Some(bytes))
    }

    /// Waits for more.
    fn poll_more(
        &mut self,
        cx: &mut Context<'_>,
        finish: bool,
    ) -> Poll<wasmtime::Result<Option<StreamResult>>> {
        if let Some(error) = self.bad.take() {
            let error = CallError::begun(ErrorCode::BadRequest, format!("in a stream: {error}"));
            return self
                .feed
                .fail(error, finish)
                .map_ok(|_| Some(StreamResult::Cancelled));
        }
        Poll::Ready(Ok(match ready!(self.feed.poll(cx, finish))? {
            Next::Piece(piece) => {
                self.elements.feed(&piece);
                None
            }
            Next::End if self.elements.may_end() => Some(StreamResult::Dropped),
            Next::End => {
                self.bad = Some(Error::new("it ended within an element"));
                None
            }
            Next::Cancelled => Some(StreamResult::Cancelled),
        }))
    }
}

impl<D: 'static> StreamProducer<D> for Values {
    type Item = Value;
    type Buffer = VecBuffer<Value>;

    fn poll_produce<'a>(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut store: StoreContextMut<'a, D>,
        mut destination: Destination<'a, Value, Self::Buffer>,
        finish: bool,
    ) -> Poll<wasmtime::Result<StreamResult>> {
        let this = &mut *self;
        let most = at_once(&this.ty);
        let wanted = match destination.remaining(&mut store) {
            Some(0) => return Poll::Ready(Ok(StreamResult::Completed)),
            Some(room) => room.min(most),
            None => most,
        };
        loop {
            let values = this.here(wanted);
            if !values.is_empty() {
                destination.set_buffer(values.into());
                return Poll::Ready(Ok(StreamResult::Completed));
            }
            if let Some(result) = ready!(this.poll_more(cx, finish))? {
                return Poll::Ready(Ok(result));
            }
        }
    }
}

/// A future.
struct Once(Values);

impl<D: 'static> FutureProducer<D> for Once {
    type Item = Value;

    fn poll_produce(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        _: StoreContextMut<'_, D>,
        finish: bool,
    ) -> Poll<wasmtime::Result<Option<Value>>> {
        let values = &mut self.0;
        loop {
            if let Some(value) = values.here(1).pop() {
                return Poll::Ready(Ok(Some(value)));
            }
            match ready!(values.poll_more(cx, finish))? {
                None => {}
                Some(StreamResult::Dropped) => {
                    values.bad = Some(Error::new("a future ended without its value"));
                }
                Some(_) => return Poll::Ready(Ok(None)),
            }
        }
    }
}
