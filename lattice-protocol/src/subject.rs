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
use crate::id::{BytesId, HostId, LatticeId, ProcessId, ServerId, TargetName};
use crate::interface::Endpoint;

mod route;

pub use route::{Error, Route, parse};

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

/// Every call to whatever target.
pub fn every_call(lattice: &LatticeId) -> Subject {
    Subject(format!("lattice.{lattice}.call.>"))
}

/// All that is said in a lattice.
pub fn everything(lattice: &LatticeId) -> Subject {
    Subject(format!("lattice.{lattice}.>"))
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

/// Every call that goes to processes by themselves: a provider does not know its own before it runs.
pub fn every_process_call(lattice: &LatticeId) -> Subject {
    Subject(format!("lattice.{lattice}.process.*.call.>"))
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

/// Every control request to every host.
pub fn every_host_control(lattice: &LatticeId) -> Subject {
    Subject(format!("lattice.{lattice}.host.*.ctl.>"))
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

/// All bytes that are stored.
pub fn artifact_all_bytes(lattice: &LatticeId) -> String {
    format!("$O.{}.C.*", artifact_bucket(lattice))
}

/// The bytes at such a subject; none if their id is none that can be asked for.
pub fn bytes_of_artifact(lattice: &LatticeId, subject: &str) -> Option<BytesId> {
    let prefix = format!("$O.{}.C.", artifact_bucket(lattice));
    subject.strip_prefix(&prefix)?.parse().ok()
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

#[cfg(test)]
#[path = "subject_test.rs"]
mod tests;
