//! The bytes below the values: markers, lengths, and stepping over.

use rmp::Marker;

use super::{Error, Reader};
use crate::frame::STREAM_EXT;

impl<'a> Reader<'a> {
    /// Steps over a value without what it contains, and says how many values that is.
    pub(super) fn shallow(&mut self) -> Result<usize, Error> {
        let body = match self.marker()? {
            Marker::FixPos(_) | Marker::FixNeg(_) => 0,
            Marker::Null | Marker::True | Marker::False => 0,
            Marker::U8 | Marker::I8 => 1,
            Marker::U16 | Marker::I16 => 2,
            Marker::U32 | Marker::I32 | Marker::F32 => 4,
            Marker::U64 | Marker::I64 | Marker::F64 => 8,
            Marker::FixStr(len) => usize::from(len),
            Marker::Str8 | Marker::Bin8 => self.len8()?,
            Marker::Str16 | Marker::Bin16 => self.len16()?,
            Marker::Str32 | Marker::Bin32 => self.len32()?,
            Marker::FixArray(len) => return Ok(len.into()),
            Marker::Array16 => return self.len16(),
            Marker::Array32 => return self.len32(),
            Marker::FixMap(len) => return Ok(usize::from(len) * 2),
            Marker::Map16 => return Ok(self.len16()? * 2),
            Marker::Map32 => return Ok(self.len32()?.saturating_mul(2)),
            Marker::FixExt4 => return self.stream_number().map(|_| 0),
            Marker::Reserved => return Err(Error::new("byte 0xc1 is not MessagePack")),
            _ => return Err(unknown_extension()),
        };
        self.take(body).map(|_| 0)
    }

    /// A stream's number: of all extension types only streams are known.
    pub(super) fn stream_number(&mut self) -> Result<u32, Error> {
        let [kind, number @ ..] = self.fixed::<5>()?;
        match i8::from_be_bytes([kind]) {
            STREAM_EXT => Ok(u32::from_be_bytes(number)),
            _ => Err(unknown_extension()),
        }
    }

    pub(super) fn peek(&self) -> Option<Marker> {
        self.rest.first().copied().map(Marker::from_u8)
    }

    pub(super) fn marker(&mut self) -> Result<Marker, Error> {
        let [byte] = self.fixed()?;
        Ok(Marker::from_u8(byte))
    }

    pub(super) fn step(&mut self) -> Result<(), Error> {
        self.take(1).map(|_| ())
    }

    pub(super) fn len8(&mut self) -> Result<usize, Error> {
        Ok(usize::from(u8::from_be_bytes(self.fixed()?)))
    }

    pub(super) fn len16(&mut self) -> Result<usize, Error> {
        Ok(usize::from(u16::from_be_bytes(self.fixed()?)))
    }

    pub(super) fn len32(&mut self) -> Result<usize, Error> {
        let len = u32::from_be_bytes(self.fixed()?);
        usize::try_from(len).map_err(|_| ends_early())
    }

    pub(super) fn fixed<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        let (head, rest) = self.rest.split_first_chunk().ok_or_else(ends_early)?;
        self.rest = rest;
        Ok(*head)
    }

    pub(super) fn take(&mut self, len: usize) -> Result<&'a [u8], Error> {
        let (head, rest) = self.rest.split_at_checked(len).ok_or_else(ends_early)?;
        self.rest = rest;
        Ok(head)
    }

    /// Every element takes at least a byte, so nobody allocates for a length that lies.
    pub(super) fn believable(&self, values: usize) -> Result<usize, Error> {
        if values > self.rest.len() {
            return Err(ends_early());
        }
        Ok(values)
    }
}

fn unknown_extension() -> Error {
    Error::new("extension types are not accepted, but for streams")
}

fn ends_early() -> Error {
    Error::new("payload ends early")
}
