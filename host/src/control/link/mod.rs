//! Links, one by one.

pub(super) mod delete;
pub(super) mod list;
pub(super) mod put;

use lattice_protocol::id::{ActorName, LinkName};
use lattice_protocol::interface::InterfacePattern;

/// What an event of a link is about.
fn event_subject(source: &ActorName, interface: &InterfacePattern, name: &LinkName) -> String {
    format!("link/{source}/{interface}/{name}")
}
