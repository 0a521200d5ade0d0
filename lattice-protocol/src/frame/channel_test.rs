//! Single steps.

use super::*;
use crate::frame::{FRAME_BYTES_MAX, FRAME_COST_MIN};

fn opened(role: Role, mine: u16, theirs: u16) -> Channel {
    let mut channel = Channel::new(role);
    channel.open(mine, 0, true);
    let frame = Frame {
        number: 0,
        kind: Kind::Open {
            streams: theirs,
            bytes: 0,
        },
    };
    channel.receive(frame, 0).unwrap();
    channel
}

fn frame(number: u64, kind: Kind) -> Frame {
    Frame { number, kind }
}

#[test]
fn a_frame_that_is_missing_breaks_the_channel_and_one_that_comes_twice_does_not() {
    let mut channel = opened(Role::Caller, 0, 1);
    let data = Kind::Data { stream: 1 };
    assert_eq!(channel.receive(frame(1, data), 5), Ok(Event::Data(1)));
    assert_eq!(channel.receive(frame(1, data), 5), Ok(Event::Nothing));
    let lost = Broken::Lost {
        expected: 2,
        came: 3,
    };
    assert_eq!(channel.receive(frame(3, data), 5), Err(lost));
}

#[test]
fn a_frame_that_says_nothing_is_passed_over_however_often_it_comes() {
    let (mut caller, mut callee) = (opened(Role::Caller, 0, 1), opened(Role::Callee, 1, 0));
    for _ in 0..3 {
        let nudge = callee.nudge();
        assert_eq!(caller.receive(nudge, 0), Ok(Event::Nothing));
        let data = callee.send(1, 5).unwrap();
        assert_eq!(caller.receive(data, 5), Ok(Event::Data(1)));
    }
}

#[test]
fn an_end_that_has_sent_nothing_yet_may_say_that_it_is_here() {
    let mut caller = Channel::of_plain_request(Role::Caller);
    let mut callee = Channel::of_plain_request(Role::Callee);
    let open = callee.open(1, 0, true);
    caller.receive(open, 0).unwrap();
    for _ in 0..3 {
        let nudge = caller.nudge();
        assert_eq!(callee.receive(nudge, 0), Ok(Event::Nothing));
    }
    let stop = caller.stop(1).unwrap();
    assert_eq!(callee.receive(stop, 0), Ok(Event::Stop(1)));
}

#[test]
fn a_frame_that_says_nothing_shows_that_those_before_it_were_lost() {
    let (mut caller, mut callee) = (opened(Role::Caller, 0, 1), opened(Role::Callee, 1, 0));
    callee.send(1, 5).unwrap();
    let lost = Broken::Lost {
        expected: 1,
        came: 2,
    };
    assert_eq!(caller.receive(callee.nudge(), 0), Err(lost));
}

#[test]
fn the_server_must_say_twice_that_nobody_is_there_unless_a_frame_is_lost() {
    let mut caller = opened(Role::Caller, 1, 1);
    caller.nudge();
    assert_eq!(caller.nobody(1), Ok(()));
    caller.receive(frame(1, Kind::Here), 0).unwrap();
    caller.nudge();
    assert_eq!(caller.nobody(1), Ok(()));
    caller.nudge();
    assert_eq!(caller.nobody(1), Err(Broken::Gone));
    let mut caller = opened(Role::Caller, 1, 1);
    caller.stop(1).unwrap();
    assert_eq!(caller.nobody(1), Err(Broken::Unheard));
}

#[test]
fn nothing_may_be_sent_of_a_request_before_the_callee_reads_it() {
    let mut caller = opened(Role::Caller, 1, 0);
    assert_eq!(caller.room(1), 0);
    assert_eq!(caller.send(1, 1), Err(Broken::Flood(1)));
    let mut callee = opened(Role::Callee, 0, 1);
    let credit = callee.begin(1).unwrap();
    let credit = frame(1, credit.kind);
    assert_eq!(caller.receive(credit, 0), Ok(Event::Credit(1)));
    assert_eq!(caller.room(1), FRAME_BYTES_MAX);
    assert!(callee.begin(1).is_none());
}

#[test]
fn a_reply_may_fill_a_window_and_no_more_until_it_is_read() {
    let mut callee = opened(Role::Callee, 1, 0);
    let mut sent = 0;
    while callee.room(1) > 0 {
        let bytes = callee.room(1);
        callee.send(1, bytes).unwrap();
        sent += bytes;
    }
    assert_eq!(sent, WINDOW_BYTES);
    let mut caller = opened(Role::Caller, 0, 1);
    assert_eq!(caller.read(1, 1), None);
    assert!(caller.read(1, WINDOW_BYTES / 2).is_some());
}

