use super::super::tests::{Bench, failed};
use super::super::{Answer, Input, Limits, Phase};
use super::*;

#[test]
fn pauses_double_up_to_the_longest_with_some_jitter() {
    let limits = Limits::default();
    let mut bench = Bench::started();
    let mut whole = limits.backoff_min;
    for _ in 0..20 {
        let (_, pause) = bench.crash();
        assert!(
            pause >= limits.backoff_min && pause <= limits.backoff_max,
            "{pause:?}"
        );
        if !bench.machine.given_up {
            assert!(
                pause <= whole && pause >= whole * 3 / 4,
                "{pause:?} of {whole:?}"
            );
        }
        whole = (whole * 2).min(limits.backoff_max);
        assert_eq!(bench.tick(), [Effect::Start]);
    }
    assert_eq!(bench.machine.restarts(), 20);
}

#[test]
fn seeds_spread_the_pauses() {
    let pauses = |seed| {
        let mut machine = Machine::new(Limits::default(), seed);
        (0..8).map(|_| machine.next_pause()).collect::<Vec<_>>()
    };
    assert_eq!(pauses(7), pauses(7));
    assert_ne!(pauses(0x1234_5678_9abc_def1), pauses(0x0fed_cba9_8765_4321));
}

#[test]
fn a_single_crash_is_no_failure() {
    let mut bench = Bench::running();
    let (notices, _) = bench.crash();
    assert_eq!(notices.len(), 1);
    assert_eq!(bench.machine.phase(), Phase::Starting);
}

#[test]
fn one_that_keeps_ending_is_failed_once_and_tried_on() {
    let mut bench = Bench::started();
    for _ in 0..Limits::default().crashes_max {
        let (notices, _) = bench.crash();
        assert_eq!(notices.len(), 1);
        bench.tick();
    }
    let (notices, pause) = bench.crash();
    assert!(
        matches!(&notices[..], [_, Notice::Failed { .. }]),
        "{notices:?}"
    );
    assert!(
        bench.reason().contains("exit status: 1: no such bucket"),
        "{}",
        bench.reason()
    );
    assert!(pause > Limits::default().backoff_max / 2);
    for _ in 0..50 {
        assert_eq!(bench.tick(), [Effect::Start]);
        let (notices, again) = bench.crash();
        assert_eq!(notices.len(), 1, "failed is told once");
        assert!(again > Limits::default().backoff_max / 2);
    }
    bench.tick();
    bench.check(Answer::Answers);
    assert_eq!(bench.machine.phase(), Phase::Running);
}

#[test]
fn crashes_far_apart_never_use_up_the_budget() {
    let mut bench = Bench::running();
    for _ in 0..100 {
        while bench.machine.pause > Limits::default().backoff_min
            || bench.now < Limits::default().stable_after
        {
            bench.check(Answer::Answers);
        }
        let (notices, pause) = bench.crash();
        assert_eq!(notices.len(), 1);
        assert_eq!(pause, Limits::default().backoff_min);
        bench.tick();
        bench.check(Answer::Answers);
    }
}

#[test]
fn one_that_cannot_be_started_says_why_once_and_is_tried_on() {
    let mut bench = Bench::started();
    let refused = || Input::NotStarted {
        reason: "failed to start kv: no such file".into(),
    };
    assert!(failed(&bench.on(refused())));
    assert!(bench.reason().contains("no such file"));
    assert_eq!(bench.tick(), [Effect::Start]);
    assert_eq!(bench.on(refused()), []);
    assert_eq!(bench.tick(), [Effect::Start]);
    bench.check(Answer::Answers);
    assert_eq!(bench.machine.phase(), Phase::Running);
}

#[test]
fn a_check_that_the_host_slept_through_leaves_everything_as_it_was() {
    let mut bench = Bench::running();
    bench.check(Answer::Unheard);
    assert_eq!(bench.machine.silent_since(), None);
    bench.check(Answer::Silent);
    let since = bench.machine.silent_since();
    bench.check(Answer::Unheard);
    assert!(since.is_some() && bench.machine.silent_since() == since);
}

#[test]
fn a_host_that_sleeps_through_every_check_holds_them_for_silence_in_the_end() {
    let mut bench = Bench::running();
    for _ in 0..Limits::default().unheard_max {
        bench.check(Answer::Unheard);
    }
    assert_eq!(bench.machine.silent_since(), None);
    bench.check(Answer::Unheard);
    assert!(bench.machine.silent_since().is_some());
    // From then on each counts, and it is not kept for ever.
    let first = bench.now;
    while bench.check(Answer::Unheard) != [Effect::Kill] {
        assert!(bench.now - first < Limits::default().silence_max);
    }
}
