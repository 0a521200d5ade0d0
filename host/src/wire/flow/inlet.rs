//! Into a guest: what comes by pipes goes into its streams.
//!
//! - here: which pipe becomes which stream of the guest;
//! - `feed`: the pipe of one stream, and what happens when it breaks off;
//! - `octets`, `values`: what the guest reads of it.

mod feed;
mod octets;
mod values;

use std::sync::Arc;

use bytes::Bytes;
use lattice_client::stream::{Reader as Pipe, Streams};
use lattice_protocol::codec::elements::chunks;
use lattice_protocol::codec::{Encoding, Error, Reader};
use lattice_protocol::error::CallError;
use wasmtime::component::__internal::{InterfaceType, LowerContext};
use wasmtime::component::types::Type;
use wasmtime::component::{FutureReader, Lower, StreamReader};
use wasmtime::{AsContextMut as _, ValRaw};

use self::feed::Feed;
use self::octets::Octets;
use self::values::{Once, Values};
use super::super::fault::Stop;
use super::super::lower::cases::result_by;
use super::super::lower::{elements_by, lower};
use super::super::place::{Target, shape};
use super::{Carried, Hold};

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
        let feed = Feed::new(pipe, self.fail.clone(), self.hold.clone());
        let store = cx.store.as_context_mut();
        match carried {
            Carried::Bytes => {
                let rest = Bytes::new();
                place(StreamReader::new(store, Octets { feed, rest })?, cx, ty, to)
            }
            Carried::Values(of) => place(
                StreamReader::new(store, Values::new(feed, of, source))?,
                cx,
                ty,
                to,
            ),
            Carried::Value(of) => {
                let once = Once(Values::new(feed, of, source));
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