#[test]
fn a_reply_that_begins_to_be_read_gets_no_second_window_for_what_has_come() {
    let mut caller = opened(Role::Caller, 0, 1);
    let data = frame(1, Kind::Data { stream: 1 });
    caller.receive(data, FRAME_BYTES_MAX).unwrap();
    assert_eq!(caller.begin(1), None);
    let rest = WINDOW_BYTES - FRAME_BYTES_MAX;
    let more = frame(2, Kind::Data { stream: 1 });
    assert_eq!(caller.receive(more, rest + 1), Err(Broken::Flood(1)));
}

#[test]
fn a_piece_without_bytes_is_granted_again_with_what_is_read() {
    let mut caller = opened(Role::Caller, 0, 1);
    let data = frame(1, Kind::Data { stream: 1 });
    assert_eq!(caller.receive(data, 0), Ok(Event::Data(1)));
    assert!(!caller.is_unsettled(1));
    caller.pass(1);
    assert!(caller.is_unsettled(1));
    let bytes = u32::try_from(FRAME_COST_MIN).unwrap();
    let credit = caller.settle(1).unwrap();
    assert_eq!(credit.kind, Kind::Credit { stream: 1, bytes });
    assert!(!caller.is_unsettled(1));
}

#[test]
fn many_small_frames_are_bounded_like_few_large_ones() {
    let mut callee = opened(Role::Callee, 1, 0);
    let mut frames = 0;
    while callee.room(1) > 0 {
        callee.send(1, 1).unwrap();
        frames += 1;
    }
    assert_eq!(frames, WINDOW_BYTES / FRAME_COST_MIN);
}

#[test]
fn whoever_sends_more_than_it_may_breaks_the_channel() {
    let mut caller = opened(Role::Caller, 0, 1);
    let data = Kind::Data { stream: 1 };
    assert_eq!(
        caller.receive(frame(1, data), WINDOW_BYTES + 1),
        Err(Broken::Flood(1))
    );
}

#[test]
fn words_about_streams_that_are_not_there_break_the_channel() {
    for kind in [
        Kind::Data { stream: 2 },
        Kind::End { stream: 2 },
        Kind::Fail { stream: 2 },
        Kind::Stop { stream: 2 },
        Kind::Credit {
            stream: 2,
            bytes: 1,
        },
    ] {
        let mut channel = opened(Role::Caller, 1, 1);
        assert_eq!(
            channel.receive(frame(1, kind), 0),
            Err(Broken::NoStream(2)),
            "{kind:?}"
        );
    }
}

#[test]
fn no_more_streams_than_allowed_and_no_longer_tails() {
    let mut channel = Channel::new(Role::Callee);
    let open = Kind::Open {
        streams: STREAMS_MAX + 1,
        bytes: 0,
    };
    let refused = channel.receive(frame(0, open), 0);
    assert_eq!(refused, Err(Broken::TooMany(STREAMS_MAX + 1)));
    let mut channel = opened(Role::Caller, 0, 1);
    let end = frame(1, Kind::End { stream: 1 });
    let long = TAIL_BYTES_MAX + 1;
    assert_eq!(channel.receive(end, long), Err(Broken::LongTail(long)));
}

#[test]
fn a_stream_that_is_stopped_may_still_have_frames_on_the_way() {
    let mut caller = opened(Role::Caller, 0, 1);
    assert!(caller.stop(1).is_some());
    assert!(caller.stop(1).is_none());
    let on_the_way = [Kind::Data { stream: 1 }, Kind::End { stream: 1 }];
    for (number, kind) in (1..).zip(on_the_way) {
        assert_eq!(caller.receive(frame(number, kind), 9), Ok(Event::Nothing));
    }
    assert!(caller.is_over());
}

#[test]
fn what_comes_after_the_end_of_a_stream_breaks_the_channel() {
    for kind in [Kind::Data { stream: 1 }, Kind::End { stream: 1 }] {
        let mut caller = opened(Role::Caller, 0, 1);
        let end = frame(1, Kind::End { stream: 1 });
        assert_eq!(caller.receive(end, 0), Ok(Event::End(1)));
        assert_eq!(caller.receive(frame(2, kind), 0), Err(Broken::OutOfTurn));
    }
}
