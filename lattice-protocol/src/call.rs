//! The headers of a call and of its reply.
//!
//! A call is one request: subject, these headers, and the arguments as the payload (see
//! [`codec`](crate::codec)). Its reply carries the bare result, or an error in headers (see
//! [`error`](crate::error)). Every header may be absent: any NATS client can call with none.
//! Unknown headers are passed over, so that newer callers reach older hosts.
//!
//! | header | who sends it | value |
//! |---|---|---|
//! | `Lattice-Id` | callers that may retry | a uuid; a retry repeats it |
//! | `Lattice-Deadline-Ms` | any caller | milliseconds that *remain*; each hop subtracts what it used |
//! | `Lattice-Hops` | hosts | how many actors the call went through; refused at [`HOPS_MAX`] |
//! | `Lattice-Source` | hosts only | the actor that calls through a link |
//! | `Lattice-Link` | hosts only | the name of that link |
//! | `traceparent`, `tracestate` | any caller | W3C trace context |
//! | `Lattice-Frame` | callers and callees with streams | what the message is in a channel of [frames](crate::frame) |
//! | `Content-Type` | any caller | `application/json` or `application/msgpack`; else the first byte tells |

use std::time::Duration;

use crate::error::{CallError, ErrorCode, Executed};
use crate::id::{ActorName, CallId, LinkName};

/// The deadline of a call that names none.
pub const DEADLINE_DEFAULT: Duration = Duration::from_secs(10);
/// The longest deadline: what a caller asks beyond this is cut, so that no slot is held for good.
pub const DEADLINE_MAX: Duration = Duration::from_secs(60 * 60);
/// How many actors a call may pass through: what is past this is a cycle.
pub const HOPS_MAX: u8 = 16;
/// The longest trace header that is passed on: W3C allows 512 for `tracestate`.
pub const TRACE_LEN_MAX: usize = 512;

/// The longest `Content-Type`: those that are known have twenty bytes, and room for parameters.
pub const CONTENT_TYPE_LEN_MAX: usize = 256;

/// Header names, spelled once.
pub mod header {
    /// A call's id.
    pub const ID: &str = "Lattice-Id";
    /// The milliseconds that remain.
    pub const DEADLINE_MS: &str = "Lattice-Deadline-Ms";
    /// How many actors the call went through.
    pub const HOPS: &str = "Lattice-Hops";
    /// The actor that calls through a link.
    pub const SOURCE: &str = "Lattice-Source";
    /// The name of that link.
    pub const LINK: &str = "Lattice-Link";
    /// An error's code by name.
    pub const ERROR: &str = "Lattice-Error";
    /// Whether the work of a failed call may have been done.
    pub const EXECUTED: &str = "Lattice-Executed";
    /// An error's code as a number, as NATS micro clients know it.
    pub const SERVICE_ERROR_CODE: &str = "Nats-Service-Error-Code";
    /// An error's message, as NATS micro clients know it.
    pub const SERVICE_ERROR: &str = "Nats-Service-Error";
    /// What a message is in a channel of frames.
    pub const FRAME: &str = "Lattice-Frame";
    /// W3C trace context.
    pub const TRACEPARENT: &str = "traceparent";
    /// W3C trace state.
    pub const TRACESTATE: &str = "tracestate";
    /// The encoding of the payload.
    pub const CONTENT_TYPE: &str = "Content-Type";
}

/// Who calls through which link: what a provider applies a link's config by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// The calling actor.
    pub source: ActorName,
    /// Its link.
    pub link: LinkName,
}

/// What travels beside a call's payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Context {
    /// The call's id, over all its attempts.
    pub id: CallId,
    /// The time that remains.
    pub remaining: Duration,
    /// How many actors it went through.
    pub hops: u8,
    /// The link it came through; none for a call from outside.
    pub origin: Option<Origin>,
    /// W3C `traceparent`.
    pub traceparent: Option<String>,
    /// W3C `tracestate`.
    pub tracestate: Option<String>,
    /// The `Content-Type` of the payload, if one was named.
    pub content_type: Option<String>,
}

impl Default for Context {
    fn default() -> Self {
        Self {
            id: CallId::new(),
            remaining: DEADLINE_DEFAULT,
            hops: 0,
            origin: None,
            traceparent: None,
            tracestate: None,
            content_type: None,
        }
    }
}

