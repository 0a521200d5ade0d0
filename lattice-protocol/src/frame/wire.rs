//! A frame's header, written and read.

use std::fmt;
use std::str::FromStr;

/// What a message of a channel is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame {
    /// Its number among all frames of one end.
    pub number: u64,
    /// What it says.
    pub kind: Kind,
}

/// What a frame says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The request or the reply itself.
    Open {
        /// How many streams follow.
        streams: u16,
        /// The bytes of the whole payload.
        bytes: u64,
    },
    /// A piece of a stream of the sender.
    Data {
        /// Which.
        stream: u16,
    },
    /// A stream of the sender is whole.
    End {
        /// Which.
        stream: u16,
    },
    /// A stream of the sender broke off.
    Fail {
        /// Which.
        stream: u16,
    },
    /// More may be sent of a stream of the receiver.
    Credit {
        /// Which.
        stream: u16,
        /// So many bytes.
        bytes: u32,
    },
    /// Nothing more is wanted of a stream of the receiver.
    Stop {
        /// Which.
        stream: u16,
    },
    /// The caller goes away.
    Cancel,
    /// The sender is there, and has sent all frames below this one's number, which the next has as well.
    Here,
}

/// A header that is no frame's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a frame")]
pub struct Malformed(String);

/// How much of a malformed header is quoted.
const QUOTED_MAX: usize = 40;

impl fmt::Display for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ", self.number)?;
        match self.kind {
            Kind::Open { streams, bytes } => write!(f, "open {streams} {bytes}"),
            Kind::Data { stream } => write!(f, "data {stream}"),
            Kind::End { stream } => write!(f, "end {stream}"),
            Kind::Fail { stream } => write!(f, "fail {stream}"),
            Kind::Credit { stream, bytes } => write!(f, "credit {stream} {bytes}"),
            Kind::Stop { stream } => write!(f, "stop {stream}"),
            Kind::Cancel => f.write_str("cancel"),
            Kind::Here => f.write_str("here"),
        }
    }
}

impl FromStr for Frame {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        read(text).ok_or_else(|| Malformed(text.chars().take(QUOTED_MAX).collect()))
    }
}

fn read(text: &str) -> Option<Frame> {
    let mut words = text.split(' ');
    let number = words.next()?.parse().ok()?;
    let kind = match words.next()? {
        "open" => Kind::Open {
            streams: words.next()?.parse().ok()?,
            bytes: words.next()?.parse().ok()?,
        },
        "data" => Kind::Data {
            stream: words.next()?.parse().ok()?,
        },
        "end" => Kind::End {
            stream: words.next()?.parse().ok()?,
        },
        "fail" => Kind::Fail {
            stream: words.next()?.parse().ok()?,
        },
        "credit" => Kind::Credit {
            stream: words.next()?.parse().ok()?,
            bytes: words.next()?.parse().ok()?,
        },
        "stop" => Kind::Stop {
            stream: words.next()?.parse().ok()?,
        },
        "cancel" => Kind::Cancel,
        "here" => Kind::Here,
        _ => return None,
    };
    words.next().is_none().then_some(Frame { number, kind })
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOLDEN: &[(&str, Kind)] = &[
        (
            "7 open 1 532",
            Kind::Open {
                streams: 1,
                bytes: 532,
            },
        ),
        ("7 data 0", Kind::Data { stream: 0 }),
        ("7 end 2", Kind::End { stream: 2 }),
        ("7 fail 3", Kind::Fail { stream: 3 }),
        (
            "7 credit 1 65536",
            Kind::Credit {
                stream: 1,
                bytes: 65_536,
            },
        ),
        ("7 stop 1", Kind::Stop { stream: 1 }),
        ("7 cancel", Kind::Cancel),
        ("7 here", Kind::Here),
    ];

    #[test]
    fn every_frame_has_its_golden_text_and_comes_back_from_it() {
        for (text, kind) in GOLDEN {
            let frame = Frame {
                number: 7,
                kind: *kind,
            };
            assert_eq!(frame.to_string(), *text);
            assert_eq!(text.parse(), Ok(frame));
        }
    }

    #[test]
    fn what_is_no_frame_is_refused_and_quoted_in_part() {
        for text in [
            "",
            "data 1",
            "1 data",
            "1 data 1 1",
            "1 data -1",
            "1 data 70000",
            "1  data 1",
            "1 open 1",
            "1 credit 1 4294967296",
            "18446744073709551616 cancel",
            "1 Cancel",
        ] {
            assert!(text.parse::<Frame>().is_err(), "{text}");
        }
        let long = "x".repeat(10_000).parse::<Frame>().unwrap_err();
        assert!(long.to_string().len() < 100);
    }
}
