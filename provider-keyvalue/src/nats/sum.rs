//! Adding many increments at once: a pure function.
//!
//! A counter is stored as decimal digits, which any KV client can read and set.

use bytes::Bytes;

/// The digits of the largest number.
const DIGITS_MAX: usize = 20;

/// What becomes of a number and of each who adds to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sum {
    /// The number after all of them.
    pub(super) total: u64,
    /// For each, in order, the number just after it; none for one that would have overflown, which
    /// adds nothing.
    pub(super) after: Vec<Option<u64>>,
}

/// Adds `deltas` to `current`, one after the other.
pub(super) fn add(current: u64, deltas: impl IntoIterator<Item = u64>) -> Sum {
    let mut total = current;
    let mut step = |delta| {
        let after = total.checked_add(delta);
        total = after.unwrap_or(total);
        after
    };
    let after = deltas.into_iter().map(&mut step).collect();
    Sum { total, after }
}

/// Reads a stored number.
pub(super) fn read(value: &[u8]) -> Option<u64> {
    let is_number =
        !value.is_empty() && value.len() <= DIGITS_MAX && value.iter().all(u8::is_ascii_digit);
    std::str::from_utf8(value)
        .ok()
        .filter(|_| is_number)?
        .parse()
        .ok()
}

/// Writes a number as it is stored.
pub(super) fn write(number: u64) -> Bytes {
    Bytes::from(number.to_string())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn each_adder_sees_its_own_sum() {
        let sum = add(10, [1, 0, 5]);
        assert_eq!(
            sum,
            Sum {
                total: 16,
                after: vec![Some(11), Some(11), Some(16)]
            }
        );
    }

    #[test]
    fn one_that_would_overflow_adds_nothing_and_the_others_do() {
        let sum = add(u64::MAX - 2, [1, 5, 1, 1]);
        let max = u64::MAX;
        assert_eq!(sum.after, [Some(max - 1), None, Some(max), None]);
        assert_eq!(sum.total, max);
    }

    #[test]
    fn what_is_not_a_number_is_not_read_as_one() {
        for value in [
            "",
            " 1",
            "1 ",
            "+1",
            "-1",
            "1.0",
            "0x1",
            "18446744073709551616",
            "one",
        ] {
            assert_eq!(read(value.as_bytes()), None, "{value:?}");
        }
        assert_eq!(read(b"007"), Some(7));
        assert_eq!(read(&[0xff]), None);
    }

    proptest! {
        #[test]
        fn every_number_is_stored_as_itself(number: u64) {
            prop_assert_eq!(read(&write(number)), Some(number));
        }

        #[test]
        fn together_is_the_same_as_one_by_one(start: u64, deltas in prop::collection::vec(any::<u64>(), 0..50)) {
            let together = add(start, deltas.iter().copied());
            let mut total = start;
            for (delta, after) in deltas.into_iter().zip(together.after) {
                let single = add(total, [delta]);
                prop_assert_eq!(&single.after, &vec![after]);
                total = single.total;
            }
            prop_assert_eq!(total, together.total);
        }
    }
}
