//! What the tasks of a host do around the deciders: the same as `election`, `leader`, `follower`.

use std::collections::BTreeMap;
use std::sync::Arc;

use lattice_client::StateEntry;
use lattice_config::state::{Key, key};
use lattice_protocol::report::HEARTBEAT_INTERVAL;

use super::super::ask::{Answer, Ask};
use super::super::leader::Outcome;
use super::super::{campaign, duty, term};
use super::apps;
use super::node::Leader;
use super::world::{Event, Who, World};
use crate::peers::Standing;

const CAMPAIGN_EVERY_MS: u64 = 200;
const LEADER_EVERY_MS: u64 = 250;
const LOOK_EVERY_MS: u64 = 5_000;
/// How long an answer is waited for.
const LEASE_TIMEOUT_MS: u64 = 1_000;
const TIMEOUT_MS: u64 = 5_000;
/// The pause before a leader reads the state anew.
const READ_AGAIN_MS: u64 = 200;

impl World {
    /// A host looks at its timers.
    pub(super) fn tick(&mut self, node: usize) {
        let now = self.now;
        let due = &mut self.nodes[node].due;
        let is_due = |at: &mut u64, every: u64| {
            let is_due = now >= *at;
            if is_due {
                *at = now + every;
            }
            is_due
        };
        let beat = is_due(&mut due.heartbeat, HEARTBEAT_INTERVAL.as_millis() as u64);
        let campaign = is_due(&mut due.campaign, CAMPAIGN_EVERY_MS);
        let leader = is_due(&mut due.leader, LEADER_EVERY_MS);
        let look = is_due(&mut due.look, LOOK_EVERY_MS);
        let again = due.again.is_some_and(|at| now >= at);
        if self.nodes[node].is_leaving {
            return self.leave_when_served(node);
        }
        if beat {
            self.heartbeat(node);
        }
        if campaign {
            let epoch = self.nodes[node].epoch;
            self.nodes[node].campaign.knows(epoch);
            self.drive_campaign(node);
        }
        if leader {
            self.look(node);
        }
        if look {
            self.nodes[node].duty.look();
        }
        if again {
            self.nodes[node].due.again = None;
            self.nodes[node].duty.again();
        }
        self.drive_duty(node);
    }

    fn heartbeat(&mut self, node: usize) {
        let report = Arc::new(self.nodes[node].report(self.now));
        self.broadcast(node, || Event::Heartbeat(report.clone()));
    }

    pub(super) fn broadcast(&mut self, node: usize, event: impl Fn() -> Event) {
        if self.nodes[node].is_cut {
            return;
        }
        for to in 0..self.nodes.len() {
            if self.nodes[to].is_up {
                self.send(to, &event);
            }
        }
    }

    /// Once others serve what it has, a host that leaves stops.
    fn leave_when_served(&mut self, node: usize) {
        let served = |name| {
            let mut others = self.nodes.iter().enumerate().filter(|(at, _)| *at != node);
            others.any(|(_, other)| other.is_there() && other.serves(name) > 0)
        };
        let this = &self.nodes[node];
        if this.running.keys().all(served) {
            let id = this.id.clone();
            self.note(format!("{id} has left"));
            self.nodes[node].kill();
        }
    }

    /// Asks the state, and gives up after a time.
    fn ask(&mut self, node: usize, who: &Who, ask: &Ask, timeout_ms: u64) {
        let id = self.serial();
        self.pending.insert(id);
        self.send(node, || Event::Ask {
            who: who.clone(),
            id,
            ask: ask.clone(),
        });
        let late = Event::Answer {
            who: who.clone(),
            id,
            answer: Answer::Failed {
                reason: "no answer".to_owned(),
            },
        };
        self.later(timeout_ms, node, late);
    }

    pub(super) fn answered(&mut self, node: usize, who: Who, id: u64, answer: Answer) {
        let is_late = matches!(answer, Answer::Failed { .. });
        if (self.nodes[node].is_cut && !is_late) || !self.pending.remove(&id) {
            return;
        }
        let clock = self.nodes[node].clock(self.now);
        let this = &mut self.nodes[node];
        match who {
            Who::Campaign => {
                this.campaign.answered(answer, clock);
                if !is_late {
                    self.drive_campaign(node);
                }
            }
            Who::Term { serial, tag } => {
                let leader = this
                    .leader
                    .as_mut()
                    .filter(|leader| leader.serial == serial);
                if let Some(term) = leader.and_then(|leader| leader.term.as_mut()) {
                    term.answered(&tag, answer);
                    self.drive_term(node);
                }
            }
            Who::Duty => {
                this.is_duty_asking = false;
                this.duty.answered(answer);
                self.drive_duty(node);
            }
        }
    }

