use super::*;
use crate::heartbeat::testing::report;

/// Seconds after the beginning of a test.
struct Clock(Instant);

impl Clock {
    fn at(&self, seconds: f64) -> Instant {
        self.0 + Duration::from_secs_f64(seconds)
    }
}

fn begin() -> (View, Clock) {
    (View::new("me".parse().unwrap()), Clock(Instant::now()))
}

fn alive(view: &View, now: Instant) -> Vec<String> {
    match view.standing(now) {
        Standing::Hearing { alive, .. } => alive.keys().map(ToString::to_string).collect(),
        Standing::Deaf => vec!["deaf".into()],
    }
}

fn routable(view: &View, now: Instant) -> Vec<String> {
    view.routable(now)
        .map(|report| report.host.to_string())
        .collect()
}

#[test]
fn a_host_that_never_heard_itself_judges_nobody() {
    let (mut view, clock) = begin();
    view.heard(report("other"), clock.at(0.0));
    assert_eq!(view.standing(clock.at(0.1)), Standing::Deaf);
    assert_eq!(view.standing(clock.at(60.0)), Standing::Deaf);
}

#[test]
fn a_silent_host_loses_calls_first_and_its_work_later() {
    let (mut view, clock) = begin();
    view.heard(report("me"), clock.at(0.0));
    view.heard(report("other"), clock.at(0.0));
    for half in 1..8 {
        view.heard(report("me"), clock.at(f64::from(half) * 0.5));
    }
    assert_eq!(routable(&view, clock.at(1.5)), ["me", "other"]);
    assert_eq!(routable(&view, clock.at(1.6)), ["me"]);
    assert_eq!(alive(&view, clock.at(3.0)), ["me", "other"]);
    assert_eq!(alive(&view, clock.at(3.1)), ["me"]);
}

#[test]
fn when_everybody_is_silent_it_is_the_listener_that_is_cut_off() {
    let (mut view, clock) = begin();
    view.heard(report("me"), clock.at(0.0));
    view.heard(report("other"), clock.at(0.0));
    assert_eq!(alive(&view, clock.at(10.0)), ["deaf"]);
}

#[test]
fn silence_while_the_listener_was_cut_off_counts_against_nobody() {
    let (mut view, clock) = begin();
    view.heard(report("me"), clock.at(0.0));
    view.heard(report("other"), clock.at(0.0));
    // Ten seconds without NATS; this host is heard again first.
    view.heard(report("me"), clock.at(10.0));
    assert_eq!(alive(&view, clock.at(10.0)), ["me", "other"]);
    for half in 1..8 {
        view.heard(report("me"), clock.at(10.0 + f64::from(half) * 0.5));
    }
    assert_eq!(
        alive(&view, clock.at(13.1)),
        ["me"],
        "it had its chance to be heard"
    );
}

#[test]
fn a_host_that_said_it_leaves_is_gone_at_once() {
    let (mut view, clock) = begin();
    view.heard(report("me"), clock.at(0.0));
    view.heard(report("other"), clock.at(0.0));
    assert!(view.left(&report("other"), clock.at(0.1)));
    assert!(!view.left(&report("other"), clock.at(0.1)));
    assert_eq!(alive(&view, clock.at(0.1)), ["me"]);
}

#[test]
fn the_late_word_of_a_process_that_left_does_not_remove_the_one_after_it() {
    let (mut view, clock) = begin();
    view.heard(report("other"), clock.at(0.0));
    let before = Report {
        uptime_ms: 60_000,
        ..report("other")
    };
    assert!(!view.left(&before, clock.at(0.1)));
    assert_eq!(routable(&view, clock.at(0.1)), ["other"]);
}

#[test]
fn a_heartbeat_that_was_overtaken_by_the_word_that_its_host_leaves_does_not_bring_it_back() {
    let (mut view, clock) = begin();
    let at_age = |uptime_ms| Report {
        uptime_ms,
        ..report("other")
    };
    view.heard(at_age(60_000), clock.at(0.0));
    view.left(&at_age(60_400), clock.at(0.4));
    view.heard(at_age(60_390), clock.at(0.41));
    assert_eq!(routable(&view, clock.at(0.5)), [""; 0]);
    view.heard(at_age(200), clock.at(1.0));
    assert_eq!(routable(&view, clock.at(1.0)), ["other"], "a new process");
}

