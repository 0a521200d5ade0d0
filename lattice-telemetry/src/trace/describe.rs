//! What the span of a call says, by the conventions of OpenTelemetry for remote procedure calls and
//! for messaging.

use lattice_protocol::call::Context;
use lattice_protocol::id::LatticeId;
use lattice_protocol::interface::Endpoint;
use lattice_protocol::subject;

use super::Description;
use crate::Way;
use crate::metrics::Callee;

/// Which end of a call a span is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// It serves a call that came this way.
    Serves(Way),
    /// It calls.
    Calls,
}

impl Role {
    /// Whether the span above it is another process's.
    pub(super) fn is_remote(self) -> bool {
        matches!(self, Self::Serves(Way::Peer | Way::Queue))
    }
}

/// The span of a call to `target`; `callee` is what that is, where it is known.
pub fn call(
    lattice: &LatticeId,
    callee: Option<Callee>,
    target: &lattice_protocol::id::TargetName,
    endpoint: &Endpoint,
    context: &Context,
) -> Description {
    let function = endpoint.function.to_string();
    let interface = endpoint.interface.as_ref().map(ToString::to_string);
    let name = match &interface {
        Some(interface) => format!("{interface}/{function}"),
        None => format!("{target}/{function}"),
    };
    let service = interface.unwrap_or_else(|| target.to_string());
    let what = match callee {
        Some(Callee::Actor) => "lattice.actor",
        Some(Callee::Provider) => "lattice.provider",
        None => "lattice.target",
    };
    let mut attributes = vec![
        ("rpc.system", "lattice".to_owned()),
        ("rpc.service", service),
        ("rpc.method", function.clone()),
        (what, target.to_string()),
        ("lattice.function", function),
        ("lattice.call", context.id.to_string()),
        ("lattice.name", lattice.to_string()),
    ];
    if let Some(origin) = &context.origin {
        attributes.push(("lattice.source", origin.source.to_string()));
        attributes.push(("lattice.link", origin.link.to_string()));
    }
    Description {
        name: name.into(),
        attributes,
    }
}

/// What a call that leaves the process adds: where it went.
pub(crate) fn destination(
    lattice: &LatticeId,
    target: &lattice_protocol::id::TargetName,
    endpoint: &Endpoint,
) -> [(&'static str, String); 2] {
    let subject = subject::call(lattice, target, endpoint).into_string();
    [
        ("messaging.system", "nats".to_owned()),
        ("messaging.destination.name", subject),
    ]
}
