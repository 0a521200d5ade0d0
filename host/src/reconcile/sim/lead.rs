//! What the tasks of a host do around those who decide who leads and what a leader writes: the same as
//! `election`, `leader`.

use lattice_client::StateEntry;
use lattice_protocol::id::HostId;

use super::super::leader::Outcome;
use super::super::{campaign, term};
use super::apps;
use super::drive::{READ_AGAIN_MS, TIMEOUT_MS};
use super::invariant::silence::Look;
use super::node::Leader;
use super::world::{Event, Who, World};

/// How long an answer about the lease is waited for.
const LEASE_TIMEOUT_MS: u64 = 1_000;

impl World {
    pub(super) fn drive_campaign(&mut self, node: usize) {
        loop {
            let clock = self.nodes[node].clock(self.now);
            match self.nodes[node].campaign.step(clock) {
                campaign::Step::Wait => return,
                campaign::Step::Ask(ask) => self.ask(node, &Who::Campaign, &ask, LEASE_TIMEOUT_MS),
                campaign::Step::Lead(epoch) => self.lead(node, epoch),
                campaign::Step::End => {
                    self.nodes[node].leader = None;
                    self.nodes[node].campaign.ended(Outcome::Stopped);
                }
            }
        }
    }

    fn lead(&mut self, node: usize, epoch: u64) {
        let id = self.nodes[node].id.clone();
        self.note(format!("{id} leads under {epoch}"));
        let this = &mut self.nodes[node];
        this.epoch = this.epoch.max(epoch);
        this.leader = Some(Leader {
            epoch,
            serial: 0,
            term: None,
        });
        self.read(node, 1);
    }

    /// Reads the state, for a term that begins.
    pub(super) fn read(&mut self, node: usize, after_ms: u64) {
        let serial = self.serial();
        if let Some(leader) = &mut self.nodes[node].leader {
            leader.term = None;
            leader.serial = serial;
            self.later(after_ms, node, Event::Read { serial });
        }
    }

    pub(super) fn was_read(&mut self, node: usize, serial: u64, entries: Vec<StateEntry>) {
        let leader = self.nodes[node].leader.as_mut();
        if let Some(leader) = leader.filter(|leader| leader.serial == serial) {
            let declared = apps::declared(&entries);
            leader.term = Some(term::Term::new(leader.epoch, entries, declared));
            self.look(node);
        }
    }

    pub(super) fn look(&mut self, node: usize) {
        let clock = self.nodes[node].clock(self.now);
        let this = &mut self.nodes[node];
        let standing = this.view.standing(clock);
        let Some(term) = this.leader.as_mut().and_then(|leader| leader.term.as_mut()) else {
            return;
        };
        let before = planned_for(term);
        term.look(standing.clone(), clock);
        let after = planned_for(term).filter(|after| before.as_ref() != Some(after));
        let look = Look {
            by: node,
            standing: &standing,
            planned: after.as_deref(),
        };
        self.invariants.silence.looked(&look, &self.nodes, self.now);
        self.drive_term(node);
    }

    pub(super) fn drive_term(&mut self, node: usize) {
        loop {
            let clock = self.nodes[node].clock(self.now);
            let this = &mut self.nodes[node];
            let until = this.campaign.leads_until();
            let Some(leader) = &mut this.leader else {
                return;
            };
            let serial = leader.serial;
            let Some(term) = &mut leader.term else {
                return;
            };
            let outcome = match term.step(clock, until) {
                term::Step::Rest => return,
                term::Step::Ask(tag, ask) => {
                    self.ask(node, &Who::Term { serial, tag }, &ask, TIMEOUT_MS);
                    continue;
                }
                term::Step::Tell(_) | term::Step::RolledBack(_) => continue,
                term::Step::Broken(reason) => {
                    let id = this.id.clone();
                    self.note(format!("{id} begins its term anew: {reason}"));
                    return self.read(node, READ_AGAIN_MS);
                }
                term::Step::Deposed { by } => {
                    this.epoch = this.epoch.max(by);
                    Outcome::Deposed { by }
                }
                term::Step::Expired => Outcome::Expired,
            };
            this.leader = None;
            this.campaign.ended(outcome);
            let id = this.id.clone();
            return self.note(format!("{id} leads no more: {outcome:?}"));
        }
    }
}

/// The hosts of the plan that stands.
fn planned_for(term: &term::Term) -> Option<Vec<HostId>> {
    Some(term.planned_for()?.cloned().collect())
}
