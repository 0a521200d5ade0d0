//! Single steps, and whole channels over a transport that drops, delays, duplicates and reorders.

use std::collections::VecDeque;

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
fn an_end_that_has_sent_nothing_yet_begins_its_count_with_it() {
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

/// Numbers that look random and come again with the same seed.
struct Dice(u64);

impl Dice {
    fn below(&mut self, below: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % below as u64) as usize
    }

    fn one_in(&mut self, n: usize) -> bool {
        n > 0 && self.below(n) == 0
    }
}

/// What a transport does to messages, each once in so many; 0 is never.
#[derive(Clone, Copy)]
struct Faults {
    drop: usize,
    double: usize,
    swap: usize,
}

type Message = (Frame, Vec<u8>);

/// One end with the bytes that it sends and those that came.
struct End {
    channel: Channel,
    to_send: VecDeque<u8>,
    ended: bool,
    came: Vec<u8>,
    whole: bool,
    broken: Option<Broken>,
    out: VecDeque<Message>,
}

impl End {
    fn new(role: Role, bytes: Vec<u8>) -> Self {
        let mut channel = Channel::new(role);
        let open = channel.open(1, 0, true);
        Self {
            channel,
            to_send: bytes.into(),
            ended: false,
            came: Vec::new(),
            whole: false,
            broken: None,
            out: VecDeque::from([(open, Vec::new())]),
        }
    }

    /// Sends one piece of any length that is allowed, or the end.
    fn send(&mut self, dice: &mut Dice) {
        let room = self.channel.room(1);
        if self.to_send.is_empty() && !self.ended {
            self.ended = true;
            self.out
                .extend(self.channel.end(1).map(|frame| (frame, Vec::new())));
        } else if room > 0 && !self.ended {
            let bytes = (1 + dice.below(room)).min(self.to_send.len());
            let piece: Vec<_> = self.to_send.drain(..bytes).collect();
            let frame = self.channel.send(1, piece.len()).unwrap();
            self.out.push_back((frame, piece));
        }
    }

    fn receive(&mut self, (frame, bytes): Message) {
        if self.broken.is_some() {
            return;
        }
        let text = frame.to_string();
        match self.channel.receive(text.parse().unwrap(), bytes.len()) {
            Ok(Event::Opened { .. }) => {
                let credit = self.channel.begin(1);
                self.out.extend(credit.map(|frame| (frame, Vec::new())));
            }
            Ok(Event::Data(1)) => {
                self.came.extend(&bytes);
                let credit = self.channel.read(1, cost(bytes.len()));
                self.out.extend(credit.map(|frame| (frame, Vec::new())));
            }
            Ok(Event::End(1)) => self.whole = true,
            Ok(_) => {}
            Err(broken) => self.broken = Some(broken),
        }
    }
}

/// Moves one message, or does to it what a bad network does.
fn carry(from: &mut VecDeque<Message>, to: &mut End, faults: Faults, dice: &mut Dice) {
    if from.len() > 1 && dice.one_in(faults.swap) {
        from.swap(0, 1);
    }
    let Some(message) = from.pop_front() else {
        return;
    };
    if dice.one_in(faults.drop) {
        return;
    }
    if dice.one_in(faults.double) {
        to.receive(message.clone());
    }
    to.receive(message);
}

/// Runs both ends until nothing moves any more.
fn run(seed: u64, faults: Faults) -> (End, End, [Vec<u8>; 2]) {
    let mut dice = Dice(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
    let payload = |dice: &mut Dice| {
        let bytes = dice.below(3 * WINDOW_BYTES);
        (0..bytes)
            .map(|_| dice.below(256) as u8)
            .collect::<Vec<_>>()
    };
    let sent = [payload(&mut dice), payload(&mut dice)];
    let mut caller = End::new(Role::Caller, sent[0].clone());
    let mut callee = End::new(Role::Callee, sent[1].clone());
    let mut idle = 0;
    while idle < 200 {
        let before = (caller.came.len(), callee.came.len());
        match dice.below(4) {
            0 => caller.send(&mut dice),
            1 => callee.send(&mut dice),
            2 => carry(&mut caller.out, &mut callee, faults, &mut dice),
            _ => carry(&mut callee.out, &mut caller, faults, &mut dice),
        }
        let still = caller.out.is_empty() && callee.out.is_empty();
        let moved = before != (caller.came.len(), callee.came.len());
        idle = if still && !moved { idle + 1 } else { 0 };
    }
    (caller, callee, sent)
}

#[test]
fn over_a_good_transport_every_byte_comes_once_and_in_order_both_ways() {
    for seed in 1..=8 {
        let faults = Faults {
            drop: 0,
            double: 3,
            swap: 0,
        };
        let (caller, callee, sent) = run(seed, faults);
        assert_eq!((caller.broken, callee.broken), (None, None), "seed {seed}");
        assert!(callee.came == sent[0] && callee.whole, "seed {seed}");
        assert!(caller.came == sent[1] && caller.whole, "seed {seed}");
        assert!(caller.channel.is_over() && callee.channel.is_over());
    }
}

#[test]
fn over_a_bad_transport_nothing_wrong_is_ever_taken_for_whole() {
    let mut broken = 0;
    for seed in 1..=60 {
        let faults = Faults {
            drop: [0, 7, 31][seed as usize % 3],
            double: 5,
            swap: [4, 0, 17][seed as usize % 3],
        };
        let (caller, callee, sent) = run(seed, faults);
        for (end, sent) in [(&callee, &sent[0]), (&caller, &sent[1])] {
            assert!(sent.starts_with(&end.came), "seed {seed}");
            assert!(!end.whole || end.came == *sent, "seed {seed}");
            broken += u32::from(end.broken.is_some());
        }
    }
    assert!(broken > 30, "the transport was not bad enough: {broken}");
}
