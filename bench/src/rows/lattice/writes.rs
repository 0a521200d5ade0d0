//! What a leader writes.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::bail;
use host::peers::Standing;
use host::reconcile::ask::{Answer, Ask};
use host::reconcile::term::{Step, Tag, Term};
use lattice_config::Declared;
use lattice_config::plan::{Plan, plan};
use lattice_protocol::id::HostId;
use lattice_protocol::report::AssignmentRevision;

use super::declared::{changed, serving, views};
use super::{HOSTS, millis};
use crate::figure::{Figure, Target, Unit};

const EPOCH: u64 = 1;

/// What a leader writes when it begins, when one actor changes, and when nothing does.
pub(super) fn figures(declared: Declared) -> anyhow::Result<Vec<Figure>> {
    let mut state = Table::default();
    let mut term = Term::new(EPOCH, Vec::new(), declared.clone());
    let made = plan(&declared, &views(HOSTS)?, &BTreeMap::new(), EPOCH);
    let began = Instant::now();
    let all = state.settle(&mut term, &made)?;
    let took = began.elapsed();
    let rest = state.settle(&mut term, &made)?;

    let changed = changed(declared)?;
    let next = plan(&changed, &views(HOSTS)?, &made.assignments, EPOCH);
    term.declares(changed);
    let one = state.settle(&mut term, &next)?;
    let figure = |what: &str, unit, ours: f64, target| {
        Figure::plain(format!("leader, {what}"), unit, ours, target)
    };
    let kib = |written: &Written| written.bytes as f64 / 1024.0;
    Ok(vec![
        figure(
            "decides and encodes all from nothing",
            Unit::Millis,
            millis(took),
            Target::None,
        ),
        figure(
            "writes all from nothing: messages",
            Unit::Count,
            all.messages as f64,
            Target::None,
        ),
        figure("the same, bytes", Unit::Kibibytes, kib(&all), Target::None),
        figure(
            "one actor of one app changes: messages",
            Unit::Count,
            one.messages as f64,
            Target::None,
        ),
        figure("the same, bytes", Unit::Kibibytes, kib(&one), Target::None),
        figure(
            "nothing changes: messages",
            Unit::Count,
            rest.messages as f64,
            Target::AtMost(0.0),
        ),
    ])
}

/// The state, and what was written into it.
#[derive(Default)]
struct Table {
    revision: u64,
    /// What each host is to follow.
    heads: BTreeMap<HostId, AssignmentRevision>,
}

#[derive(Default)]
struct Written {
    messages: u64,
    bytes: usize,
}

impl Table {
    /// Lets the leader look and write until it has nothing to write.
    fn settle(&mut self, term: &mut Term, made: &Plan) -> anyhow::Result<Written> {
        let alive = serving(made, HOSTS)?;
        let since = Duration::from_secs(60);
        let mut written = Written::default();
        loop {
            let before = written.messages;
            let now = Instant::now();
            let mut alive = alive.clone();
            for (host, report) in &mut alive {
                Arc::make_mut(report).assignment = self.heads.get(host).copied();
            }
            term.look(Standing::Hearing { alive, since }, now);
            self.carry_out(term, now + since, &mut written)?;
            if written.messages == before {
                return Ok(written);
            }
        }
    }

    fn carry_out(
        &mut self,
        term: &mut Term,
        until: Instant,
        written: &mut Written,
    ) -> anyhow::Result<()> {
        loop {
            match term.step(Instant::now(), Some(until)) {
                Step::Rest => return Ok(()),
                Step::Tell(_) => {}
                Step::Ask(tag, ask) => {
                    written.messages += 1;
                    let answer = match ask {
                        Ask::Put { value, .. } => {
                            written.bytes += value.len();
                            self.revision += 1;
                            let revision = self.revision;
                            if let Tag::Host(host) = &tag {
                                // The head is the last that is written.
                                let epoch = EPOCH;
                                let head = AssignmentRevision { epoch, revision };
                                self.heads.insert(host.clone(), head);
                            }
                            Answer::Written { revision }
                        }
                        Ask::Purge { .. } | Ask::Erase { .. } => Answer::Deleted,
                        Ask::Get { .. } => Answer::Entry(None),
                        Ask::History { .. } => Answer::History(Vec::new()),
                    };
                    term.answered(&tag, answer);
                }
                ended => bail!("the leader ended: {ended:?}"),
            }
        }
    }
}