impl Context {
    /// The headers to send, each with its value.
    pub fn encode(&self, mut put: impl FnMut(&'static str, String)) {
        put(header::ID, self.id.to_string());
        put(header::DEADLINE_MS, self.remaining.as_millis().to_string());
        if self.hops > 0 {
            put(header::HOPS, self.hops.to_string());
        }
        if let Some(origin) = &self.origin {
            put(header::SOURCE, origin.source.to_string());
            put(header::LINK, origin.link.to_string());
        }
        let texts = [
            (header::TRACEPARENT, &self.traceparent),
            (header::TRACESTATE, &self.tracestate),
            (header::CONTENT_TYPE, &self.content_type),
        ];
        for (name, value) in texts {
            if let Some(value) = value {
                put(name, value.clone());
            }
        }
    }

    /// Reads the headers of a request; what is absent has its default.
    ///
    /// A header that is there and wrong is an error: a deadline that can't be read must not become
    /// a longer one in silence.
    pub fn decode<'a>(get: impl Fn(&str) -> Option<&'a str>) -> Result<Self, CallError> {
        let origin = match (get(header::SOURCE), get(header::LINK)) {
            (None, _) => None,
            (Some(source), link) => Some(Origin {
                source: read(header::SOURCE, source)?,
                link: link
                    .map(|l| read(header::LINK, l))
                    .transpose()?
                    .unwrap_or_default(),
            }),
        };
        let id = get(header::ID).map(|id| read(header::ID, id)).transpose()?;
        let hops = get(header::HOPS)
            .map(|h| read(header::HOPS, h))
            .transpose()?;
        let text = |name| {
            get(name)
                .filter(|v| v.len() <= TRACE_LEN_MAX)
                .map(str::to_owned)
        };
        Ok(Self {
            id: id.unwrap_or_default(),
            remaining: get(header::DEADLINE_MS).map_or(Ok(DEADLINE_DEFAULT), read_deadline)?,
            hops: hops.unwrap_or(0),
            origin,
            traceparent: text(header::TRACEPARENT),
            tracestate: text(header::TRACESTATE),
            content_type: get(header::CONTENT_TYPE)
                .map(read_content_type)
                .transpose()?,
        })
    }

    /// The context of a call that an actor makes while it serves this one.
    pub fn onward(&self, remaining: Duration, origin: Origin) -> Result<Self, CallError> {
        if self.hops >= HOPS_MAX - 1 {
            let message = format!(
                "the call went through {HOPS_MAX} actors: the links of {} form a cycle",
                origin.source
            );
            return Err(CallError::refused(ErrorCode::BadRequest, message));
        }
        Ok(Self {
            id: CallId::new(),
            remaining,
            hops: self.hops + 1,
            origin: Some(origin),
            traceparent: self.traceparent.clone(),
            tracestate: self.tracestate.clone(),
            content_type: None,
        })
    }
}

fn read<T: std::str::FromStr>(name: &str, value: &str) -> Result<T, CallError> {
    value.parse().map_err(|_| {
        let message = format!("header {name} has a value that can't be read");
        CallError::refused(ErrorCode::BadRequest, message)
    })
}

fn read_content_type(value: &str) -> Result<String, CallError> {
    if value.len() > CONTENT_TYPE_LEN_MAX {
        let message = format!("header {} is too long", header::CONTENT_TYPE);
        return Err(CallError::refused(ErrorCode::BadRequest, message));
    }
    Ok(value.to_owned())
}

fn read_deadline(value: &str) -> Result<Duration, CallError> {
    let ms: u64 = read(header::DEADLINE_MS, value)?;
    Ok(Duration::from_millis(ms).min(DEADLINE_MAX))
}

/// The headers of a reply that is an error.
pub fn encode_error(error: &CallError, mut put: impl FnMut(&'static str, String)) {
    put(header::SERVICE_ERROR_CODE, error.code.status().to_string());
    put(header::SERVICE_ERROR, error.message.clone());
    put(header::ERROR, error.code.to_string());
    put(header::EXECUTED, error.executed.as_str().to_owned());
}

/// Reads a reply's headers: the error, if it is one.
///
/// A responder that is not ours may send only the micro headers: then the code is the nearest and
/// the work may have been done.
pub fn decode_error<'a>(get: impl Fn(&str) -> Option<&'a str>) -> Option<CallError> {
    let named = get(header::ERROR);
    let status = get(header::SERVICE_ERROR_CODE);
    if named.is_none() && status.is_none() {
        return None;
    }
    let code = named
        .and_then(|name| name.parse().ok())
        .unwrap_or_else(|| nearest(status.unwrap_or_default()));
    let executed = match get(header::EXECUTED) {
        Some("no") => Executed::No,
        _ => Executed::Maybe,
    };
    let message = get(header::SERVICE_ERROR).unwrap_or("no reason was given");
    Some(CallError::new(code, message, executed))
}

fn nearest(status: &str) -> ErrorCode {
    match status {
        "400" | "422" => ErrorCode::BadRequest,
        "401" | "403" => ErrorCode::Denied,
        "404" => ErrorCode::NotFound,
        "408" | "504" => ErrorCode::Deadline,
        "413" => ErrorCode::TooLarge,
        "429" => ErrorCode::Overloaded,
        "503" => ErrorCode::Unavailable,
        _ => ErrorCode::Internal,
    }
}

#[cfg(test)]
#[path = "call_test.rs"]
mod tests;
