use lattice_config::state;
use lattice_config::{Actor, App, ComponentRef, Revised};
use lattice_protocol::digest::Digest;

use super::*;
use crate::heartbeat::testing::{actor, with_actors};

#[path = "term_test/hand_over.rs"]
mod hand_over;

const EPOCH: u64 = 7;

fn report(host: &str, serves: &[&str]) -> Arc<Report> {
    Arc::new(with_actors(
        host,
        serves.iter().map(|name| (name, actor(0))),
    ))
}

fn hearing(reports: &[Arc<Report>], since: Duration) -> Standing {
    let alive = reports.iter();
    let alive = alive
        .map(|report| (report.host.clone(), report.clone()))
        .collect();
    Standing::Hearing { alive, since }
}

/// One actor, `a`, of one instance.
fn declared() -> Declared {
    let mut app = App::new("demo".parse().unwrap(), "1");
    let mut actor = Actor::new(ComponentRef::Digest(Digest::of(b"code")));
    actor.instances = 1;
    app.actors.insert("a".parse().unwrap(), actor);
    let app = Revised {
        revision: 1,
        value: app,
    };
    Declared {
        apps: BTreeMap::from([("demo".parse().unwrap(), app)]),
        ..Declared::default()
    }
}

/// The assignment of the only host there is, under an earlier lease.
fn work(host: &str) -> Assignment {
    let views = [view(&report(host, &[]))];
    let plan = plan(&declared(), &views, &BTreeMap::new(), EPOCH - 1);
    plan.assignments[host].clone()
}

fn head(host: &str, revision: u64, work: &Assignment) -> StateEntry {
    StateEntry {
        key: format!("assign.{host}"),
        revision,
        value: Some(state::encode(work).unwrap().into()),
    }
}

/// All that the term asks now, the lease being held.
fn asked(term: &mut Term, now: Instant) -> Vec<(Tag, Ask)> {
    let until = Some(now + Duration::from_secs(1));
    let mut asked = Vec::new();
    loop {
        match term.step(now, until) {
            Step::Ask(tag, ask) => asked.push((tag, ask)),
            Step::Tell(_) => {}
            Step::Rest => return asked,
            other => panic!("{other:?}"),
        }
    }
}

fn hosts(asked: &[(Tag, Ask)]) -> Vec<&str> {
    let mut hosts = Vec::new();
    for (tag, _) in asked {
        if let Tag::Host(host) = tag {
            hosts.push(host.as_str());
        }
    }
    hosts
}

fn written(term: &mut Term, asked: &[(Tag, Ask)]) {
    for (at, (tag, _)) in asked.iter().enumerate() {
        let revision = 100 + at as u64;
        term.answered(tag, Answer::Written { revision });
    }
}

#[test]
fn a_host_that_hears_nothing_plans_nothing() {
    let mut term = Term::new(EPOCH, Vec::new(), declared());
    let now = Instant::now();
    term.look(Standing::Deaf, now);
    assert!(asked(&mut term, now).is_empty());
}

#[test]
fn the_first_host_of_a_lattice_plans_at_once() {
    let mut term = Term::new(EPOCH, Vec::new(), declared());
    let now = Instant::now();
    term.look(hearing(&[report("h", &[])], Duration::ZERO), now);
    let asked = asked(&mut term, now);
    assert_eq!(hosts(&asked), ["h"]);
    assert!(matches!(&asked[0].1, Ask::Put { over: 0, .. }));
}

#[test]
fn a_host_with_work_that_was_not_heard_yet_gets_the_time_to_be_heard() {
    let entries = vec![head("b", 3, &work("b"))];
    let mut term = Term::new(EPOCH, entries, declared());
    let now = Instant::now();
    let alone = [report("a", &[])];
    term.look(hearing(&alone, GONE_AFTER), now);
    assert!(asked(&mut term, now).is_empty());
    term.look(hearing(&alone, GONE_AFTER + Duration::from_millis(1)), now);
    assert!(hosts(&asked(&mut term, now)).contains(&"a"));
}

#[test]
fn a_host_without_work_is_not_waited_for() {
    let empty = Assignment {
        epoch: 1,
        ..Assignment::default()
    };
    let entries = vec![head("b", 3, &empty)];
    let mut term = Term::new(EPOCH, entries, declared());
    let now = Instant::now();
    term.look(hearing(&[report("a", &[])], Duration::ZERO), now);
    assert!(hosts(&asked(&mut term, now)).contains(&"a"));
}

