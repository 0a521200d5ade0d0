//! Nobody is planned away whose heartbeats arrive, and nobody plans who hears nothing.

use std::collections::BTreeMap;

use lattice_protocol::id::HostId;

use super::super::node::Node;

/// Shorter than what counts as silence, by more than a message may be late.
const HEARD_MS: u64 = 1_500;

/// A host that left and started anew may be taken for the one that left as long as that would count,
/// and its late messages come.
const ANEW_MS: u64 = 5_000;

#[derive(Default)]
pub(in super::super) struct Silence {
    heard: BTreeMap<(usize, HostId), u64>,
    /// Whom a leader counts as alive.
    alive: BTreeMap<usize, Vec<HostId>>,
}

impl Silence {
    pub(in super::super) fn heard(&mut self, by: usize, host: &HostId, now: u64) {
        self.heard.insert((by, host.clone()), now);
    }

    pub(in super::super) fn alive(&mut self, by: usize, hosts: Vec<HostId>) {
        self.alive.insert(by, hosts);
    }

    pub(in super::super) fn planned(&self, by: usize, hosts: &[HostId], nodes: &[Node], now: u64) {
        // A clock that has jumped makes everybody look silent, the host itself as well.
        if nodes[by].has_jumped(now) {
            return;
        }
        for node in nodes
            .iter()
            .filter(|node| node.is_there() && !node.is_leaving)
        {
            let heard = self.heard.get(&(by, node.id.clone()));
            // What it heard before it was started anew, it has forgotten.
            let since = nodes[by].started_ms.max(node.started_ms + ANEW_MS);
            let is_fresh = heard.is_some_and(|at| now - at < HEARD_MS && since < *at);
            let is_counted = self
                .alive
                .get(&by)
                .is_some_and(|alive| alive.contains(&node.id));
            assert!(
                !is_fresh || is_counted,
                "{} is heard by {} and counted dead; planned for {hosts:?}",
                node.id,
                nodes[by].id
            );
        }
    }
}
