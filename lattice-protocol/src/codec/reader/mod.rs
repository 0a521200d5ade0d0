//! A cursor over MessagePack, with typed pulls.

use std::borrow::Cow;

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use rmp::Marker;

use super::{Encoding, Error};
use number::Number;

mod number;
mod raw;

pub use number::Integer;

/// Base64 as people write it: padded or not.
pub(crate) const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// A cursor over MessagePack that came from a peer: no length is believed before the bytes are seen.
///
/// It knows whether the bytes were JSON before, since JSON has no bytes and no infinite floats, and
/// says them in strings.
#[derive(Debug, Clone, Copy)]
pub struct Reader<'a> {
    rest: &'a [u8],
    source: Encoding,
}

/// A value that contains no other.
pub(super) enum Scalar<'a> {
    Nil,
    Bool(bool),
    Unsigned(u64),
    Signed(i64),
    Single(f32),
    Double(f64),
    Text(&'a str),
    Bytes(&'a [u8]),
}

impl<'a> Reader<'a> {
    /// A cursor at the first byte.
    pub fn new(bytes: &'a [u8], source: Encoding) -> Self {
        Self {
            rest: bytes,
            source,
        }
    }

    /// Whether everything was read.
    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// Nothing may follow the value.
    pub fn finish(&self) -> Result<(), Error> {
        match self.rest.len() {
            0 => Ok(()),
            extra => Err(Error::new(format!("{extra} bytes too many at the end"))),
        }
    }

    /// A boolean.
    pub fn bool(&mut self) -> Result<bool, Error> {
        match self.peek() {
            Some(Marker::True) => self.step().map(|()| true),
            Some(Marker::False) => self.step().map(|()| false),
            _ => Err(self.mismatch("bool")),
        }
    }

    /// A character: a string of exactly one.
    pub fn char(&mut self) -> Result<char, Error> {
        let before = *self;
        if !self.is_str() {
            return Err(self.mismatch("char"));
        }
        let mut chars = self.str()?.chars();
        match (chars.next(), chars.next()) {
            (Some(one), None) => Ok(one),
            _ => Err(before.mismatch("char (a string of one character)")),
        }
    }

    /// A string.
    pub fn str(&mut self) -> Result<&'a str, Error> {
        let before = *self;
        let len = match self.marker()? {
            Marker::FixStr(len) => usize::from(len),
            Marker::Str8 => self.len8()?,
            Marker::Str16 => self.len16()?,
            Marker::Str32 => self.len32()?,
            _ => {
                *self = before;
                return Err(self.mismatch("string"));
            }
        };
        let bytes = self.take(len)?;
        std::str::from_utf8(bytes).map_err(|_| Error::new("string is not valid UTF-8"))
    }

    /// Bytes: bin, an array of small integers, or base64 where the source was JSON.
    pub fn bytes(&mut self) -> Result<Cow<'a, [u8]>, Error> {
        match self.peek() {
            Some(Marker::Bin8 | Marker::Bin16 | Marker::Bin32) => self.bin().map(Cow::Borrowed),
            _ => self.bytes_otherwise().map(Cow::Owned),
        }
    }

    /// The length of an array; its elements come next.
    pub fn array(&mut self, expected: &str) -> Result<usize, Error> {
        let before = *self;
        let len = match self.marker()? {
            Marker::FixArray(len) => usize::from(len),
            Marker::Array16 => self.len16()?,
            Marker::Array32 => self.len32()?,
            _ => {
                *self = before;
                return Err(self.mismatch(expected));
            }
        };
        self.believable(len)
    }

    /// The length of a map; its keys and values come next, in turn.
    pub fn map(&mut self, expected: &str) -> Result<usize, Error> {
        let before = *self;
        let len = match self.marker()? {
            Marker::FixMap(len) => usize::from(len),
            Marker::Map16 => self.len16()?,
            Marker::Map32 => self.len32()?,
            _ => {
                *self = before;
                return Err(self.mismatch(expected));
            }
        };
        self.believable(len.saturating_mul(2))?;
        Ok(len)
    }

    /// Takes a nil if one comes next.
    pub fn nil(&mut self) -> bool {
        let is_nil = self.peek() == Some(Marker::Null);
        if is_nil {
            self.rest = &self.rest[1..];
        }
        is_nil
    }

    /// Whether a string comes next.
    pub fn is_str(&self) -> bool {
        use Marker::{FixStr, Str8, Str16, Str32};
        matches!(self.peek(), Some(FixStr(_) | Str8 | Str16 | Str32))
    }

    /// Whether an array comes next.
    pub fn is_array(&self) -> bool {
        use Marker::{Array16, Array32, FixArray};
        matches!(self.peek(), Some(FixArray(_) | Array16 | Array32))
    }

    /// Whether a map comes next.
    pub fn is_map(&self) -> bool {
        use Marker::{FixMap, Map16, Map32};
        matches!(self.peek(), Some(FixMap(_) | Map16 | Map32))
    }

    /// Steps over one value and returns a reader of just that one.
    ///
    /// Counts what is still owed instead of recursing, so depth costs nothing; each step takes a byte.
    pub fn value(&mut self) -> Result<Self, Error> {
        let start = self.rest;
        let mut owed: usize = 1;
        while owed > 0 {
            let contained = self.shallow()?;
            owed = (owed - 1).saturating_add(contained);
        }
        Ok(Self {
            rest: &start[..start.len() - self.rest.len()],
            source: self.source,
        })
    }

    /// Takes a reference to a stream if one comes next, and answers the stream's number.
    pub fn stream(&mut self) -> Result<Option<u32>, Error> {
        if self.peek() != Some(Marker::FixExt4) {
            return Ok(None);
        }
        self.step()?;
        self.stream_number().map(Some)
    }

    /// What was not read yet.
    pub fn as_bytes(&self) -> &'a [u8] {
        self.rest
    }

    /// What comes next, for a message.
    pub fn found(&self) -> String {
        let mut ahead = *self;
        match ahead.number() {
            Ok(Some(Number::Unsigned(value))) => return format!("integer {value}"),
            Ok(Some(Number::Signed(value))) => return format!("integer {value}"),
            Ok(Some(Number::Single(value))) => return format!("float {value:?}"),
            Ok(Some(Number::Double(value))) => return format!("float {value:?}"),
            Ok(None) => {}
            Err(_) => return "a number cut short".to_owned(),
        }
        let word = match self.peek() {
            None => "the end of the payload",
            Some(Marker::Null) => "null",
            Some(Marker::True | Marker::False) => "bool",
            Some(Marker::Bin8 | Marker::Bin16 | Marker::Bin32) => "bytes",
            Some(_) if self.is_str() => "string",
            Some(_) if self.is_array() => "array",
            Some(_) if self.is_map() && self.source == Encoding::Json => "object",
            Some(_) if self.is_map() => "map",
            Some(Marker::Reserved) => "an invalid byte",
            Some(Marker::FixExt4) => "a stream",
            Some(_) => "an extension type",
        };
        word.to_owned()
    }

    /// The error that something else was expected here.
    pub fn mismatch(&self, expected: &str) -> Error {
        Error::expected(expected, self.found())
    }

    /// The scalar that comes next, whatever its type.
    pub(super) fn scalar(&mut self) -> Result<Scalar<'a>, Error> {
        match self.number()? {
            Some(Number::Unsigned(value)) => return Ok(Scalar::Unsigned(value)),
            Some(Number::Signed(value)) => return Ok(Scalar::Signed(value)),
            Some(Number::Single(value)) => return Ok(Scalar::Single(value)),
            Some(Number::Double(value)) => return Ok(Scalar::Double(value)),
            None => {}
        }
        match self.peek() {
            Some(Marker::Null) => self.step().map(|()| Scalar::Nil),
            Some(Marker::True | Marker::False) => self.bool().map(Scalar::Bool),
            Some(Marker::Bin8 | Marker::Bin16 | Marker::Bin32) => self.bin().map(Scalar::Bytes),
            Some(_) if self.is_str() => self.str().map(Scalar::Text),
            _ => Err(self.mismatch("a value")),
        }
    }

    fn bin(&mut self) -> Result<&'a [u8], Error> {
        let len = match self.marker()? {
            Marker::Bin8 => self.len8()?,
            Marker::Bin16 => self.len16()?,
            Marker::Bin32 => self.len32()?,
            _ => return Err(Error::new("expected bytes")),
        };
        self.take(len)
    }

    fn bytes_otherwise(&mut self) -> Result<Vec<u8>, Error> {
        if self.is_array() {
            let len = self.array("bytes")?;
            return (0..len)
                .map(|at| self.integer::<u8>().map_err(|error| error.in_item(at)))
                .collect();
        }
        match self.source {
            Encoding::Json if self.is_str() => BASE64
                .decode(self.str()?)
                .map_err(|error| Error::new(format!("bytes are not valid base64: {error}"))),
            Encoding::Json => Err(self.mismatch("a base64 string or an array of numbers")),
            Encoding::MessagePack => Err(self.mismatch("bytes")),
        }
    }
}
