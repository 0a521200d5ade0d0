//! Nobody is planned away whose heartbeats arrive, and nobody plans who hears nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use lattice_protocol::id::HostId;
use lattice_protocol::report::HEARTBEAT_SILENCE_MAX;

use super::super::node::Node;
use crate::peers::Standing;

/// Shorter than what counts as silence, by more than a message may be late.
const HEARD_MS: u64 = 1_500;

/// A host that started anew is told from the one that said it leaves by its age. Where both are so
/// young that a late message hides the difference, the word of the one that left counts for as long as
/// silence would.
const YOUNG_MS: u64 = 5_500;
const LEFT_MS: u64 = 4_000;

#[derive(Default)]
pub(in super::super) struct Silence {
    heard: BTreeMap<(usize, HostId), u64>,
    /// When each host heard itself last, by its own clock.
    heard_itself: BTreeMap<usize, Instant>,
}

/// What a leader went by when it looked, and what it planned.
pub(in super::super) struct Look<'a> {
    pub(in super::super) by: usize,
    pub(in super::super) standing: &'a Standing,
    /// For whom it planned at this look; nothing if the plan stands as it was.
    pub(in super::super) planned: Option<&'a [HostId]>,
}

impl Silence {
    pub(in super::super) fn heard(&mut self, by: usize, host: &HostId, node: &Node, now: u64) {
        self.heard.insert((by, host.clone()), now);
        if *host == node.id {
            self.heard_itself.insert(by, node.clock(now));
        }
    }

    pub(in super::super) fn looked(&self, look: &Look<'_>, nodes: &[Node], now: u64) {
        let by = &nodes[look.by].id;
        let Standing::Hearing { alive, .. } = look.standing else {
            assert!(look.planned.is_none(), "{by} hears nothing and plans");
            return;
        };
        if look.planned.is_some() {
            let clock = nodes[look.by].clock(now);
            let itself = self.heard_itself.get(&look.by);
            let since = itself.map(|at| clock.saturating_duration_since(*at));
            let hears = since.is_some_and(|since| since <= HEARTBEAT_SILENCE_MAX);
            assert!(hears, "{by} plans and heard itself {since:?} ago");
        }
        // A clock that has jumped makes everybody look silent, the host itself as well.
        if nodes[look.by].has_jumped(now) {
            return;
        }
        let planned = look.planned.map(BTreeSet::from_iter);
        for node in nodes
            .iter()
            .filter(|node| self.is_here(look.by, node, nodes, now))
        {
            let id = &node.id;
            assert!(alive.contains_key(id), "{by} hears {id} and counts it dead");
            let is_planned = planned.as_ref().is_none_or(|hosts| hosts.contains(id));
            assert!(is_planned, "{by} hears {id} and plans for {planned:?}");
        }
    }

    /// Whether a host runs, and was heard a moment ago by the process that looks.
    fn is_here(&self, by: usize, node: &Node, nodes: &[Node], now: u64) -> bool {
        let heard = self.heard.get(&(by, node.id.clone()));
        // What it heard before it was started anew, it has forgotten.
        let since = nodes[by].started_ms.max(node.started_ms);
        let is_fresh = heard.is_some_and(|at| now - at < HEARD_MS && since < *at);
        let (left, age) = node.left_ms;
        let is_doubtful = left > 0 && age < YOUNG_MS && now < left + LEFT_MS;
        is_fresh && node.is_there() && !node.is_leaving && !is_doubtful
    }
}
