//! The hosts, what they had, and which of them are fit for a thing.

use std::collections::{BTreeMap, HashMap};

use lattice_protocol::id::{ActorName, HostId};

use super::HostView;
use super::rendezvous;
use crate::assignment::Assignment;

pub(super) struct Ground<'a> {
    /// In the order of their ids, so that the order in which they came decides nothing.
    pub(super) hosts: Vec<Host<'a>>,
    /// Those that stay: what most things may run on.
    staying: Vec<usize>,
    /// Who had how many slots of an actor.
    slots: HashMap<&'a ActorName, Vec<(usize, u32)>>,
}

pub(super) struct Host<'a> {
    pub(super) view: &'a HostView,
    pub(super) hash: u64,
    pub(super) previous: Option<&'a Assignment>,
}

impl<'a> Ground<'a> {
    pub(super) fn new(hosts: &'a [HostView], previous: &'a BTreeMap<HostId, Assignment>) -> Self {
        let by_id: BTreeMap<_, _> = hosts.iter().map(|view| (&view.id, view)).collect();
        let host = |view: &'a HostView| Host {
            view,
            hash: rendezvous::hash(view.id.as_str()),
            previous: previous.get(&view.id),
        };
        let hosts: Vec<_> = by_id.into_values().map(host).collect();
        let mut slots: HashMap<_, Vec<_>> = HashMap::new();
        for (at, host) in hosts.iter().enumerate() {
            for actor in host.previous.iter().flat_map(|was| &was.actors) {
                slots
                    .entry(&actor.name)
                    .or_default()
                    .push((at, actor.slots));
            }
        }
        let stays = |at: &usize| !hosts[*at].view.draining;
        Self {
            staying: (0..hosts.len()).filter(stays).collect(),
            hosts,
            slots,
        }
    }

    /// How many slots of an actor each host had.
    pub(super) fn slots_before(&self, actor: &ActorName) -> Vec<u64> {
        let mut before = vec![0_u64; self.hosts.len()];
        for &(at, slots) in self.slots.get(actor).into_iter().flatten() {
            before[at] = before[at].saturating_add(slots.into());
        }
        before
    }

    /// The hosts that have these labels and stay, or why there is none.
    pub(super) fn fit(&self, require: &BTreeMap<String, String>) -> Result<Vec<usize>, String> {
        let fits = |at: &usize| has_all(self.hosts[*at].view, require);
        let fit: Vec<_> = self.staying.iter().copied().filter(fits).collect();
        if fit.is_empty() {
            Err(self.why_none(require))
        } else {
            Ok(fit)
        }
    }

    fn why_none(&self, require: &BTreeMap<String, String>) -> String {
        if self.hosts.is_empty() {
            return "there is no host".to_owned();
        }
        let nobody = |(key, value): &(&String, &String)| {
            !self
                .hosts
                .iter()
                .any(|host| host.view.labels.get(*key) == Some(*value))
        };
        if let Some((key, value)) = require.iter().find(nobody) {
            return format!("no host has label {key}={value}");
        }
        if self.hosts.iter().any(|host| has_all(host.view, require)) {
            return "every host that it may run on is draining".to_owned();
        }
        let labels: Vec<_> = require
            .iter()
            .map(|(key, value)| format!("{key}={value}"))
            .collect();
        format!("no host has all the labels {}", labels.join(", "))
    }
}

fn has_all(host: &HostView, require: &BTreeMap<String, String>) -> bool {
    require
        .iter()
        .all(|(key, value)| host.labels.get(key) == Some(value))
}
