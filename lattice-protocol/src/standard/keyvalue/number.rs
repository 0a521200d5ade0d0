//! A number that may or may not have a sign.

use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// An integer of 64 bits, with a sign or without: -2^63 to 2^64-1. Travels as any integer does; a
/// string of digits is read as well.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Number(i128);

impl Number {
    /// The least there is.
    pub const MIN: Self = Self(i64::MIN as i128);
    /// The greatest there is.
    pub const MAX: Self = Self(u64::MAX as i128);

    /// The number of that value; none if it has more than 64 bits.
    pub fn new(value: i128) -> Option<Self> {
        (Self::MIN.0..=Self::MAX.0)
            .contains(&value)
            .then_some(Self(value))
    }

    /// Its value.
    pub fn get(self) -> i128 {
        self.0
    }
}

impl From<u64> for Number {
    fn from(value: u64) -> Self {
        Self(value.into())
    }
}

impl From<i64> for Number {
    fn from(value: i64) -> Self {
        Self(value.into())
    }
}

impl std::fmt::Display for Number {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match (u64::try_from(self.0), i64::try_from(self.0)) {
            (Ok(value), _) => serializer.serialize_u64(value),
            (_, Ok(value)) => serializer.serialize_i64(value),
            // No number is built that has more bits.
            _ => Err(serde::ser::Error::custom("a number of more than 64 bits")),
        }
    }
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Digits)
    }
}

struct Digits;

impl Visitor<'_> for Digits {
    type Value = Number;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an integer of 64 bits")
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Number, E> {
        Ok(value.into())
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Number, E> {
        Ok(value.into())
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Number, E> {
        let number = text.parse().ok().and_then(Number::new);
        number.ok_or_else(|| E::invalid_value(serde::de::Unexpected::Str(text), &self))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_integer_of_64_bits_survives_and_no_other_is_one() {
        for value in [
            i128::from(i64::MIN),
            -1,
            0,
            127,
            i128::from(i64::MAX),
            i128::from(u64::MAX),
        ] {
            let number = Number::new(value).unwrap();
            let packed = rmp_serde::to_vec(&number).unwrap();
            assert_eq!(rmp_serde::from_slice::<Number>(&packed).unwrap(), number);
            let json = serde_json::to_string(&number).unwrap();
            assert_eq!(json, value.to_string());
            assert_eq!(serde_json::from_str::<Number>(&json).unwrap(), number);
            let quoted = format!("\"{value}\"");
            assert_eq!(serde_json::from_str::<Number>(&quoted).unwrap(), number);
        }
        assert_eq!(Number::new(i128::from(u64::MAX) + 1), None);
        assert_eq!(Number::new(i128::from(i64::MIN) - 1), None);
        for text in ["18446744073709551616", "1.5", "\"x\"", "null"] {
            assert!(serde_json::from_str::<Number>(text).is_err(), "{text}");
        }
    }
}
