//! What was lifted out of a guest.

use std::ops::{Deref, DerefMut};

use lattice_protocol::codec::{Error, Writer};
use wasmtime::component::__internal::{InterfaceType, LiftContext};
use wasmtime::component::{FutureReader, Lift as _, StreamReader};
use wasmtime::{StoreContextMut, ValRaw};

use super::super::fault::Stop;
use super::super::place::Origin;
use super::outlet::{Bytes, Once, Outlet, Values};
use super::value::Value;

/// Values as MessagePack, and the streams that they refer to, numbered from 1 on.
#[derive(Debug, Default)]
pub struct Lifted {
    writer: Writer,
    flows: Vec<Outward>,
}

/// A stream that came out of a guest, to be sent on with [`Outward::send`].
#[derive(Debug)]
pub struct Outward {
    /// Where in the values it is referred to.
    pub at: usize,
    /// What it carries.
    pub kind: Kind,
    end: End,
}

/// What a stream carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Bytes.
    Bytes,
    /// Values.
    Values,
    /// One value.
    Value,
}

#[derive(Debug)]
enum End {
    Bytes(StreamReader<u8>),
    Values(StreamReader<Value>, usize),
    Value(FutureReader<Value>),
}

impl Lifted {
    /// With room for that many bytes.
    pub(in crate::wire) fn with_capacity(bytes: usize) -> Self {
        Self {
            writer: Writer::with_capacity(bytes),
            flows: Vec::new(),
        }
    }

    /// The values.
    pub fn into_bytes(self) -> Vec<u8> {
        self.writer.into_bytes()
    }

    /// The values, and the streams in order.
    pub fn into_parts(self) -> (Vec<u8>, Vec<Outward>) {
        (self.writer.into_bytes(), self.flows)
    }

    /// Takes a stream or future over from the guest.
    pub(in crate::wire) fn flow(
        &mut self,
        cx: &mut LiftContext<'_>,
        ty: InterfaceType,
        from: Origin<'_>,
    ) -> Result<(), Stop> {
        let handle = u32::try_from(from.scalar(cx, 4)?).map_err(wasmtime::Error::from)?;
        let handle = ValRaw::u32(handle);
        let (kind, end) = match ty {
            InterfaceType::Stream(index) => {
                let payload = cx.types[cx.types[index].ty].payload;
                match payload {
                    Some(InterfaceType::U8) => {
                        let stream = StreamReader::linear_lift_from_flat(cx, ty, &handle)?;
                        (Kind::Bytes, End::Bytes(stream))
                    }
                    Some(payload) => {
                        let stream = StreamReader::linear_lift_from_flat(cx, ty, &handle)?;
                        (Kind::Values, End::Values(stream, at_once(payload)))
                    }
                    None => return Err(super::super::cannot_travel()),
                }
            }
            _ => {
                let future = FutureReader::linear_lift_from_flat(cx, ty, &handle)?;
                (Kind::Value, End::Value(future))
            }
        };
        let at = self.writer.as_bytes().len();
        self.flows.push(Outward { at, kind, end });
        let number = u32::try_from(self.flows.len())
            .map_err(|_| Error::new("there are more streams than numbers"))?;
        self.writer.stream(number);
        Ok(())
    }
}

fn at_once(ty: InterfaceType) -> usize {
    match super::super::place::scalar_size(ty) {
        Some(_) => super::SCALARS_AT_ONCE,
        None => super::VALUES_AT_ONCE,
    }
}

impl Deref for Lifted {
    type Target = Writer;

    fn deref(&self) -> &Writer {
        &self.writer
    }
}

impl DerefMut for Lifted {
    fn deref_mut(&mut self) -> &mut Writer {
        &mut self.writer
    }
}

impl Outward {
    /// Sends what the guest writes into it by this outlet.
    pub fn send<T: Send + 'static>(
        self,
        store: StoreContextMut<'_, T>,
        outlet: Outlet,
    ) -> wasmtime::Result<()> {
        match self.end {
            End::Bytes(stream) => stream.pipe(store, Bytes(outlet)),
            End::Values(stream, at_once) => stream.pipe(store, Values { outlet, at_once }),
            End::Value(future) => future.pipe(store, Once(outlet.for_one_value())),
        }
    }
}
