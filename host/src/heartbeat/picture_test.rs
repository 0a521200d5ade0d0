use lattice_protocol::report::Connection;

use super::super::telling::Telling;
use super::super::testing::{actor, with_actors};
use super::*;

fn report(uptime_ms: u64, actors: &[(&str, u32)]) -> Report {
    let actors = actors.iter().map(|(name, busy)| (name, actor(*busy)));
    Report {
        uptime_ms,
        ..with_actors("h", actors)
    }
}

/// A host, and how it says things.
struct Host(Telling, u64);

impl Host {
    fn new(process: &str) -> Self {
        Self(Telling::new(process.parse().unwrap()), 0)
    }

    fn says(&mut self, actors: &[(&str, u32)]) -> Heartbeat {
        self.said(actors, false)
    }

    fn said(&mut self, actors: &[(&str, u32)], is_asked: bool) -> Heartbeat {
        self.1 += 500;
        let report = report(self.1, actors);
        self.0.beat(report, is_asked, 100_000).remove(0)
    }
}

fn known(picture: &Picture) -> Vec<(&str, u32)> {
    let actors = picture.report().actors.iter();
    actors
        .map(|(name, actor)| (name.as_str(), actor.busy))
        .collect()
}

#[test]
fn a_whole_and_its_changes_are_all_there_is() {
    let mut host = Host::new("p1");
    let mut picture = Picture::of(host.says(&[("a", 0), ("b", 0)]));
    picture.take(host.says(&[("a", 3), ("c", 1)]));
    assert!(picture.is_whole());
    assert_eq!(known(&picture), [("a", 3), ("c", 1)]);
    assert_eq!(picture.report().uptime_ms, 1_000);
}

#[test]
fn who_missed_a_change_knows_nothing_for_sure_until_all_is_said_again() {
    let mut host = Host::new("p1");
    let mut picture = Picture::of(host.says(&[("a", 0)]));
    let _lost = host.says(&[("a", 0), ("b", 0)]);
    picture.take(host.says(&[("a", 2), ("b", 0)]));
    assert!(!picture.is_whole());
    assert!(picture.evidence().actors.is_empty());
    assert_eq!(
        known(&picture),
        [("a", 2)],
        "good enough to send a call there"
    );
    picture.take(host.says(&[("a", 2), ("b", 0)]));
    assert!(
        !picture.is_whole(),
        "nothing new, and still something missing"
    );
    picture.take(host.said(&[("a", 2), ("b", 0)], true));
    assert!(picture.is_whole());
    assert_eq!(known(&picture), [("a", 2), ("b", 0)]);
}

#[test]
fn a_heartbeat_at_rest_may_be_lost() {
    let mut host = Host::new("p1");
    let mut picture = Picture::of(host.says(&[("a", 0)]));
    let _lost = host.says(&[("a", 0)]);
    picture.take(host.says(&[("a", 1)]));
    assert!(picture.is_whole());
}

#[test]
fn what_comes_twice_or_late_changes_nothing() {
    let mut host = Host::new("p1");
    let [first, second, third] = [0, 1, 2].map(|busy| host.says(&[("a", busy)]));
    let mut picture = Picture::of(first.clone());
    for beat in [&second, &second, &first, &third, &second, &third] {
        picture.take(beat.clone());
    }
    assert!(picture.is_whole());
    assert_eq!(known(&picture), [("a", 2)]);
}

#[test]
fn who_hears_a_process_half_way_knows_what_the_host_is_and_not_what_runs_there() {
    let mut host = Host::new("p1");
    let _missed = host.says(&[("a", 0)]);
    let picture = Picture::of(host.says(&[("a", 0)]));
    assert!(!picture.is_whole());
    assert_eq!(picture.report().uptime_ms, 1_000);
}

#[test]
fn another_process_has_nothing_of_the_one_before() {
    let mut picture = Picture::of(Host::new("p1").says(&[("a", 0)]));
    let mut next = Host::new("p2");
    let _missed = next.says(&[("b", 0)]);
    picture.take(next.says(&[("b", 1)]));
    assert!(!picture.is_whole());
    assert_eq!(known(&picture), []);
}

#[test]
fn pages_are_a_whole_once_all_have_come_and_not_before() {
    let names: Vec<_> = (0..100).map(|n| format!("a{n:03}")).collect();
    let actors: Vec<_> = names.iter().map(|name| (name.as_str(), 0)).collect();
    let mut telling = Telling::new("p1".parse().unwrap());
    let pages = telling.beat(report(500, &actors), false, 2_000);
    assert!(pages.len() > 4);
    let mut picture = Picture::of(pages[2].clone());
    for page in [0, 1, 2, 1].into_iter().chain(4..pages.len()) {
        picture.take(pages[page].clone());
        assert!(!picture.is_whole() && picture.is_coming());
    }
    picture.take(pages[3].clone());
    assert!(picture.is_whole());
    assert_eq!(picture.report().actors.len(), 100);
}

#[test]
fn a_page_that_was_lost_leaves_a_gap() {
    let mut telling = Telling::new("p1".parse().unwrap());
    let some = [("a", 0), ("b", 0), ("c", 0)];
    let pages = telling.beat(report(500, &some), false, 400);
    let mut picture = Picture::of(pages[0].clone());
    picture.take(telling.beat(report(1_000, &some), false, 400).remove(0));
    assert!(pages.len() > 1 && !picture.is_whole() && !picture.is_coming());
    assert!(picture.evidence().actors.is_empty());
}

#[test]
fn pages_that_say_nonsense_are_passed_over() {
    let mut host = Host::new("p1");
    let mut picture = Picture::of(host.says(&[("a", 0)]));
    for (number, of) in [(0, 0), (0, 2), (3, 2), (1, PAGES_MAX + 1), (1, u32::MAX)] {
        let mut beat = host.said(&[("a", 0)], true);
        beat.news.as_mut().unwrap().page = Some(Page { number, of });
        picture.take(beat);
        assert!(picture.is_whole() && !picture.is_coming());
    }
}

#[test]
fn an_older_version_says_all_each_time() {
    let mut picture = Picture::of(report(1, &[("a", 0)]).into());
    picture.take(report(2, &[("b", 0)]).into());
    assert!(picture.is_whole());
    assert_eq!(known(&picture), [("b", 0)]);
}

#[test]
fn a_connection_is_known_from_the_whole_until_there_is_another() {
    let connection = |client| {
        let server = "NA7".parse().unwrap();
        Some(Connection { server, client })
    };
    let mut telling = Telling::new("p1".parse().unwrap());
    let mut says = |uptime_ms, client| {
        let mut report = report(uptime_ms, &[("a", 0)]);
        report.connection = connection(client);
        telling.beat(report, false, 100_000).remove(0)
    };
    let mut picture = Picture::of(says(500, 1));
    let at_rest = says(1_000, 1);
    assert_eq!(at_rest.report.connection, None, "nothing is new");
    picture.take(at_rest);
    assert_eq!(picture.report().connection, connection(1));
    picture.take(says(1_500, 2));
    assert_eq!(picture.report().connection, connection(2));
    assert!(picture.is_whole());
}
