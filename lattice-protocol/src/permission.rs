//! Who may say and hear what: the permissions by which NATS fences a lattice, told once.
//!
//! `lattice auth` prints them, `docs/operating.md` shows them, and tests run under them. Whoever may
//! publish [`every call`](crate::subject::every_call) may claim to be any actor: hosts and operators are
//! trusted; providers and callers are let near what they need and no further.

use crate::id::{ActorName, LatticeId, ProviderName, TargetName};
use crate::subject;

/// Who connects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Role {
    /// A host, with providers that have no credentials of their own.
    Host,
    /// Whoever declares apps and looks after the lattice: the command line.
    Operator,
    /// A provider with credentials of its own.
    Provider {
        /// Its name.
        name: ProviderName,
        /// Whether it keeps data in JetStream, as the key-value provider does with the backend `nats`.
        keeps: bool,
        /// The actors that it calls: those of an HTTP provider's routes, those that watch keys.
        calls: Vec<ActorName>,
    },
    /// Somebody who calls actors and providers, with any NATS client.
    Caller {
        /// What it is called by NATS, and what its inbox begins with.
        name: TargetName,
        /// Whom it may call.
        calls: Vec<TargetName>,
    },
}

/// What one role may do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Permissions {
    /// What it may publish to.
    pub publish: Vec<String>,
    /// What of that it may not.
    pub never_publish: Vec<String>,
    /// What it may subscribe to.
    pub subscribe: Vec<String>,
}

impl Role {
    /// The name of its user.
    pub fn name(&self) -> &str {
        match self {
            Self::Host => "host",
            Self::Operator => "operator",
            Self::Provider { name, .. } => name.as_str(),
            Self::Caller { name, .. } => name.as_str(),
        }
    }

    /// What it may do in a lattice.
    pub fn permissions(&self, lattice: &LatticeId) -> Permissions {
        match self {
            Self::Host => host(lattice),
            Self::Operator => operator(lattice),
            Self::Provider { name, keeps, calls } => provider(lattice, name, *keeps, calls),
            Self::Caller { name, calls } => caller(lattice, name, calls),
        }
    }
}

impl Permissions {
    fn call(&mut self, lattice: &LatticeId, target: &TargetName) {
        self.publish
            .push(subject::calls_to(lattice, target).into_string());
        self.publish
            .push(subject::cancel(lattice, target).into_string());
    }
}

fn host(lattice: &LatticeId) -> Permissions {
    let everything = subject::everything(lattice).into_string();
    let store = subject::artifact_bucket(lattice);
    Permissions {
        // Callers of any kind get their answers in whatever inbox they name.
        publish: list([
            &everything,
            ANY_INBOX,
            "$JS.API.>",
            "$JS.ACK.>",
            "$JS.FC.>",
            "$KV.>",
            &format!("$O.{store}.>"),
        ]),
        never_publish: Vec::new(),
        subscribe: vec![everything, inboxes(lattice)],
    }
}

fn operator(lattice: &LatticeId) -> Permissions {
    let store = subject::artifact_bucket(lattice);
    let mut publish = list([
        subject::controls(lattice).as_str(),
        subject::every_host_control(lattice).as_str(),
        subject::every_call(lattice).as_str(),
        subject::cancels(lattice).as_str(),
        &inboxes(lattice),
        &format!("$O.{store}.>"),
        "$JS.FC.>",
    ]);
    let stream = subject::artifact_stream(lattice);
    publish.extend(reads(&stream));
    // The first push may come before the first host.
    publish.extend(["CREATE", "PURGE"].map(|verb| format!("$JS.API.STREAM.{verb}.{stream}")));
    Permissions {
        publish,
        never_publish: Vec::new(),
        subscribe: list([
            &inboxes(lattice),
            subject::events(lattice).as_str(),
            subject::logs(lattice).as_str(),
        ]),
    }
}

fn provider(
    lattice: &LatticeId,
    name: &ProviderName,
    keeps: bool,
    calls: &[ActorName],
) -> Permissions {
    let own: TargetName = name.into();
    let state = format!("KV_{}", subject::state_bucket(lattice));
    let mut permissions = Permissions {
        // It asks itself whether it is well, and learns its links from the state.
        publish: list([
            ANY_INBOX,
            subject::calls_to(lattice, &own).as_str(),
            "$JS.FC.>",
        ]),
        never_publish: Vec::new(),
        subscribe: list([
            &inboxes(lattice),
            subject::calls_to(lattice, &own).as_str(),
            subject::cancel(lattice, &own).as_str(),
            subject::every_process_call(lattice).as_str(),
        ]),
    };
    if keeps {
        // Its buckets are named by actors' links, and a part of a name is no pattern. So it gets all, but
        // what the lattice itself goes by.
        permissions
            .publish
            .extend(list(["$JS.API.>", "$JS.ACK.>", "$KV.>"]));
        permissions.never_publish = kept_by_the_lattice(lattice);
    } else {
        permissions.publish.push("$JS.API.INFO".to_owned());
        permissions.publish.extend(reads(&state));
    }
    for actor in calls {
        permissions.call(lattice, &actor.into());
    }
    permissions
}

fn caller(lattice: &LatticeId, name: &TargetName, calls: &[TargetName]) -> Permissions {
    let mut permissions = Permissions {
        // One of its own: in that of another it would read another's replies.
        subscribe: vec![format!("{}.>", caller_inbox(name))],
        ..Permissions::default()
    };
    for target in calls {
        permissions.call(lattice, target);
    }
    permissions
}

/// What the inbox of a caller must begin with.
pub fn caller_inbox(name: &TargetName) -> String {
    format!("_INBOX.{name}")
}

/// Whoever answers doesn't choose where.
const ANY_INBOX: &str = "_INBOX.>";

/// The inboxes of a lattice's own processes.
fn inboxes(lattice: &LatticeId) -> String {
    format!("{}>", subject::inbox_root(lattice))
}

/// What it takes to read a stream, and to follow it.
fn reads(stream: &str) -> impl Iterator<Item = String> {
    [
        "STREAM.INFO.#",
        "STREAM.MSG.GET.#",
        "DIRECT.GET.#",
        "DIRECT.GET.#.>",
        "CONSUMER.CREATE.#",
        "CONSUMER.CREATE.#.>",
        "CONSUMER.INFO.#.>",
        "CONSUMER.DELETE.#.>",
    ]
    .into_iter()
    .map(move |request| format!("$JS.API.{}", request.replace('#', stream)))
}

/// All ways to change or to lose what the lattice itself keeps.
fn kept_by_the_lattice(lattice: &LatticeId) -> Vec<String> {
    let (state, store) = (
        subject::state_bucket(lattice),
        subject::artifact_bucket(lattice),
    );
    let mut never = vec![format!("$KV.{state}.>"), format!("$O.{store}.>")];
    for stream in [
        format!("KV_{state}"),
        subject::artifact_stream(lattice),
        subject::audit_stream(lattice),
    ] {
        let requests = ["DELETE", "PURGE", "UPDATE", "RESTORE", "MSG.DELETE"];
        never.extend(requests.map(|request| format!("$JS.API.STREAM.{request}.{stream}")));
    }
    never
}

fn list<const N: usize>(subjects: [&str; N]) -> Vec<String> {
    subjects.map(str::to_owned).into()
}

#[cfg(test)]
#[path = "permission_test.rs"]
mod tests;
