use std::collections::BTreeMap;

use lattice_config::{
    ActorSpec, AssignedActor, AssignedProvider, InstanceMode, Limits, ProviderSpec, Revision, Runs,
};
use lattice_protocol::digest::Digest;

use super::*;

fn actor(name: &str, app: &str) -> AssignedActor {
    let spec = ActorSpec {
        instance: InstanceMode::Fresh,
        config: BTreeMap::new(),
        limits: Limits::default(),
        ..ActorSpec::default()
    };
    let component = Digest::of(name.as_bytes());
    AssignedActor {
        name: name.parse().unwrap(),
        app: app.parse().unwrap(),
        revision: Revision::of_actor(&component, &spec),
        slots: 1,
        component,
        spec,
        asked: Default::default(),
    }
}

fn provider(app: &str) -> AssignedProvider {
    let spec = ProviderSpec {
        runs: Runs::Kind("http".into()),
        inline: false,
        config: serde_json::Map::new(),
        routes: Vec::new(),
        env: BTreeMap::new(),
    };
    AssignedProvider {
        app: app.parse().unwrap(),
        revision: Revision::of_provider(&spec),
        spec,
    }
}

/// Actor `a` and provider `p` of app `one`, actor `b` of app `two`.
fn running() -> Assignment {
    Assignment {
        epoch: 3,
        actors: vec![actor("a", "one"), actor("b", "two")],
        providers: BTreeMap::from([("p".parse().unwrap(), provider("one"))]),
    }
}

fn apps<T: FromIterator<AppName>>(names: &[&str]) -> T {
    names.iter().map(|name| name.parse().unwrap()).collect()
}

fn empty(epoch: u64) -> Assignment {
    Assignment {
        epoch,
        ..Assignment::default()
    }
}

#[test]
fn only_what_is_left_out_is_asked_about() {
    assert_eq!(apps_left_out(&running(), &running()), apps::<Vec<_>>(&[]));
    assert_eq!(
        apps_left_out(&running(), &empty(4)),
        apps::<Vec<_>>(&["one", "two"])
    );
    let without_b = Assignment {
        actors: vec![actor("a", "one")],
        ..running()
    };
    assert_eq!(
        apps_left_out(&running(), &without_b),
        apps::<Vec<_>>(&["two"])
    );
}

#[test]
fn what_the_state_knows_is_stopped_as_it_says() {
    assert_eq!(merged(&running(), empty(4), &apps(&[])), empty(4));
}

#[test]
fn an_empty_state_stops_nothing() {
    let merged = merged(&running(), empty(4), &apps(&["one", "two"]));
    assert!(merged.same_work(&running()));
    assert_eq!(merged.epoch, 4, "the new leader is followed all the same");
}

#[test]
fn what_is_wanted_wins_over_what_is_kept() {
    let mut newer = actor("a", "one");
    newer.slots = 9;
    let wanted = Assignment {
        actors: vec![newer.clone()],
        ..empty(4)
    };
    let merged = merged(&running(), wanted, &apps(&["one", "two"]));
    assert_eq!(merged.actors, [newer, actor("b", "two")]);
    assert_eq!(merged.providers.len(), 1);
}

fn head(revision: u64, assignment: &Assignment) -> StateEntry {
    StateEntry {
        key: "assign.me".into(),
        revision,
        value: Some(lattice_config::state::encode(assignment).unwrap().into()),
    }
}

fn me() -> Duty {
    Duty::new("me".parse().unwrap(), 3)
}

fn known(name: &str) -> Answer {
    let entry = StateEntry {
        key: name.into(),
        revision: 1,
        value: None,
    };
    Answer::Entry(Some(entry))
}

fn failed() -> Answer {
    Answer::Failed {
        reason: "away".into(),
    }
}

/// Runs what [`running`] says.
fn busy() -> Duty {
    let mut duty = me();
    duty.head(head(5, &running()));
    assert_eq!(duty.step(), Step::Run);
    duty
}

