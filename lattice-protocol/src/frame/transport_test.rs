//! Whole channels over a transport that drops, delays, duplicates and reorders.

use std::collections::VecDeque;

use super::{Broken, Channel, Event, Frame, Role, WINDOW_BYTES, cost};

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
