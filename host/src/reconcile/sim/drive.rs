//! What the tasks of a host do around the deciders: the same as `election`, `leader`, `follower`.

use std::collections::BTreeMap;
use std::sync::Arc;

use lattice_client::StateEntry;
use lattice_config::state::{Key, key};
use lattice_protocol::heartbeat::Heartbeat;
use lattice_protocol::report::HEARTBEAT_INTERVAL;

use super::super::ask::{Answer, Ask};
use super::super::duty;
use super::apps;
use super::node::Node;
use super::world::{Event, Who, World};

const CAMPAIGN_EVERY_MS: u64 = 200;
const LEADER_EVERY_MS: u64 = 250;
const LOOK_EVERY_MS: u64 = 5_000;
/// How long an answer is waited for.
pub(super) const TIMEOUT_MS: u64 = 5_000;
/// The pause before a leader reads the state anew.
pub(super) const READ_AGAIN_MS: u64 = 200;

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
        // A host that is cut off may not have noticed.
        if self.nodes[node].is_cut && self.random.bool() {
            return;
        }
        let this = &mut self.nodes[node];
        let beats = this.beat(self.now);
        self.invariants.picture.told(&this.id, &this.telling);
        for beat in beats.into_iter().map(Arc::new) {
            self.broadcast(node, || Event::Heartbeat(beat.clone()));
        }
    }

    pub(super) fn heard(&mut self, node: usize, beat: &Arc<Heartbeat>) {
        let (now, this) = (self.now, &mut self.nodes[node]);
        let asks = this.heard(beat, now);
        let host = &beat.report.host;
        self.invariants.silence.heard(node, host, this, now);
        self.invariants.picture.known(host, &this.view);
        let is_of = |one: &Node| one.is_up && one.id == *host;
        if asks && let Some(asked) = self.nodes.iter().position(is_of) {
            self.send(asked, || Event::AskAll);
        }
    }

    pub(super) fn broadcast(&mut self, node: usize, event: impl Fn() -> Event) {
        if self.nodes[node].is_cut {
            return;
        }
        for to in 0..self.nodes.len() {
            if self.nodes[to].is_up {
                self.send_in(self.air, to, &event);
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
    pub(super) fn ask(&mut self, node: usize, who: &Who, ask: &Ask, timeout_ms: u64) {
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
                if this.is_leaving {
                    self.release(node);
                } else if !is_late {
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
        this.followed = this.duty.followed();
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
