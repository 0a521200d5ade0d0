use super::*;
use crate::app::{Actor, ComponentRef};
use crate::revision::Revision;

fn actor(number: usize, config_bytes: usize) -> AssignedActor {
    let component = Digest::of(b"code");
    let mut actor = Actor::new(ComponentRef::Digest(component.clone()));
    actor.config = BTreeMap::from([("k".to_owned(), "v".repeat(config_bytes))]);
    let spec = actor.spec();
    AssignedActor {
        name: format!("actor-{number:05}").parse().unwrap(),
        app: "demo".parse().unwrap(),
        revision: Revision::of_actor(&component, &spec),
        slots: 1,
        component,
        spec,
        asked: Default::default(),
    }
}

fn many(count: usize) -> Assignment {
    Assignment {
        epoch: 7,
        actors: (0..count).map(|number| actor(number, 1)).collect(),
        providers: BTreeMap::new(),
    }
}

fn whole(head: &[u8], parts: &BTreeMap<PartName, Vec<u8>>) -> Assignment {
    let mut reading = Reading::begin(head).unwrap();
    while let Some(name) = reading.missing().cloned() {
        reading.part(&name, &parts[&name]).unwrap();
    }
    reading.finish().unwrap()
}

#[test]
fn a_small_assignment_is_one_record_that_every_version_reads() {
    let written = write(&many(3), 0, &BTreeSet::new()).unwrap();
    assert!(written.parts.is_empty());
    assert!(written.head.starts_with(br#"{"format":1,"assignment":{"#));
    assert_eq!(decode::<Assignment>(&written.head).unwrap(), many(3));
    assert_eq!(whole(&written.head, &BTreeMap::new()), many(3));
}

#[test]
fn ten_thousand_actors_of_one_host_fit_and_read_back() {
    let written = write(&many(10_000), 3, &BTreeSet::new()).unwrap();
    assert!(
        written.head.len() <= WHOLE_BYTES_MAX,
        "{}",
        written.head.len()
    );
    for (name, bytes) in &written.parts {
        assert!(bytes.len() <= 2 * PART_BYTES_AIM, "{name}: {}", bytes.len());
    }
    let parts = written.parts.into_iter().collect();
    assert_eq!(whole(&written.head, &parts), many(10_000));
}

#[test]
fn an_older_version_refuses_a_head_with_parts_instead_of_stopping_its_actors() {
    let written = write(&many(1_000), 3, &BTreeSet::new()).unwrap();
    assert!(written.head.starts_with(br#"{"format":2,"#));
}

#[test]
fn a_change_of_one_actor_writes_one_part() {
    let first = write(&many(10_000), 3, &BTreeSet::new()).unwrap();
    let mut changed = many(10_000);
    changed.actors[77].slots = 9;
    let second = write(&changed, 4, &first.names).unwrap();
    assert_eq!(second.parts.len(), 1);
    assert_eq!(second.names.difference(&first.names).count(), 1);
    let parts = first.parts.into_iter().chain(second.parts).collect();
    assert_eq!(whole(&second.head, &parts), changed);
}

#[test]
fn large_actors_are_divided_until_each_part_is_small() {
    let actors = (0..40).map(|number| actor(number, 200_000)).collect();
    let large = Assignment { actors, ..many(0) };
    let written = write(&large, 0, &BTreeSet::new()).unwrap();
    assert!(
        written
            .parts
            .iter()
            .all(|(_, bytes)| bytes.len() <= PART_BYTES_MAX)
    );
}

#[test]
fn a_part_that_is_missing_or_changed_makes_no_assignment() {
    let written = write(&many(1_000), 3, &BTreeSet::new()).unwrap();
    let mut reading = Reading::begin(&written.head).unwrap();
    let (name, bytes) = &written.parts[0];
    assert!(matches!(reading.part(name, b"{}"), Err(Broken::Changed(_))));
    reading.part(name, bytes).unwrap();
    assert!(reading.missing().is_some());
    assert_eq!(reading.finish(), None);
}

#[test]
fn a_name_of_a_part_survives_text_and_nothing_else_is_one() {
    let name = PartName {
        epoch: 7,
        over: 12,
        digest: Digest::of(b"x"),
    };
    assert_eq!(name.to_string().parse::<PartName>().unwrap(), name);
    for text in ["", "7", "7-12", "7-12-abc", "x-12-", "7-12-../x"] {
        assert!(text.parse::<PartName>().is_err(), "{text:?}");
    }
}
