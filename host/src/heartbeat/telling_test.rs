use super::super::testing::{actor, with_actors};
use super::*;

const ROOM: usize = 100_000;

fn idle(count: usize) -> Report {
    with_actors("h", (0..count).map(|n| (format!("a{n:05}"), actor(0))))
}

fn telling() -> Telling {
    Telling::new("p".parse().unwrap())
}

fn one(telling: &mut Telling, report: &Report) -> (Heartbeat, News) {
    let mut beats = telling.beat(report.clone(), false, ROOM);
    assert_eq!(beats.len(), 1);
    let beat = beats.remove(0);
    let news = beat.news.clone().unwrap();
    (beat, news)
}

#[test]
fn a_host_at_rest_says_the_same_little_whatever_runs_there() {
    let at_rest = |count| {
        let mut telling = telling();
        telling.beat(idle(count), false, ROOM);
        json_bytes(&telling.beat(idle(count), false, ROOM))
    };
    assert_eq!(at_rest(800), at_rest(1));
    assert!(at_rest(1) < 256, "{}", at_rest(1));
}

#[test]
fn first_all_is_said_then_what_changed() {
    let mut telling = telling();
    let (first, news) = one(&mut telling, &idle(3));
    assert_eq!(first.report.actors.len(), 3);
    assert_eq!((news.follows, news.sequence), (None, 1));

    let mut next = idle(4);
    next.actors.remove("a00000");
    next.actors.insert("a00001".parse().unwrap(), actor(5));
    let (second, news) = one(&mut telling, &next);
    assert_eq!((news.follows, news.sequence), (Some(1), 2));
    let changed: Vec<_> = second.report.actors.keys().map(ActorName::as_str).collect();
    assert_eq!(changed, ["a00003"]);
    let load = ("a00001".parse().unwrap(), (5, 0));
    assert_eq!(news.loads, BTreeMap::from([load]));
    assert_eq!(news.gone, ["a00000".parse().unwrap()]);

    let (third, news) = one(&mut telling, &next);
    assert!(third.report.actors.is_empty() && news.loads.is_empty() && news.gone.is_empty());
    assert_eq!((news.follows, news.sequence), (Some(2), 2));
}

#[test]
fn all_is_said_when_asked_over_a_new_connection_and_from_time_to_time() {
    let is_whole = |beats: &[Heartbeat]| beats[0].news.as_ref().unwrap().follows.is_none();
    let mut telling = telling();
    assert!(is_whole(&telling.beat(idle(1), false, ROOM)));
    assert!(!is_whole(&telling.beat(idle(1), false, ROOM)));
    assert!(is_whole(&telling.beat(idle(1), true, ROOM)));
    let mut moved = idle(1);
    moved.connection = Some(Connection {
        server: "NA7".parse().unwrap(),
        client: 2,
    });
    assert!(is_whole(&telling.beat(moved.clone(), false, ROOM)));
    for _ in 0..WHOLE_EVERY {
        assert!(!is_whole(&telling.beat(moved.clone(), false, ROOM)));
    }
    assert!(is_whole(&telling.beat(moved, false, ROOM)));
}

#[test]
fn no_message_is_longer_than_it_may_be_and_nothing_is_left_out_of_the_pages() {
    let mut telling = telling();
    let pages = telling.beat(idle(1_000), false, 4_000);
    assert!(pages.len() > 20, "{}", pages.len());
    assert!(pages.iter().all(|page| json_bytes(page) <= 4_000));
    let told = pages.iter().map(|page| page.report.actors.len());
    assert_eq!(told.sum::<usize>(), 1_000);
    let numbers = pages
        .iter()
        .map(|page| page.news.as_ref().unwrap().page.unwrap());
    let of = u32::try_from(pages.len()).unwrap();
    assert!(numbers.eq((1..=of).map(|number| Page { number, of })));
}

#[test]
fn a_change_that_fits_no_message_is_said_as_a_whole() {
    let mut telling = telling();
    telling.beat(idle(1), false, 4_000);
    let beats = telling.beat(idle(500), false, 4_000);
    assert!(beats.len() > 1);
    assert_eq!(beats[0].news.as_ref().unwrap().follows, None);
}

#[test]
fn loads_that_do_not_fit_are_told_in_turn() {
    let mut telling = telling();
    telling.beat(idle(500), false, 2_000);
    let busy = with_actors("h", (0..500).map(|n| (format!("a{n:05}"), actor(3))));
    let mut told = BTreeMap::new();
    for _ in 0..20 {
        let beats = telling.beat(busy.clone(), false, 2_000);
        assert!(beats.len() == 1 && json_bytes(&beats[0]) <= 2_000);
        told.extend(beats[0].news.clone().unwrap().loads);
    }
    assert_eq!(told.len(), 500);
    let rest = telling.beat(busy, false, 2_000).remove(0);
    assert!(rest.news.unwrap().loads.is_empty());
}

#[test]
fn more_than_can_be_told_is_not_told_in_part() {
    let mut telling = telling();
    let beats = telling.beat(idle(500), false, 400);
    assert_eq!(beats.len(), 1);
    let news = beats[0].news.as_ref().unwrap();
    assert!(beats[0].report.actors.is_empty() && news.follows == Some(news.sequence));
}
