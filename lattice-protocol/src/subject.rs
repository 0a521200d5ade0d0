//! Every subject of a lattice, built and read in this file and nowhere else.
//!
//! All of them begin with `lattice.<L>.`, so that one permission line fences a lattice. Builders
//! take checked names, so a subject can't be steered elsewhere; [`parse`] is their inverse.
//!
//! | subject after `lattice.<L>.` | who serves it |
//! |---|---|
//! | `call.<target>.<function>`, `call.<target>.<interface>.<function>` | queue group [`QUEUE_GROUP`]: the actor's hosts, or the provider |
//! | `host.<host>.call.<target>.…` | that host: a call routed by a peer |
//! | `process.<process>.call.<target>.…` | that process of a provider: its host asks whether it is well |
//! | `cancel.<target>` | everybody who serves the target |
//! | `tell.<target>.<function>` | a JetStream stream |
//! | `ctl.<noun>.<verb>` | queue group [`QUEUE_GROUP`], any host |
//! | `host.<host>.ctl.<verb>` | that host |
//! | `evt.<noun>.<what>` | whoever listens |
//! | `log.<target>` | whoever listens |

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;

use crate::digest::Digest;
use crate::id::{BytesId, HostId, LatticeId, ProcessId, ServerId, TargetName, is_name};
use crate::interface::{Endpoint, is_function, is_interface, split_endpoint};

/// The queue group of calls and control: one member answers each request.
pub const QUEUE_GROUP: &str = "lattice";

/// A subject, or a pattern of subjects, of one lattice.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Subject(String);

