//! Where actors run.

use std::collections::BTreeMap;

use lattice_protocol::control::{ActorSummary, Verb};
use lattice_protocol::id::ActorName;
use lattice_protocol::report::Phase;

use crate::{Lattice, eventually};

impl Lattice {
    /// Where instances of an actor run: how many slots on each host.
    pub async fn placement(&self, actor: &str) -> BTreeMap<String, u32> {
        let actor: ActorName = actor.parse().expect("a valid name");
        let actors: Vec<ActorSummary> =
            eventually("the lattice tells where actors run", async || {
                self.list(Verb::ActorList).await
            })
            .await;
        let found = actors.into_iter().find(|found| found.name == actor);
        let hosts = found
            .map(|found| found.hosts)
            .unwrap_or_default()
            .into_iter();
        hosts
            .filter(|(_, placement)| placement.phase == Phase::Running && placement.slots > 0)
            .map(|(host, placement)| (host.to_string(), placement.slots))
            .collect()
    }

    /// Waits until so many instances of `actor` run on each of these hosts, and none elsewhere. Until
    /// all hosts have heard of each other, all of them may be on one.
    pub async fn until_placed(&self, actor: &str, wanted: &[(&str, u32)]) {
        let wanted = wanted
            .iter()
            .map(|(host, slots)| ((*host).to_owned(), *slots));
        let wanted = wanted.collect();
        eventually(&format!("{actor} is placed on {wanted:?}"), async || {
            let placement = self.placement(actor).await;
            match placement == wanted {
                true => Ok(()),
                false => Err(placement),
            }
        })
        .await;
    }
}