#[test]
fn a_new_leader_writes_every_assignment_once_those_of_hosts_that_are_away_too() {
    let entries = vec![head("a", 3, &work("a")), head("b", 4, &work("b"))];
    let mut term = Term::new(EPOCH, entries, declared());
    let now = Instant::now();
    let standing = || hearing(&[report("a", &["a"])], GONE_AFTER * 2);
    term.look(standing(), now);
    let all = asked(&mut term, now);
    assert_eq!(hosts(&all), ["a", "b"]);
    let Ask::Put { value, over: 4, .. } = &all[1].1 else {
        panic!("{all:?}");
    };
    let fenced: Assignment = state::decode(value).unwrap();
    assert_eq!(fenced.epoch, EPOCH);
    assert!(
        fenced.same_work(&work("b")),
        "it finds its work when it comes back"
    );
    written(&mut term, &all);
    term.look(standing(), now);
    assert!(asked(&mut term, now).is_empty());
}

#[test]
fn nothing_is_asked_once_the_lease_may_have_run_out() {
    let mut term = Term::new(EPOCH, Vec::new(), declared());
    let now = Instant::now();
    term.look(hearing(&[report("h", &[])], Duration::ZERO), now);
    assert_eq!(term.step(now, Some(now)), Step::Expired);
    assert_eq!(term.step(now, None), Step::Expired);
}

#[test]
fn a_later_leaders_assignment_deposes() {
    let entries = vec![head("h", 3, &work("h"))];
    let mut term = Term::new(EPOCH, entries, declared());
    let now = Instant::now();
    term.look(hearing(&[report("h", &[])], Duration::ZERO), now);
    let first = asked(&mut term, now);
    term.answered(&first[0].0, Answer::Conflict);
    let reread = asked(&mut term, now);
    assert!(matches!(&reread[0].1, Ask::Get { .. }));
    let later = Assignment {
        epoch: EPOCH + 1,
        ..work("h")
    };
    let found = head("h", 9, &later);
    term.answered(&reread[0].0, Answer::Entry(Some(found)));
    let until = Some(now + Duration::from_secs(1));
    assert_eq!(term.step(now, until), Step::Deposed { by: EPOCH + 1 });
}

#[test]
fn a_later_leaders_assignment_that_stood_there_before_deposes() {
    let later = Assignment {
        epoch: EPOCH + 1,
        ..work("h")
    };
    let mut term = Term::new(EPOCH, vec![head("h", 9, &later)], declared());
    let now = Instant::now();
    let until = Some(now + Duration::from_secs(1));
    assert_eq!(term.step(now, until), Step::Deposed { by: EPOCH + 1 });
}

#[test]
fn a_write_that_was_done_though_its_answer_was_lost_is_recognised() {
    let mut term = Term::new(EPOCH, Vec::new(), declared());
    let now = Instant::now();
    let standing = || hearing(&[report("h", &["a"])], Duration::ZERO);
    term.look(standing(), now);
    let first = asked(&mut term, now);
    let (tag, Ask::Put { key, value, .. }) = &first[0] else {
        panic!("{first:?}");
    };
    term.answered(tag, Answer::Conflict);
    asked(&mut term, now);
    let own = StateEntry {
        key: key.clone(),
        revision: 5,
        value: Some(value.clone()),
    };
    term.answered(tag, Answer::Entry(Some(own)));
    term.look(standing(), now);
    assert!(asked(&mut term, now).is_empty());
}

#[test]
fn an_assignment_that_can_not_be_read_is_written_over() {
    let broken = StateEntry {
        key: "assign.h".into(),
        revision: 9,
        value: Some(b"{".to_vec().into()),
    };
    let mut term = Term::new(EPOCH, vec![broken], declared());
    let now = Instant::now();
    term.look(hearing(&[report("h", &[])], Duration::ZERO), now);
    let asked = asked(&mut term, now);
    assert!(matches!(&asked[0].1, Ask::Put { over: 9, .. }), "{asked:?}");
}

#[test]
fn a_state_that_can_not_be_written_breaks_the_term() {
    let mut term = Term::new(EPOCH, Vec::new(), declared());
    let now = Instant::now();
    term.look(hearing(&[report("h", &[])], Duration::ZERO), now);
    let first = asked(&mut term, now);
    let reason = "away".to_owned();
    term.answered(&first[0].0, Answer::Failed { reason });
    let until = Some(now + Duration::from_secs(1));
    assert_eq!(term.step(now, until), Step::Broken("away".into()));
}
