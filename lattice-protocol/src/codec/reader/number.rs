//! Numbers: every width and kind that MessagePack has, read as the type that WIT wants.

use std::str::FromStr;

use rmp::Marker;

use super::{Encoding, Error, Reader};

/// An integer type of WIT.
pub trait Integer: TryFrom<u64> + TryFrom<i64> + FromStr {
    /// As WIT spells it.
    const NAME: &'static str;
    /// Whether a decimal string is accepted too: JavaScript can't say a large 64-bit number.
    const AS_TEXT: bool = false;
}

macro_rules! integers {
    ($($ty:ty, $name:literal $(, $text:literal)?;)*) => {
        $(impl Integer for $ty {
            const NAME: &'static str = $name;
            $(const AS_TEXT: bool = $text;)?
        })*
    };
}
integers! {
    u8, "u8"; u16, "u16"; u32, "u32"; u64, "u64", true;
    i8, "s8"; i16, "s16"; i32, "s32"; i64, "s64", true;
}

pub(super) enum Number {
    Unsigned(u64),
    Signed(i64),
    Single(f32),
    Double(f64),
}

impl Reader<'_> {
    /// An integer that fits the type.
    pub fn integer<T: Integer>(&mut self) -> Result<T, Error> {
        let before = *self;
        let value = match self.number()? {
            Some(Number::Unsigned(value)) => T::try_from(value).ok(),
            Some(Number::Signed(value)) => T::try_from(value).ok(),
            Some(_) => None,
            None if T::AS_TEXT && self.is_str() => self.str()?.parse().ok(),
            None => None,
        };
        value.ok_or_else(|| before.mismatch(T::NAME))
    }

    /// A 32-bit float; a wider one is rounded, an integer converted.
    pub fn f32(&mut self) -> Result<f32, Error> {
        let before = *self;
        let value = match self.number()? {
            Some(Number::Single(value)) => Some(value),
            Some(Number::Double(value)) if self.source == Encoding::Json => narrow(as_meant(value)),
            Some(Number::Double(value)) => narrow(value),
            Some(Number::Unsigned(value)) => Some(value as f32),
            Some(Number::Signed(value)) => Some(value as f32),
            None => self.named_float()?.map(|value| value as f32),
        };
        value.ok_or_else(|| before.mismatch("f32"))
    }

    /// A 64-bit float; an integer is converted.
    pub fn f64(&mut self) -> Result<f64, Error> {
        let before = *self;
        let value = match self.number()? {
            Some(Number::Single(value)) => Some(f64::from(value)),
            Some(Number::Double(value)) => Some(value),
            Some(Number::Unsigned(value)) => Some(value as f64),
            Some(Number::Signed(value)) => Some(value as f64),
            None => self.named_float()?,
        };
        value.ok_or_else(|| before.mismatch("f64"))
    }

    /// The floats that JSON lacks.
    fn named_float(&mut self) -> Result<Option<f64>, Error> {
        if self.source != Encoding::Json || !self.is_str() {
            return Ok(None);
        }
        Ok(match self.str()? {
            "NaN" => Some(f64::NAN),
            "Infinity" => Some(f64::INFINITY),
            "-Infinity" => Some(f64::NEG_INFINITY),
            _ => None,
        })
    }

    /// A number of any kind; takes nothing if something else comes next.
    pub(super) fn number(&mut self) -> Result<Option<Number>, Error> {
        use Number::{Double, Signed, Single, Unsigned};
        let Some(marker) = self.peek() else {
            return Ok(None);
        };
        let mut ahead = *self;
        ahead.rest = &self.rest[1..];
        let number = match marker {
            Marker::FixPos(value) => Unsigned(value.into()),
            Marker::FixNeg(value) => Signed(value.into()),
            Marker::U8 => Unsigned(u8::from_be_bytes(ahead.fixed()?).into()),
            Marker::U16 => Unsigned(u16::from_be_bytes(ahead.fixed()?).into()),
            Marker::U32 => Unsigned(u32::from_be_bytes(ahead.fixed()?).into()),
            Marker::U64 => Unsigned(u64::from_be_bytes(ahead.fixed()?)),
            Marker::I8 => Signed(i8::from_be_bytes(ahead.fixed()?).into()),
            Marker::I16 => Signed(i16::from_be_bytes(ahead.fixed()?).into()),
            Marker::I32 => Signed(i32::from_be_bytes(ahead.fixed()?).into()),
            Marker::I64 => Signed(i64::from_be_bytes(ahead.fixed()?)),
            Marker::F32 => Single(f32::from_be_bytes(ahead.fixed()?)),
            Marker::F64 => Double(f64::from_be_bytes(ahead.fixed()?)),
            _ => return Ok(None),
        };
        *self = ahead;
        Ok(Some(number))
    }
}

/// A finite number must stay finite.
fn narrow(value: f64) -> Option<f32> {
    let narrowed = value as f32;
    (narrowed.is_finite() || !value.is_finite()).then_some(narrowed)
}

/// A decimal in JSON was read as a double. Where that lies midway between two singles, rounding
/// it once more would guess: if it is the shortest decimal of one of the two, that one is meant.
fn as_meant(value: f64) -> f64 {
    let near = value as f32;
    let other = match f64::from(near) < value {
        true => near.next_up(),
        false => near.next_down(),
    };
    if value - f64::from(near) != f64::from(other) - value {
        return value;
    }
    let is_meant = |single: &f32| single.to_string().parse() == Ok(value);
    [near, other]
        .into_iter()
        .find(is_meant)
        .map_or(value, f64::from)
}
