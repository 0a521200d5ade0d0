//! The hosts, what they had, and which of them are fit for a thing.

use std::collections::{BTreeMap, HashMap};

use lattice_protocol::id::{ActorName, HostId};

use super::HostView;
use super::rendezvous;
use crate::assignment::Assignment;

pub(super) struct Ground<'a> {
    /// In the order of their ids, so that the order in which they came decides nothing.
    pub(super) hosts: Vec<Host<'a>>,
    slots: HashMap<(&'a HostId, &'a ActorName), u32>,
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
        let mut slots = HashMap::new();
        for (id, assignment) in previous {
            for actor in &assignment.actors {
                let sum: &mut u32 = slots.entry((id, &actor.name)).or_default();
                *sum = sum.saturating_add(actor.slots);
            }
        }
        Self {
            hosts: by_id.into_values().map(host).collect(),
            slots,
        }
    }

    /// How many slots of an actor the host had.
    pub(super) fn slots_before(&self, host: &Host<'_>, actor: &ActorName) -> u64 {
        self.slots
            .get(&(&host.view.id, actor))
            .copied()
            .unwrap_or(0)
            .into()
    }

    /// The hosts that have these labels and stay, or why there is none.
    pub(super) fn fit(&self, require: &BTreeMap<String, String>) -> Result<Vec<usize>, String> {
        let fits = |host: &Host<'_>| !host.view.draining && has_all(host.view, require);
        let all = self.hosts.iter().enumerate();
        let fit: Vec<_> = all
            .filter(|(_, host)| fits(host))
            .map(|(at, _)| at)
            .collect();
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
