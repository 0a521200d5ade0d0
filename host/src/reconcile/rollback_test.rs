use lattice_config::plan::plan;
use lattice_config::{Actor, ComponentRef, HostView};
use lattice_protocol::digest::Digest;

use super::*;

const EPOCH: u64 = 7;

fn name() -> ActorName {
    "a".parse().unwrap()
}

fn app(code: &str) -> App {
    let mut app = App::new("demo".parse().unwrap(), code);
    let mut actor = Actor::new(ComponentRef::Digest(Digest::of(code.as_bytes())));
    actor.instances = 2;
    app.actors.insert(name(), actor);
    app
}

fn revision(code: &str) -> String {
    let app = app(code);
    let actor = &app.actors[&name()];
    Revision::of_actor(actor.component.digest().unwrap(), &actor.spec()).to_string()
}

fn declared(revision: u64, value: App) -> Declared {
    let app = Revised { revision, value };
    Declared {
        apps: BTreeMap::from([("demo".parse().unwrap(), app)]),
        ..Declared::default()
    }
}

/// What two hosts are to run of it.
fn assigned(declared: &Declared) -> Assigned {
    let view = |id: &str| HostView {
        id: id.parse().unwrap(),
        labels: BTreeMap::new(),
        capacity: 10,
        draining: false,
    };
    let plan = plan(declared, &[view("g"), view("h")], &BTreeMap::new(), EPOCH);
    let mut assigned = Assigned::default();
    for (host, work) in plan.assignments {
        assigned.wrote(&host, 3, work, BTreeSet::new());
    }
    assigned
}

/// What a host says: which code runs there, and which it refuses.
#[derive(Clone, Copy)]
struct Says {
    runs: Option<&'static str>,
    refuses: Option<&'static str>,
    may_pass: bool,
}

const REFUSES: Says = Says {
    runs: Some("good"),
    refuses: Some("bad"),
    may_pass: false,
};

fn alive(g: Option<Says>, h: Option<Says>) -> BTreeMap<HostId, Arc<Report>> {
    let report = |host: &str, says: Says| {
        let refused = says.refuses.map(|code| Refused {
            revision: revision(code),
            reason: "it does not compile".into(),
            may_pass: says.may_pass,
        });
        let failed = Phase::Failed {
            reason: String::new(),
        };
        let actor = ActorReport {
            revision: revision(says.runs.or(says.refuses).unwrap_or("bad")),
            slots: says.runs.map_or(0, |_| 1),
            busy: 0,
            waiting: 0,
            refused,
            phase: says.runs.map_or(failed, |_| Phase::Running),
        };
        Arc::new(Report {
            host: host.parse().unwrap(),
            version: "1".into(),
            labels: BTreeMap::new(),
            capacity: 10,
            uptime_ms: 1,
            connection: None,
            assignment: None,
            actors: BTreeMap::from([(name(), actor)]),
            providers: BTreeMap::new(),
        })
    };
    let said = [("g", g), ("h", h)].into_iter();
    said.filter_map(|(host, says)| Some((host.parse().unwrap(), report(host, says?))))
        .collect()
}

fn kept(apps: &[(u64, Option<App>)]) -> Answer {
    let kept = apps.iter().map(|(revision, app)| StateRevision {
        revision: *revision,
        written: String::new(),
        value: app.as_ref().map(|app| state::encode(app).unwrap().into()),
    });
    Answer::History(kept.collect())
}

/// What is asked, of the app that is the only one.
fn asked(rollbacks: &mut Rollbacks) -> Option<Ask> {
    match rollbacks.step() {
        None => None,
        Some(Step::Ask(Tag::App(app), ask)) if app.as_str() == "demo" => Some(ask),
        other => panic!("{other:?}"),
    }
}

fn is_asked(g: Option<Says>, h: Option<Says>) -> bool {
    let declared = declared(9, app("bad"));
    let mut rollbacks = Rollbacks::default();
    rollbacks.look(&declared, &assigned(&declared), &alive(g, h));
    asked(&mut rollbacks).is_some()
}

#[test]
fn only_what_every_host_refuses_while_one_runs_another_goes_back() {
    assert!(is_asked(Some(REFUSES), Some(REFUSES)));
    let nothing_runs = Says {
        runs: None,
        ..REFUSES
    };
    assert!(is_asked(Some(REFUSES), Some(nothing_runs)));
    assert!(
        is_asked(Some(REFUSES), None),
        "a host that is gone has no say"
    );
    // Nobody runs it: there is nothing to go back to.
    assert!(!is_asked(Some(nothing_runs), Some(nothing_runs)));
    // One does, or may come to it.
    let takes_it = Says {
        runs: Some("bad"),
        refuses: None,
        may_pass: false,
    };
    assert!(!is_asked(Some(REFUSES), Some(takes_it)));
    let has_not_tried = Says {
        refuses: None,
        ..REFUSES
    };
    assert!(!is_asked(Some(REFUSES), Some(has_not_tried)));
    let refuses_another = Says {
        refuses: Some("older"),
        ..REFUSES
    };
    assert!(!is_asked(Some(REFUSES), Some(refuses_another)));
    let may_pass = Says {
        may_pass: true,
        ..REFUSES
    };
    assert!(!is_asked(Some(REFUSES), Some(may_pass)));
}

