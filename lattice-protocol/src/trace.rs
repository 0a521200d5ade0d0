//! W3C `traceparent`, read and written: `00-<trace>-<span>-<flags>`, all in lower-case hex.
//!
//! A call's own header travels as the text that it is; only who makes spans or writes logs looks
//! into it.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

/// The flag that says that the caller records this trace.
const SAMPLED: u8 = 1;
/// The length of version 0, which later versions begin with.
const LEN: usize = 55;

/// A trace: all that one request set off, on whatever hosts.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct TraceId(u128);

/// Where in which trace a call was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Traceparent {
    /// The trace.
    pub trace: TraceId,
    /// The span in which the call was made; never zero.
    pub span: u64,
    /// The flags as they came; see [`Traceparent::is_sampled`].
    pub flags: u8,
}

/// The text is no `traceparent`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a traceparent: write 00-<32 hex digits>-<16 hex digits>-<2 hex digits>")]
pub struct NotATraceparent;

impl TraceId {
    /// A trace by its number, which is not zero.
    pub fn new(number: u128) -> Option<Self> {
        (number != 0).then_some(Self(number))
    }

    /// Its number.
    pub fn number(self) -> u128 {
        self.0
    }
}

impl Traceparent {
    /// Whether the caller records this trace.
    pub fn is_sampled(&self) -> bool {
        self.flags & SAMPLED != 0
    }
}

impl FromStr for Traceparent {
    type Err = NotATraceparent;

    /// A later version is read by what version 0 had, as W3C says.
    fn from_str(text: &str) -> Result<Self, NotATraceparent> {
        let head = text.get(..LEN).ok_or(NotATraceparent)?;
        let mut parts = head.split('-');
        let mut part = |digits| hex(parts.next().unwrap_or_default(), digits);
        let (version, trace) = (part(2)?, part(32)?);
        let (span, flags) = (part(16)?, part(2)?);
        let rest = &text[LEN..];
        let ends = match version {
            0 => rest.is_empty(),
            0xff => false,
            _ => rest.is_empty() || rest.starts_with('-'),
        };
        if !ends || parts.next().is_some() {
            return Err(NotATraceparent);
        }
        let span = u64::try_from(span).map_err(|_| NotATraceparent)?;
        if span == 0 {
            return Err(NotATraceparent);
        }
        Ok(Self {
            trace: TraceId::new(trace).ok_or(NotATraceparent)?,
            span,
            flags: u8::try_from(flags).map_err(|_| NotATraceparent)?,
        })
    }
}

fn hex(text: &str, digits: usize) -> Result<u128, NotATraceparent> {
    let lower = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    if text.len() != digits || !text.bytes().all(lower) {
        return Err(NotATraceparent);
    }
    u128::from_str_radix(text, 16).map_err(|_| NotATraceparent)
}

impl fmt::Display for Traceparent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "00-{}-{:016x}-{:02x}", self.trace, self.span, self.flags)
    }
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for TraceId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for TraceId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        let number = hex(&text, 32).ok().and_then(Self::new);
        number.ok_or_else(|| serde::de::Error::custom("a trace has 32 hex digits, not all zero"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn a_traceparent_survives_text() {
        let parsed: Traceparent = TEXT.parse().unwrap();
        assert_eq!(parsed.to_string(), TEXT);
        assert!(parsed.is_sampled());
        let trace = serde_json::to_string(&parsed.trace).unwrap();
        assert_eq!(trace, "\"4bf92f3577b34da6a3ce929d0e0e4736\"");
        assert_eq!(
            serde_json::from_str::<TraceId>(&trace).unwrap(),
            parsed.trace
        );
        let unsampled: Traceparent = TEXT.replace("-01", "-00").parse().unwrap();
        assert!(!unsampled.is_sampled());
    }

    #[test]
    fn a_later_version_is_read_by_what_this_one_had() {
        for text in [
            TEXT.replacen("00", "cc", 1),
            format!("cc{}-more", &TEXT[2..]),
        ] {
            let parsed: Traceparent = text.parse().unwrap();
            assert_eq!(parsed.to_string(), TEXT, "{text}");
        }
    }

    #[test]
    fn what_is_no_traceparent_is_refused_without_a_panic() {
        let zero_trace = TEXT.replace("4bf92f3577b34da6a3ce929d0e0e4736", &"0".repeat(32));
        let zero_span = TEXT.replace("00f067aa0ba902b7", &"0".repeat(16));
        let accents = "é".repeat(40);
        for text in [
            "",
            "00-1-2-01",
            &TEXT.to_uppercase(),
            &TEXT.replacen("00", "ff", 1),
            &format!("{TEXT}-more"),
            &format!("{TEXT}0"),
            &format!("cc{}more", &TEXT[2..]),
            &TEXT.replace('-', "+"),
            &zero_trace,
            &zero_span,
            &accents,
        ] {
            assert_eq!(text.parse::<Traceparent>(), Err(NotATraceparent), "{text}");
        }
    }
}