    fn drive_campaign(&mut self, node: usize) {
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
    fn read(&mut self, node: usize, after_ms: u64) {
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

    fn look(&mut self, node: usize) {
        let clock = self.nodes[node].clock(self.now);
        let this = &mut self.nodes[node];
        let standing = this.view.standing(clock);
        let Some(term) = this.leader.as_mut().and_then(|leader| leader.term.as_mut()) else {
            return;
        };
        if let Standing::Hearing { alive, .. } = &standing {
            let alive: Vec<_> = alive.keys().cloned().collect();
            self.invariants.silence.alive(node, alive);
        }
        term.look(standing, clock);
        let planned = term.planned_for();
        let planned = planned.map(|hosts| hosts.cloned().collect::<Vec<_>>());
        if let Some(planned) = planned {
            self.invariants
                .silence
                .planned(node, &planned, &self.nodes, self.now);
        }
        self.drive_term(node);
    }

    fn drive_term(&mut self, node: usize) {
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
                term::Step::Tell(_) => continue,
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

    /// A watch brought something.
    pub(super) fn watched(&mut self, node: usize, entry: StateEntry) {
        let clock = self.nodes[node].clock(self.now);
        let this = &mut self.nodes[node];
        if this.is_cut || this.is_leaving {
            return;
        }
        match Key::read(&entry.key) {
            Some(Key::Lease) => {
                this.campaign.saw(entry, clock);
                self.drive_campaign(node);
            }
            Some(Key::Assignment(host)) if host == this.id => {
                this.heads.push_back(entry);
                self.drive_duty(node);
            }
            Some(Key::App(_)) => {
                // As `DeclaredWatch`: one app changes, the others stay.
                let term = this.leader.as_mut().and_then(|leader| leader.term.as_mut());
                if let Some(term) = term {
                    let mut declared = term.declared().clone();
                    if let Some(Key::App(name)) = Key::read(&entry.key) {
                        declared.apps.remove(&name);
                    }
                    declared.apps.extend(apps::declared(&[entry]).apps);
                    term.declares(declared);
                }
            }
            _ => {}
        }
    }

    /// Watches begin anew, and bring what stands.
    pub(super) fn resync(&mut self, node: usize) {
        if self.store.is_away || self.nodes[node].is_cut {
            return self.later(300, node, Event::Resync);
        }
        self.nodes[node].is_deaf = false;
        let own = key::assignment(&self.nodes[node].id);
        for key in [key::LEASE.to_owned(), own] {
            if let Some(entry) = self.store.entry(&key) {
                self.watch(node, entry);
            }
        }
        // The leader's watch ended as well.
        self.read(node, READ_AGAIN_MS);
    }

    fn drive_duty(&mut self, node: usize) {
        loop {
            let this = &mut self.nodes[node];
            if this.is_duty_asking || this.is_leaving {
                return;
            }
            match this.duty.step() {
                duty::Step::Rest => match this.heads.pop_front() {
                    Some(entry) => this.duty.head(entry),
                    None => {
                        if let (Some(after), None) = (this.duty.again_after(), this.due.again) {
                            this.due.again = Some(self.now + after.as_millis() as u64);
                        }
                        return;
                    }
                },
                duty::Step::Ask(ask) => {
                    this.is_duty_asking = true;
                    self.ask(node, &Who::Duty, &ask, TIMEOUT_MS);
                }
                duty::Step::Run => self.run(node),
            }
        }
    }

    fn run(&mut self, node: usize) {
        let this = &mut self.nodes[node];
        let current = this.duty.current().clone();
        let apps: BTreeMap<_, _> = this
            .running
            .iter()
            .map(|(n, r)| (n.clone(), r.app.clone()))
            .collect();
        let (prepare, stopped) = this.run(&current);
        let before = this.disk_epoch;
        this.epoch = this.epoch.max(current.epoch);
        this.disk_epoch = current.epoch;
        let id = this.id.clone();
        self.invariants.epochs.runs(&id, before, current.epoch);
        for name in stopped {
            self.note(format!("{id} stops {name}"));
            self.invariants
                .evidence
                .stopped(&id, &name, &apps[&name], self.now);
        }
        for (name, revision) in prepare {
            let after = self.random.u64(1..=self.prepare_max_ms);
            self.later(after, node, Event::Ready(name, revision));
        }
    }
}