#[test]
fn only_what_a_plan_depends_on_is_a_change() {
    let (mut view, clock) = begin();
    assert!(view.heard(report("a"), clock.at(0.0)).changed);
    assert!(
        !view
            .heard(
                Report {
                    uptime_ms: 9,
                    ..report("a")
                },
                clock.at(0.5)
            )
            .changed
    );
    assert!(
        view.heard(
            Report {
                capacity: 11,
                ..report("a")
            },
            clock.at(1.0)
        )
        .changed
    );
    assert!(
        view.heard(
            Report {
                capacity: 11,
                ..report("a")
            },
            clock.at(9.0)
        )
        .changed,
        "back from the dead"
    );
}

#[test]
fn what_is_kept_of_strangers_is_bounded() {
    let (mut view, clock) = begin();
    for n in 0..HOSTS_MAX + 10 {
        view.heard(report(&format!("h{n}")), clock.at(0.0));
    }
    assert_eq!(view.listed(clock.at(0.0)).count(), HOSTS_MAX);
    view.heard(report("me"), clock.at(61.0));
    assert_eq!(
        view.listed(clock.at(61.0)).count(),
        1,
        "the silent are forgotten"
    );
}

#[test]
fn a_silent_host_is_gone_for_calls_on_their_way_unless_it_said_that_it_leaves() {
    let (mut view, clock) = begin();
    let [other, left] = ["other", "left"].map(|host| host.parse().unwrap());
    for host in ["me", "other", "left"] {
        view.heard(report(host), clock.at(0.0));
    }
    view.left(&report("left"), clock.at(0.0));
    // As long as nobody is heard, nobody is judged.
    assert!(!view.is_gone(&other, clock.at(60.0)));
    for half in 1..8 {
        view.heard(report("me"), clock.at(f64::from(half) * 0.5));
    }
    assert!(!view.is_gone(&other, clock.at(3.0)));
    assert!(view.is_gone(&other, clock.at(3.1)));
    assert!(!view.is_gone(&left, clock.at(3.1)));
}

#[test]
fn a_host_that_came_back_within_its_silence_is_another_process() {
    let (mut view, clock) = begin();
    let at_age = |uptime_ms| Report {
        uptime_ms,
        ..report("other")
    };
    let other = "other".parse().unwrap();
    view.heard(at_age(60_000), clock.at(0.0));
    let then = view.uptime_ms(&other);
    view.heard(at_age(60_500), clock.at(0.5));
    assert!(!view.was_restarted(&other, then));
    view.heard(at_age(200), clock.at(1.5));
    assert!(view.was_restarted(&other, then));
}

/// A host that says what changed, as it does.
struct Telling(crate::heartbeat::telling::Telling, u64);

impl Telling {
    fn new(process: &str, uptime_ms: u64) -> Self {
        let process = process.parse().unwrap();
        Self(crate::heartbeat::telling::Telling::new(process), uptime_ms)
    }

    fn says(&mut self, is_asked: bool) -> Heartbeat {
        self.1 += 500;
        let report = Report {
            uptime_ms: self.1,
            ..report("other")
        };
        self.0.beat(report, is_asked, 10_000).remove(0)
    }
}

#[test]
fn a_host_of_which_something_was_missed_is_alive_and_asked_until_all_is_known() {
    let (mut view, clock) = begin();
    let mut other = Telling::new("p1", 0);
    let _missed = other.says(false);
    assert!(view.heard(other.says(false), clock.at(0.0)).asks);
    assert!(
        !view.heard(other.says(false), clock.at(0.5)).asks,
        "not again at once"
    );
    assert_eq!(routable(&view, clock.at(0.5)), ["other"]);
    assert_eq!(view.known(clock.at(0.5)).count(), 0);
    assert!(
        view.heard(other.says(false), clock.at(2.0)).asks,
        "the first was lost"
    );
    assert!(!view.heard(other.says(true), clock.at(2.5)).asks);
    assert_eq!(view.known(clock.at(2.5)).count(), 1);
}

#[test]
fn what_a_process_said_before_it_was_replaced_does_not_hide_the_one_after_it() {
    let (mut view, clock) = begin();
    let other = "other".parse().unwrap();
    let (mut before, mut after) = (Telling::new("p1", 60_000), Telling::new("p2", 0));
    view.heard(before.says(false), clock.at(0.0));
    let late = before.says(false);
    view.heard(after.says(false), clock.at(1.0));
    view.heard(late.clone(), clock.at(1.1));
    assert_eq!(view.uptime_ms(&other), 500);
    assert_eq!(view.known(clock.at(1.1)).count(), 1);
    // Nothing of the second for as long as routing waits: then the first is there after all.
    view.heard(late, clock.at(2.6));
    assert_eq!(view.uptime_ms(&other), 61_000);
}
