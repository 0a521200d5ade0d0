//! Numbers as they are stored, and adding to them: pure functions.
//!
//! A number is stored as decimal digits, which any client of the store can read and set.

use bytes::Bytes;
use lattice_protocol::standard::keyvalue::Number;

use crate::store::Error;

/// The characters of the longest number, with its sign.
const LEN_MAX: usize = 20;

/// What is added to a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Delta {
    by: i128,
    least: i128,
    greatest: i128,
}

/// What becomes of a number and of each who adds to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sum {
    /// The number after all of them.
    pub(crate) total: Number,
    /// For each, in order, the number just after it; none for one that would have overflown, which
    /// adds nothing.
    pub(crate) after: Vec<Option<Number>>,
}

impl Delta {
    /// Refused when it is not itself within the range of the sums that are asked for.
    pub(crate) fn new(by: Number, signed: bool) -> Result<Self, Error> {
        let (least, greatest) = match signed {
            true => (i64::MIN.into(), i64::MAX.into()),
            false => (0, u64::MAX.into()),
        };
        let by = by.get();
        if !(least..=greatest).contains(&by) {
            let hint = match signed {
                true => "",
                false => ": say signed to take away",
            };
            return Err(Error::refused(format!(
                "delta is {by}: use a number from {least} to {greatest}{hint}"
            )));
        }
        Ok(Self {
            by,
            least,
            greatest,
        })
    }

    /// What is added.
    pub(crate) fn by(self) -> i128 {
        self.by
    }

    /// The sum, if it is within the range that was asked for.
    pub(crate) fn to(self, number: Number) -> Option<Number> {
        let sum = number.get() + self.by;
        let fits = (self.least..=self.greatest).contains(&sum);
        Number::new(sum).filter(|_| fits)
    }
}

/// Adds `deltas` to `current`, one after the other.
pub(crate) fn add(current: Number, deltas: impl IntoIterator<Item = Delta>) -> Sum {
    let mut total = current;
    let mut step = |delta: Delta| {
        let after = delta.to(total);
        total = after.unwrap_or(total);
        after
    };
    let after = deltas.into_iter().map(&mut step).collect();
    Sum { total, after }
}

/// Adds to what is stored at a key, if anything is.
pub(crate) fn increment(key: &str, stored: Option<&[u8]>, delta: Delta) -> Result<Number, Error> {
    let current = match stored {
        None => Number::from(0u64),
        Some(value) => read(value).ok_or_else(|| not_a_number(key))?,
    };
    delta.to(current).ok_or_else(overflow)
}

/// Reads a stored number.
pub(crate) fn read(value: &[u8]) -> Option<Number> {
    let digits = value.strip_prefix(b"-").unwrap_or(value);
    let is_number =
        !digits.is_empty() && value.len() <= LEN_MAX && digits.iter().all(u8::is_ascii_digit);
    let text = std::str::from_utf8(value).ok().filter(|_| is_number)?;
    Number::new(text.parse().ok()?)
}

/// Writes a number as it is stored.
pub(crate) fn write(number: Number) -> Bytes {
    Bytes::from(number.to_string())
}

pub(crate) fn overflow() -> Error {
    Error::refused("the sum is out of range: nothing was added")
}

pub(crate) fn not_a_number(key: &str) -> Error {
    Error::refused(format!("the value of key {key:?} is not a number"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn number(value: i128) -> Number {
        Number::new(value).unwrap()
    }

    fn delta(by: u64) -> Delta {
        Delta::new(by.into(), false).unwrap()
    }

    fn signed(by: i64) -> Delta {
        Delta::new(by.into(), true).unwrap()
    }

    #[test]
    fn each_adder_sees_its_own_sum() {
        let sum = add(number(10), [delta(1), delta(0), delta(5), signed(-20)]);
        assert_eq!(sum.total, number(-4));
        let after: Vec<_> = sum.after.into_iter().flatten().collect();
        assert_eq!(after, [11, 11, 16, -4].map(number));
    }

    #[test]
    fn one_that_would_overflow_adds_nothing_and_the_others_do() {
        let max = i128::from(u64::MAX);
        let sum = add(number(max - 2), [delta(1), delta(5), signed(1), delta(1)]);
        let after = [Some(number(max - 1)), None, None, Some(number(max))];
        assert_eq!(sum.after, after);
        assert_eq!(sum.total, number(max));
    }

    #[test]
    fn a_sum_is_of_the_kind_that_was_asked_for() {
        assert_eq!(delta(3).to(number(-5)), None);
        assert_eq!(delta(7).to(number(-5)), Some(number(2)));
        assert_eq!(signed(0).to(number(i128::from(i64::MAX) + 1)), None);
        assert_eq!(signed(-1).to(number(i128::from(i64::MIN))), None);
        let refused = Delta::new(number(-1), false).unwrap_err();
        assert!(format!("{refused:?}").contains("signed"), "{refused:?}");
        assert!(Delta::new(number(i128::from(u64::MAX)), true).is_err());
    }

    #[test]
    fn what_is_not_a_number_is_not_read_as_one() {
        for value in [
            "",
            "-",
            " 1",
            "1 ",
            "+1",
            "--1",
            "1.0",
            "0x1",
            "18446744073709551616",
            "-9223372036854775809",
            "one",
        ] {
            assert_eq!(read(value.as_bytes()), None, "{value:?}");
        }
        assert_eq!(read(b"007"), Some(number(7)));
        assert_eq!(read(b"-7"), Some(number(-7)));
        assert_eq!(read(&[0xff]), None);
    }

    proptest! {
        #[test]
        fn every_number_is_stored_as_itself(value in i128::from(i64::MIN)..=i128::from(u64::MAX)) {
            prop_assert_eq!(read(&write(number(value))), Some(number(value)));
        }

        #[test]
        fn together_is_the_same_as_one_by_one(start: u64, by in prop::collection::vec(any::<i64>(), 0..50)) {
            let deltas = || by.iter().map(|by| signed(*by));
            let together = add(start.into(), deltas());
            let mut total = start.into();
            for (delta, after) in deltas().zip(together.after) {
                let single = add(total, [delta]);
                prop_assert_eq!(&single.after, &vec![after]);
                total = single.total;
            }
            prop_assert_eq!(total, together.total);
        }
    }
}
