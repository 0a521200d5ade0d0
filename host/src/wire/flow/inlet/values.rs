//! A stream of other values of a guest, and a future.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use lattice_protocol::codec::elements::Elements;
use lattice_protocol::codec::{Encoding, Error, Reader};
use lattice_protocol::error::{CallError, ErrorCode};
use wasmtime::StoreContextMut;
use wasmtime::component::types::Type;
use wasmtime::component::{Destination, FutureProducer, StreamProducer, StreamResult, VecBuffer};

use super::feed::{Feed, Next};
use crate::wire::check::check;
use crate::wire::flow::at_once;
use crate::wire::flow::value::Value;

/// Values, each checked as it comes.
pub(super) struct Values {
    feed: Feed,
    elements: Elements,
    ty: Type,
    source: Encoding,
    /// What is wrong with the next element.
    bad: Option<Error>,
}

impl Values {
    pub(super) fn new(feed: Feed, ty: &Type, source: Encoding) -> Self {
        Self {
            feed,
            elements: Elements::default(),
            ty: ty.clone(),
            source,
            bad: None,
        }
    }

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
pub(super) struct Once(pub(super) Values);

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