fn asked(duty: &mut Duty) -> String {
    match duty.step() {
        Step::Ask(Ask::Get { key }) => key,
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_an_older_leader_wrote_is_ignored() {
    let mut duty = me();
    duty.head(head(5, &empty(2)));
    assert_eq!(duty.step(), Step::Rest);
}

#[test]
fn what_is_left_out_is_stopped_only_after_the_state_said_that_it_knows_the_app() {
    let mut duty = busy();
    duty.head(head(6, &empty(4)));
    assert_eq!(asked(&mut duty), "app.one");
    duty.answered(known("app.one"));
    assert_eq!(asked(&mut duty), "app.two");
    duty.answered(Answer::Entry(None));
    assert_eq!(duty.step(), Step::Run);
    assert_eq!(duty.current().actors, [actor("b", "two")]);
    assert_eq!(
        duty.again_after(),
        Some(LOOK_EVERY),
        "the app may come back"
    );
}

#[test]
fn what_belongs_to_an_app_that_cannot_be_read_is_kept_until_it_can() {
    let mut duty = busy();
    duty.head(head(6, &empty(4)));
    for _ in 0..2 {
        let key = asked(&mut duty);
        duty.answered(Answer::Entry(Some(StateEntry {
            key,
            revision: 1,
            value: Some("\u{1}no record".into()),
        })));
    }
    assert_eq!(duty.step(), Step::Run);
    assert!(duty.current().same_work(&running()));
    assert_eq!(duty.again_after(), Some(LOOK_EVERY));
    duty.again();
    for _ in 0..2 {
        asked(&mut duty);
        duty.answered(known("app"));
    }
    assert_eq!(duty.step(), Step::Run);
    assert!(duty.current().same_work(&empty(4)));
}

#[test]
fn what_was_kept_is_stopped_once_the_state_knows_its_app_again() {
    let mut duty = busy();
    duty.head(head(6, &empty(4)));
    for _ in 0..2 {
        asked(&mut duty);
        duty.answered(Answer::Entry(None));
    }
    assert_eq!(duty.step(), Step::Run);
    duty.again();
    for _ in 0..2 {
        asked(&mut duty);
        duty.answered(known("app"));
    }
    assert_eq!(duty.step(), Step::Run);
    assert!(duty.current().same_work(&empty(4)));
    assert_eq!(duty.again_after(), None);
}

#[test]
fn a_state_that_can_not_be_asked_stops_nothing_and_is_asked_again() {
    let mut duty = busy();
    duty.head(head(6, &empty(4)));
    for _ in 0..2 {
        asked(&mut duty);
        duty.answered(failed());
    }
    assert_eq!(duty.step(), Step::Run);
    assert!(duty.current().same_work(&running()));
    assert_eq!(duty.again_after(), Some(AGAIN_AFTER));
}

#[test]
fn of_one_leader_the_later_assignment_counts_though_the_watch_brings_the_earlier_after_it() {
    let mut duty = busy();
    let mut newer = running();
    newer.actors[0].slots = 7;
    duty.head(head(9, &newer));
    assert_eq!(duty.step(), Step::Run);
    duty.head(head(5, &running()));
    assert_eq!(duty.step(), Step::Rest);
    assert_eq!(duty.current().actors[0].slots, 7);
}

#[test]
fn an_assignment_in_parts_runs_when_all_parts_are_there_and_changes_nothing_before() {
    let large = Assignment {
        actors: (0..500)
            .map(|n| actor(&format!("a-{n:03}"), "one"))
            .collect(),
        ..empty(4)
    };
    let written = lattice_config::state::head::write(&large, 0, &BTreeSet::new()).unwrap();
    let parts: BTreeMap<_, _> = written
        .parts
        .iter()
        .map(|(name, bytes)| (key::part(&"me".parse().unwrap(), name), bytes.clone()))
        .collect();
    let mut duty = me();
    duty.head(StateEntry {
        key: "assign.me".into(),
        revision: 6,
        value: Some(written.head.into()),
    });
    asked(&mut duty);
    duty.answered(Answer::Entry(None));
    assert_eq!(duty.step(), Step::Rest);
    assert_eq!(duty.again_after(), Some(AGAIN_AFTER));
    duty.again();
    while let Step::Ask(Ask::Get { key }) = duty.step() {
        let value = Some(parts[&key].clone().into());
        let revision = 1;
        duty.answered(Answer::Entry(Some(StateEntry {
            key,
            revision,
            value,
        })));
    }
    assert!(duty.current().same_work(&large));
}

#[test]
fn of_a_store_that_was_set_back_under_one_leader_two_looks_convince() {
    let mut duty = busy();
    let mut other = running();
    other.actors[0].slots = 7;
    for slots in [1, 7] {
        duty.look();
        asked(&mut duty);
        duty.answered(Answer::Entry(Some(head(2, &other))));
        while duty.step() != Step::Rest {}
        assert_eq!(duty.current().actors[0].slots, slots);
    }
}

#[test]
fn what_a_host_runs_by_is_told_once_it_is_told_what_to_run() {
    let at = |epoch, revision| Some(AssignmentRevision { epoch, revision });
    let mut duty = me();
    assert_eq!(duty.followed(), None);
    duty.head(head(5, &running()));
    assert_eq!(duty.step(), Step::Run);
    assert_eq!(duty.followed(), at(3, 5));
    duty.head(head(6, &empty(4)));
    asked(&mut duty);
    assert_eq!(duty.followed(), at(3, 5), "it is not carried out yet");
    for _ in 0..2 {
        duty.answered(known("app"));
        duty.step();
    }
    assert_eq!(duty.followed(), at(4, 6));
}

#[test]
fn the_same_written_again_is_followed_by_its_new_revision() {
    let mut duty = busy();
    duty.head(head(5, &running()));
    assert_eq!(duty.step(), Step::Rest, "nothing is new");
    duty.head(head(8, &running()));
    assert_eq!(
        duty.step(),
        Step::Run,
        "whoever wrote it waits to hear of it"
    );
    let followed = duty.followed().map(|followed| followed.revision);
    assert_eq!(followed, Some(8));
}