#[test]
fn a_host_whose_heartbeats_have_a_gap_is_no_evidence() {
    let declared = declared(9, app("bad"));
    let mut alive = alive(Some(REFUSES), Some(REFUSES));
    for report in alive.values_mut().take(1) {
        Arc::make_mut(report).actors.clear();
    }
    let mut rollbacks = Rollbacks::default();
    rollbacks.look(&declared, &assigned(&declared), &alive);
    assert_eq!(asked(&mut rollbacks), None);
}

#[test]
fn it_is_written_over_what_was_refused_once_and_told_with_the_reason() {
    let declared = declared(9, app("bad"));
    let (assigned, alive) = (assigned(&declared), alive(Some(REFUSES), Some(REFUSES)));
    let demo = "demo".parse().unwrap();
    let mut rollbacks = Rollbacks::default();
    rollbacks.look(&declared, &assigned, &alive);
    assert!(matches!(asked(&mut rollbacks), Some(Ask::History { .. })));
    let history = kept(&[(5, Some(app("good"))), (9, Some(app("bad")))]);
    rollbacks.answered(&demo, history, &declared);
    let Some(Ask::Put { key, value, over }) = asked(&mut rollbacks) else {
        panic!("nothing is written");
    };
    assert_eq!((key.as_str(), over), ("app.demo", 9));
    let written: App = state::decode(&value).unwrap();
    assert_eq!(written.actors, app("good").actors);
    assert_eq!(asked(&mut rollbacks), None);
    rollbacks.answered(&demo, Answer::Written { revision: 12 }, &declared);
    let Some(Step::RolledBack(done)) = rollbacks.step() else {
        panic!("nothing is told");
    };
    assert_eq!((done.why.from, done.why.to), (9, 5));
    assert_eq!(done.applied.revision, 12);
    assert_eq!(done.why.refused[&name()].reason, "it does not compile");
    // The watch may not have brought it yet.
    rollbacks.look(&declared, &assigned, &alive);
    assert_eq!(asked(&mut rollbacks), None);
}

#[test]
fn whoever_declares_it_anew_meanwhile_wins() {
    let demo = "demo".parse().unwrap();
    let declared = declared(9, app("bad"));
    let (assigned, alive) = (assigned(&declared), alive(Some(REFUSES), Some(REFUSES)));
    let begun = || {
        let mut rollbacks = Rollbacks::default();
        rollbacks.look(&declared, &assigned, &alive);
        assert!(asked(&mut rollbacks).is_some());
        rollbacks
    };
    let mut before = begun();
    let newer = (11, Some(app("better")));
    let history = kept(&[(5, Some(app("good"))), (9, Some(app("bad"))), newer]);
    before.answered(&demo, history, &declared);
    assert_eq!(asked(&mut before), None);
    let mut after = begun();
    let history = kept(&[(5, Some(app("good"))), (9, Some(app("bad")))]);
    after.answered(&demo, history, &declared);
    assert!(asked(&mut after).is_some());
    after.answered(&demo, Answer::Conflict, &declared);
    assert!(after.step().is_none());
}

#[test]
fn a_store_that_fails_is_asked_again_and_one_that_has_nothing_is_not() {
    let demo = "demo".parse().unwrap();
    let declared = declared(9, app("bad"));
    let (assigned, alive) = (assigned(&declared), alive(Some(REFUSES), Some(REFUSES)));
    let mut rollbacks = Rollbacks::default();
    rollbacks.look(&declared, &assigned, &alive);
    assert!(asked(&mut rollbacks).is_some());
    let reason = "away".to_owned();
    rollbacks.answered(&demo, Answer::Failed { reason }, &declared);
    rollbacks.look(&declared, &assigned, &alive);
    assert!(asked(&mut rollbacks).is_some());
    // It was removed and declared anew: what was before is another app's past.
    let history = kept(&[(5, Some(app("good"))), (7, None), (9, Some(app("bad")))]);
    rollbacks.answered(&demo, history, &declared);
    rollbacks.look(&declared, &assigned, &alive);
    assert_eq!(asked(&mut rollbacks), None);
}

#[test]
fn what_would_lead_to_nobody_is_not_written() {
    let mut good = app("good");
    let link = lattice_config::Link::new("a:b".parse().unwrap(), "gone".parse().unwrap());
    good.actors.get_mut(&name()).unwrap().links.push(link);
    let demo = "demo".parse().unwrap();
    let declared = declared(9, app("bad"));
    let good_actor = &good.actors[&name()];
    let digest = good_actor.component.digest().unwrap();
    let good_revision = Revision::of_actor(digest, &good_actor.spec()).to_string();
    let mut alive = alive(Some(REFUSES), None);
    for report in alive.values_mut() {
        for actor in Arc::make_mut(report).actors.values_mut() {
            actor.revision.clone_from(&good_revision);
        }
    }
    let mut rollbacks = Rollbacks::default();
    rollbacks.look(&declared, &assigned(&declared), &alive);
    assert!(asked(&mut rollbacks).is_some());
    let history = kept(&[(5, Some(good)), (9, Some(app("bad")))]);
    rollbacks.answered(&demo, history, &declared);
    assert_eq!(asked(&mut rollbacks), None);
}
