//! How a call fails: a value with a code, never silence.
//!
//! On the wire an error is an empty or ignored payload with four headers:
//!
//! | header | value |
//! |---|---|
//! | `Nats-Service-Error-Code` | a number every NATS micro client knows; see [`ErrorCode::status`] |
//! | `Nats-Service-Error` | the message, one line |
//! | `Lattice-Error` | the code by name: see [`ErrorCode`] |
//! | `Lattice-Executed` | `no` or `maybe`: whether a retry can do the work twice |

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The longest error message that travels: a trap's first line fits, a backtrace doesn't.
pub const MESSAGE_LEN_MAX: usize = 1024;

/// What went wrong, as far as a caller would act differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ErrorCode {
    /// The request is malformed or doesn't fit the function: repeating it won't help.
    BadRequest,
    /// The caller may not do this.
    Denied,
    /// No such target, function or thing.
    NotFound,
    /// The time given was over first.
    Deadline,
    /// The payload is over a limit.
    TooLarge,
    /// No room: try again later or elsewhere.
    Overloaded,
    /// The guest trapped.
    Trapped,
    /// Nobody is there to answer, or they went away.
    Unavailable,
    /// The caller went away.
    Cancelled,
    /// A fault of the lattice itself.
    Internal,
}

impl ErrorCode {
    const ALL: [Self; 10] = [
        Self::BadRequest,
        Self::Denied,
        Self::NotFound,
        Self::Deadline,
        Self::TooLarge,
        Self::Overloaded,
        Self::Trapped,
        Self::Unavailable,
        Self::Cancelled,
        Self::Internal,
    ];

    /// The code by name, as `Lattice-Error` carries it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::BadRequest => "bad-request",
            Self::Denied => "denied",
            Self::NotFound => "not-found",
            Self::Deadline => "deadline",
            Self::TooLarge => "too-large",
            Self::Overloaded => "overloaded",
            Self::Trapped => "trapped",
            Self::Unavailable => "unavailable",
            Self::Cancelled => "cancelled",
            Self::Internal => "internal",
        }
    }

    /// The number for micro clients, which is also the HTTP status that says the same.
    pub fn status(self) -> u16 {
        match self {
            Self::BadRequest => 400,
            Self::Denied => 403,
            Self::NotFound => 404,
            Self::TooLarge => 413,
            Self::Cancelled => 499,
            Self::Internal => 500,
            Self::Trapped => 502,
            Self::Overloaded | Self::Unavailable => 503,
            Self::Deadline => 504,
        }
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for ErrorCode {
    type Err = UnknownCode;

    fn from_str(text: &str) -> Result<Self, UnknownCode> {
        Self::ALL
            .into_iter()
            .find(|code| code.as_str() == text)
            .ok_or(UnknownCode)
    }
}

/// The text names no error code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an error code")]
pub struct UnknownCode;

/// Whether the work may have been done: tells a caller whether a retry is safe.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Executed {
    /// Certainly not: a retry is safe.
    No,
    /// Perhaps, wholly or in part.
    Maybe,
}

impl Executed {
    /// The word that `Lattice-Executed` carries.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::No => "no",
            Self::Maybe => "maybe",
        }
    }
}

/// A call that ended in an error.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct CallError {
    /// What went wrong.
    pub code: ErrorCode,
    /// One line for people; may name things of the caller, never the host's insides.
    pub message: String,
    /// Whether the work may have been done.
    pub executed: Executed,
}

impl CallError {
    /// An error of work that was certainly not begun.
    pub fn refused(code: ErrorCode, message: impl Into<String>) -> Self {
        Self::new(code, message, Executed::No)
    }

    /// An error of work that may have been done.
    pub fn begun(code: ErrorCode, message: impl Into<String>) -> Self {
        Self::new(code, message, Executed::Maybe)
    }

    /// An error as it was read: the message becomes one bounded line.
    pub fn new(code: ErrorCode, message: impl Into<String>, executed: Executed) -> Self {
        let message = one_line(message.into());
        Self {
            code,
            message,
            executed,
        }
    }
}

/// One line of at most [`MESSAGE_LEN_MAX`] bytes: headers and tables can't hold line breaks, and a
/// message may quote what a guest, a compiler or a peer said.
pub fn one_line(mut message: String) -> String {
    if message.len() > MESSAGE_LEN_MAX {
        let end = message.floor_char_boundary(MESSAGE_LEN_MAX);
        message.truncate(end);
    }
    if message.contains(|c: char| c.is_control()) {
        message = message
            .split(|c: char| c.is_control())
            .filter(|part| !part.trim().is_empty())
            .collect::<Vec<_>>()
            .join(" ");
    }
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_survives_text() {
        for code in ErrorCode::ALL {
            assert_eq!(code.as_str().parse(), Ok(code));
            assert_eq!(serde_json::to_string(&code).unwrap(), format!("\"{code}\""));
        }
        assert_eq!("teapot".parse::<ErrorCode>(), Err(UnknownCode));
    }

    #[test]
    fn a_message_is_one_bounded_line_whatever_it_quotes() {
        let error = CallError::refused(ErrorCode::Trapped, "one\r\nInjected: header\n\ttwo");
        assert_eq!(error.message, "one Injected: header two");
        let long = CallError::refused(ErrorCode::Trapped, "ä".repeat(10_000));
        assert!(long.message.len() <= MESSAGE_LEN_MAX);
    }
}