impl Subject {
    /// The subject as NATS takes it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The subject as NATS takes it, without a copy.
    pub fn into_string(self) -> String {
        self.0
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A call that any host of the actor, or the provider, may answer.
pub fn call(lattice: &LatticeId, target: &TargetName, endpoint: &Endpoint) -> Subject {
    Subject(format!("lattice.{lattice}.call.{target}.{endpoint}"))
}

/// Every call to one target: what its servers subscribe to.
pub fn calls_to(lattice: &LatticeId, target: &TargetName) -> Subject {
    Subject(format!("lattice.{lattice}.call.{target}.>"))
}

/// A call that one host must answer.
pub fn host_call(
    lattice: &LatticeId,
    host: &HostId,
    target: &TargetName,
    endpoint: &Endpoint,
) -> Subject {
    Subject(format!(
        "lattice.{lattice}.host.{host}.call.{target}.{endpoint}"
    ))
}

/// Every call routed to one host.
pub fn host_calls(lattice: &LatticeId, host: &HostId) -> Subject {
    Subject(format!("lattice.{lattice}.host.{host}.call.>"))
}

/// A call that one process of a provider must answer.
pub fn process_call(
    lattice: &LatticeId,
    process: &ProcessId,
    target: &TargetName,
    endpoint: &Endpoint,
) -> Subject {
    Subject(format!(
        "lattice.{lattice}.process.{process}.call.{target}.{endpoint}"
    ))
}

/// Every call to one process of a provider.
pub fn process_calls(lattice: &LatticeId, process: &ProcessId) -> Subject {
    Subject(format!("lattice.{lattice}.process.{process}.call.>"))
}

/// The word of a caller that goes away, to everybody who serves the target: `Lattice-Id` says which
/// call.
pub fn cancel(lattice: &LatticeId, target: &TargetName) -> Subject {
    Subject(format!("lattice.{lattice}.cancel.{target}"))
}

/// The words of all callers that go away: what a process with many targets subscribes to.
pub fn cancels(lattice: &LatticeId) -> Subject {
    Subject(format!("lattice.{lattice}.cancel.*"))
}

/// A message to be handled at least once.
pub fn tell(lattice: &LatticeId, target: &TargetName, endpoint: &Endpoint) -> Subject {
    Subject(format!("lattice.{lattice}.tell.{target}.{endpoint}"))
}

/// A control request that any host may answer.
pub fn control(lattice: &LatticeId, verb: crate::control::Verb) -> Subject {
    Subject(format!("lattice.{lattice}.ctl.{verb}"))
}

/// Every control request: what hosts subscribe to.
pub fn controls(lattice: &LatticeId) -> Subject {
    Subject(format!("lattice.{lattice}.ctl.>"))
}

/// A control request to one host.
pub fn host_control(lattice: &LatticeId, host: &HostId, verb: crate::control::HostVerb) -> Subject {
    Subject(format!("lattice.{lattice}.host.{host}.ctl.{verb}"))
}

/// Every control request to one host.
pub fn host_controls(lattice: &LatticeId, host: &HostId) -> Subject {
    Subject(format!("lattice.{lattice}.host.{host}.ctl.>"))
}

/// An event of this kind.
pub fn event(lattice: &LatticeId, kind: crate::event::Kind) -> Subject {
    Subject(format!("lattice.{lattice}.evt.{kind}"))
}

/// Every event.
pub fn events(lattice: &LatticeId) -> Subject {
    Subject(format!("lattice.{lattice}.evt.>"))
}

/// The log records of one target.
pub fn log(lattice: &LatticeId, target: &TargetName) -> Subject {
    Subject(format!("lattice.{lattice}.log.{target}"))
}

/// The log records of every target.
pub fn logs(lattice: &LatticeId) -> Subject {
    Subject(format!("lattice.{lattice}.log.*"))
}

/// The JetStream bucket that holds a lattice's desired state. `-` is the only character of a
/// lattice's name that needs care, and buckets allow it.
pub fn state_bucket(lattice: &LatticeId) -> String {
    format!("lattice_{lattice}")
}

/// The JetStream object store that holds a lattice's components.
pub fn artifact_bucket(lattice: &LatticeId) -> String {
    format!("lattice_{lattice}_artifacts")
}

/// The JetStream stream behind the object store of a lattice's components.
pub fn artifact_stream(lattice: &LatticeId) -> String {
    format!("OBJ_{}", artifact_bucket(lattice))
}

/// Where that stream keeps the record of a component: what NATS calls an object's metadata.
pub fn artifact_record(lattice: &LatticeId, digest: &Digest) -> String {
    let name = URL_SAFE.encode(digest.hex());
    format!("$O.{}.M.{name}", artifact_bucket(lattice))
}

/// The component of such a record; none if the object is something else.
pub fn artifact_of_record(lattice: &LatticeId, subject: &str) -> Option<Digest> {
    let prefix = format!("$O.{}.M.", artifact_bucket(lattice));
    let name = URL_SAFE.decode(subject.strip_prefix(&prefix)?).ok()?;
    let hex = String::from_utf8(name).ok()?;
    format!("sha256:{hex}").parse().ok()
}

/// The records of all components.
pub fn artifact_records(lattice: &LatticeId) -> String {
    format!("$O.{}.M.*", artifact_bucket(lattice))
}

/// Where it keeps the bytes that were stored at once, under a name of their own.
pub fn artifact_bytes(lattice: &LatticeId, bytes: &BytesId) -> String {
    format!("$O.{}.C.{bytes}", artifact_bucket(lattice))
}

/// What the inboxes of a lattice's own processes begin with: whoever has such an inbox understands
/// frames.
pub fn inbox_root(lattice: &LatticeId) -> String {
    format!("_INBOX.lattice.{lattice}.")
}

/// The JetStream stream that keeps the audit trail.
pub fn audit_stream(lattice: &LatticeId) -> String {
    format!("lattice_{lattice}_audit")
}

/// Where a NATS server is asked, by a client of its system account, to cut a client's connection.
pub fn server_kick(server: &ServerId) -> String {
    format!("$SYS.REQ.SERVER.{server}.KICK")
}

/// Where a NATS server is asked which clients it has.
pub fn server_connections(server: &ServerId) -> String {
    format!("$SYS.REQ.SERVER.{server}.CONNZ")
}

/// The prefix of a process's replies: its own, so that nobody reads another's.
pub fn inbox_prefix(lattice: &LatticeId, process: &str) -> String {
    format!("{}{process}", inbox_root(lattice))
}

/// What a subject says, borrowed from its text; every part has been checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Route<'a> {
    /// A call; `host` when a peer chose it. One to a process of a provider is read as any other: only
    /// that process hears it.
    Call {
        /// The host that must answer, if one was chosen.
        host: Option<&'a str>,
        /// Who is called.
        target: &'a str,
        /// The interface, unless the short form was used.
        interface: Option<&'a str>,
        /// The function.
        function: &'a str,
    },
    /// A caller of the target goes away.
    Cancel {
        /// Who was called.
        target: &'a str,
    },
    /// A message to be handled at least once.
    Tell {
        /// Who is told.
        target: &'a str,
        /// The interface, unless the short form was used.
        interface: Option<&'a str>,
        /// The function.
        function: &'a str,
    },
    /// A control request: `noun.verb`, or a verb for one host.
    Control {
        /// The host it is for, if for one.
        host: Option<&'a str>,
        /// `noun.verb`, or for one host `verb`: unknown ones are refused by whoever answers.
        verb: &'a str,
    },
    /// An event, `noun.what`.
    Event {
        /// `noun.what`.
        kind: &'a str,
    },
    /// A log record of a target.
    Log {
        /// Whose record.
        target: &'a str,
    },
}

/// Why a text is not a subject of the lattice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// It belongs to another lattice or to something else.
    #[error("the subject does not begin with this lattice's prefix")]
    Foreign,
    /// It has a shape that no version of this protocol has.
    #[error("the subject is not one of lattice.<L>.{{call|cancel|host|process|tell|ctl|evt|log}}")]
    Shape,
    /// The target is not a name.
    #[error("the target is not a name: use 1 to 63 of a-z, 0-9 and -")]
    Target,
    /// The function or interface is not one.
    #[error("the function is not named as <function> or <namespace:package/interface>.<function>")]
    Function,
}

