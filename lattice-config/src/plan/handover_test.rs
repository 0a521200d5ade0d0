use super::super::tests::{declared, host};
use super::super::{HostView, plan};
use super::*;
use crate::declared::Declared;

fn app(rest: &str) -> Declared {
    declared(&[format!("name = \"demo\"\n{rest}")])
}

fn two_hosts() -> [HostView; 2] {
    [
        host("h1", 9, &[("zone", "a")]),
        host("h2", 9, &[("zone", "b")]),
    ]
}

/// The actor `a` ran on h1 and is to run on h2.
fn moved() -> (Plan, BTreeMap<HostId, Assignment>) {
    let on = |zone: &str| {
        app(&format!(
            "actor.a = {{ component = \"c\", instances = 4, require = {{ zone = \"{zone}\" }} }}"
        ))
    };
    let before = plan(&on("a"), &two_hosts(), &BTreeMap::new(), 1);
    let after = plan(&on("b"), &two_hosts(), &before.assignments, 1);
    (after, before.assignments)
}

fn slots(assignments: &BTreeMap<HostId, Assignment>) -> Vec<u32> {
    let name = "a".parse().unwrap();
    assignments.values().map(|a| a.slots(&name)).collect()
}

fn names(held: &BTreeSet<TargetName>) -> Vec<&str> {
    held.iter().map(TargetName::as_str).collect()
}

#[test]
fn what_moves_stays_until_who_takes_it_serves() {
    let (plan, previous) = moved();
    for word in [Word::Silent, Word::Not] {
        let held = held(&plan, &previous, |_, _| word, |_| false);
        assert_eq!(names(&held), ["a"]);
        assert_eq!(slots(&hand_over(&plan, &previous, &held)), [4, 4]);
    }
    let held = held(&plan, &previous, |_, _| Word::Serves, |_| false);
    assert!(held.is_empty());
    assert_eq!(slots(&hand_over(&plan, &previous, &held)), [0, 4]);
}

#[test]
fn what_is_held_stays_until_who_was_assigned_it_meanwhile_serves() {
    let (plan, previous) = moved();
    let first = held(&plan, &previous, |_, _| Word::Not, |_| false);
    let both = hand_over(&plan, &previous, &first);
    // Now both have it, and the taker is no new one any more.
    let held = |word| held(&plan, &both, |_, _| word, |_| false);
    assert_eq!(names(&held(Word::Silent)), ["a"]);
    assert_eq!(names(&held(Word::Not)), ["a"]);
    assert!(held(Word::Serves).is_empty());
}

#[test]
fn what_is_overdue_stays_until_one_of_its_takers_says_that_it_serves() {
    let (plan, previous) = moved();
    let overdue = |word| held(&plan, &previous, |_, _| word, |_| true);
    assert_eq!(names(&overdue(Word::Silent)), ["a"]);
    assert_eq!(names(&overdue(Word::Not)), ["a"]);
    assert!(overdue(Word::Serves).is_empty());
}

#[test]
fn what_is_not_wanted_is_not_held() {
    let (_, previous) = moved();
    for gone in ["", "actor.a = { component = \"c\", instances = 0 }"] {
        let plan = plan(&app(gone), &two_hosts(), &previous, 1);
        assert!(held(&plan, &previous, |_, _| Word::Not, |_| false).is_empty());
    }
}

#[test]
fn fewer_slots_are_held_too_while_a_new_host_gets_ready() {
    let declared = app("actor.a = { component = \"c\", instances = 8 }");
    let hosts = two_hosts();
    let before = plan(&declared, &hosts[..1], &BTreeMap::new(), 1).assignments;
    let after = plan(&declared, &hosts, &before, 1);
    assert_eq!(slots(&after.assignments), [4, 4]);
    let held = held(&after, &before, |_, _| Word::Silent, |_| false);
    assert_eq!(slots(&hand_over(&after, &before, &held)), [8, 4]);
}

#[test]
fn scaling_down_and_moving_between_hosts_that_serve_already_holds_nothing() {
    let of = |instances: u32| {
        app(&format!(
            "actor.a = {{ component = \"c\", instances = {instances} }}"
        ))
    };
    let before = plan(&of(8), &two_hosts(), &BTreeMap::new(), 1).assignments;
    let after = plan(&of(3), &two_hosts(), &before, 1);
    assert!(held(&after, &before, |_, _| Word::Serves, |_| false).is_empty());
}

#[test]
fn a_provider_that_moves_is_held_too() {
    let on = |zone: &str| {
        app(&format!(
            "provider.p = {{ kind = \"http\", require = {{ zone = \"{zone}\" }} }}"
        ))
    };
    let before = plan(&on("a"), &two_hosts(), &BTreeMap::new(), 1).assignments;
    let after = plan(&on("b"), &two_hosts(), &before, 1);
    let held = held(&after, &before, |_, _| Word::Not, |_| false);
    let both = hand_over(&after, &before, &held);
    assert!(both.values().all(|one| one.providers.len() == 1));
}
