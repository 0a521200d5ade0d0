//! An actor that is served once is served at every moment, as long as it is declared and no host is
//! lost: neither an update nor a move leaves it without a server.

use std::collections::BTreeSet;

use lattice_protocol::id::ActorName;

use super::super::node::Node;

#[derive(Default)]
pub(in super::super) struct Gap {
    is_on: bool,
    declared: BTreeSet<ActorName>,
    served: BTreeSet<ActorName>,
}

impl Gap {
    /// From now on these are declared.
    pub(in super::super) fn declare(&mut self, actors: BTreeSet<ActorName>) {
        self.is_on = true;
        self.served.retain(|name| actors.contains(name));
        self.declared = actors;
    }

    pub(in super::super) fn each(&mut self, nodes: &[Node], now: u64) {
        if !self.is_on {
            return;
        }
        for name in &self.declared {
            if nodes
                .iter()
                .any(|node| node.is_there() && node.serves(name) > 0)
            {
                self.served.insert(name.clone());
            } else {
                let who = |node: &Node| Some((node.id.clone(), node.running.get(name)?.clone()));
                let who: Vec<_> = nodes.iter().filter_map(who).collect();
                assert!(
                    !self.served.contains(name),
                    "at {now} nobody serves {name}: {who:?}"
                );
            }
        }
    }
}