/// Reads a subject of `lattice`: the inverse of the builders, without a copy.
pub fn parse<'a>(lattice: &LatticeId, subject: &'a str) -> Result<Route<'a>, Error> {
    let rest = subject
        .strip_prefix("lattice.")
        .and_then(|rest| rest.strip_prefix(lattice.as_str()))
        .and_then(|rest| rest.strip_prefix('.'))
        .ok_or(Error::Foreign)?;
    let (kind, rest) = rest.split_once('.').ok_or(Error::Shape)?;
    match kind {
        "call" => parse_call(None, rest),
        "tell" => match parse_call(None, rest)? {
            Route::Call {
                target,
                interface,
                function,
                ..
            } => Ok(Route::Tell {
                target,
                interface,
                function,
            }),
            other => Ok(other),
        },
        "host" => parse_host(rest),
        "process" => parse_process(rest),
        "ctl" if are_words(rest) => Ok(Route::Control {
            host: None,
            verb: rest,
        }),
        "evt" if are_words(rest) => Ok(Route::Event { kind: rest }),
        "cancel" if is_name(rest) => Ok(Route::Cancel { target: rest }),
        "log" if is_name(rest) => Ok(Route::Log { target: rest }),
        "log" | "cancel" => Err(Error::Target),
        _ => Err(Error::Shape),
    }
}

fn parse_host(rest: &str) -> Result<Route<'_>, Error> {
    let (host, rest) = rest.split_once('.').ok_or(Error::Shape)?;
    if !is_name(host) {
        return Err(Error::Shape);
    }
    match rest.split_once('.') {
        Some(("call", rest)) => parse_call(Some(host), rest),
        Some(("ctl", verb)) if is_name(verb) => Ok(Route::Control {
            host: Some(host),
            verb,
        }),
        _ => Err(Error::Shape),
    }
}

fn parse_process(rest: &str) -> Result<Route<'_>, Error> {
    let (process, rest) = rest.split_once('.').ok_or(Error::Shape)?;
    match rest.split_once('.') {
        Some(("call", rest)) if is_name(process) => parse_call(None, rest),
        _ => Err(Error::Shape),
    }
}

/// `noun.verb`, or one word of it: unknown ones are for whoever answers to refuse, by the words that
/// there are.
fn are_words(text: &str) -> bool {
    let (noun, verb) = text.split_once('.').unwrap_or((text, text));
    is_name(noun) && is_name(verb)
}

fn parse_call<'a>(host: Option<&'a str>, rest: &'a str) -> Result<Route<'a>, Error> {
    let (target, endpoint) = rest.split_once('.').ok_or(Error::Function)?;
    if !is_name(target) {
        return Err(Error::Target);
    }
    let (interface, function) = split_endpoint(endpoint);
    if !is_function(function) || !interface.is_none_or(is_interface) {
        return Err(Error::Function);
    }
    Ok(Route::Call {
        host,
        target,
        interface,
        function,
    })
}

#[cfg(test)]
#[path = "subject_test.rs"]
mod tests;
