//! The header of a frame, and one end of a channel whose other end sends whatever it likes.
#![no_main]

use arbitrary::Arbitrary;
use lattice_protocol::frame::{Channel, Event, FRAME_BYTES_MAX, Frame, Kind, Role, STREAMS_MAX};
use libfuzzer_sys::fuzz_target;

#[derive(Debug, Arbitrary)]
struct Input<'a> {
    text: &'a str,
    caller: bool,
    plain: bool,
    steps: Vec<Step>,
}

/// What the other end sends, or this one does.
#[derive(Debug, Clone, Copy, Arbitrary)]
enum Step {
    /// A frame that is due, or any other.
    Comes(Option<u64>, Came, u32),
    Opens(u16, u64, bool),
    Sends(u16),
    Ends(u16),
    Fails(u16),
    Begins(u16),
    Reads(u16, u32),
    Passes(u16),
    Settles(u16),
    Stops(u16),
    Nudges,
    /// The server says, over this connection, that nobody is there.
    Misses(u64),
}

#[derive(Debug, Clone, Copy, Arbitrary)]
enum Came {
    Open(u16, u64),
    Data(u16),
    End(u16),
    Fail(u16),
    Credit(u16, u32),
    Stop(u16),
    Cancel,
    Here,
}

fuzz_target!(|input: Input<'_>| {
    header(input.text);
    let role = match input.caller {
        true => Role::Caller,
        false => Role::Callee,
    };
    let mut channel = match input.plain {
        true => Channel::of_plain_request(role),
        false => Channel::new(role),
    };
    let (mut due, mut sent) = (0, 0);
    for step in input.steps {
        if let Step::Comes(number, came, bytes) = step {
            let frame = Frame {
                number: number.unwrap_or(due),
                kind: kind(came),
            };
            if comes(&mut channel, frame, due, bytes as usize).is_none() {
                return;
            }
            due += u64::from(frame.number == due && frame.kind != Kind::Here);
        } else if let Step::Misses(connection) = step {
            if channel.nobody(connection).is_err() {
                return;
            }
        } else if let Some(frame) = does(&mut channel, step) {
            assert_eq!(frame.number, sent, "frames are numbered in their order");
            header(&frame.to_string());
            sent += u64::from(frame.kind != Kind::Here);
        }
        channel.is_over();
        channel.awaits_payload();
    }
});

fn header(text: &str) {
    match text.parse::<Frame>() {
        Ok(frame) => assert_eq!(frame.to_string().parse(), Ok(frame)),
        Err(error) => assert!(error.to_string().len() < 1000, "a text is quoted in part"),
    }
}

fn kind(came: Came) -> Kind {
    match came {
        Came::Open(streams, bytes) => Kind::Open { streams, bytes },
        Came::Data(stream) => Kind::Data { stream },
        Came::End(stream) => Kind::End { stream },
        Came::Fail(stream) => Kind::Fail { stream },
        Came::Credit(stream, bytes) => Kind::Credit { stream, bytes },
        Came::Stop(stream) => Kind::Stop { stream },
        Came::Cancel => Kind::Cancel,
        Came::Here => Kind::Here,
    }
}

/// Takes a frame in; none when the channel is broken.
fn comes(channel: &mut Channel, frame: Frame, due: u64, bytes: usize) -> Option<()> {
    let event = channel.receive(frame, bytes).ok()?;
    assert!(frame.number <= due, "what is missing breaks the channel");
    if frame.number < due {
        assert_eq!(event, Event::Nothing, "what came before means nothing");
    }
    match event {
        Event::Opened { streams, .. } => assert!(streams <= STREAMS_MAX),
        Event::Stop(stream) => assert!(channel.is_closed(stream) && channel.room(stream) == 0),
        _ => {}
    }
    Some(())
}

/// Does a step of this end, as whoever drives it would.
fn does(channel: &mut Channel, step: Step) -> Option<Frame> {
    match step {
        Step::Comes(..) | Step::Misses(_) => None,
        Step::Nudges => Some(channel.nudge()),
        // An end opens once.
        Step::Opens(streams, bytes, whole) if !channel.is_closed(0) && channel.room(0) == 0 => {
            let streams = streams % (STREAMS_MAX + 1);
            Some(channel.open(streams, bytes, whole))
        }
        Step::Opens(..) => None,
        Step::Sends(stream) => {
            let room = channel.room(stream);
            assert!(room <= FRAME_BYTES_MAX, "a frame has a bound");
            if room == 0 {
                return None;
            }
            Some(channel.send(stream, room).expect("there is room"))
        }
        Step::Ends(stream) => closes(channel, stream, Channel::end),
        Step::Fails(stream) => closes(channel, stream, Channel::fail),
        Step::Begins(stream) => {
            let frame = channel.begin(stream);
            assert!(channel.begin(stream).is_none(), "a stream begins once");
            frame
        }
        Step::Reads(stream, bytes) => channel.read(stream, bytes as usize),
        Step::Passes(stream) => {
            channel.pass(stream);
            None
        }
        Step::Settles(stream) => {
            let unsettled = channel.is_unsettled(stream);
            let frame = channel.settle(stream);
            assert_eq!(
                frame.is_some(),
                unsettled,
                "what was read is granted, and nothing else"
            );
            frame
        }
        Step::Stops(stream) => {
            let frame = channel.stop(stream);
            assert!(channel.stop(stream).is_none(), "a stream is stopped once");
            frame
        }
    }
}

fn closes(
    channel: &mut Channel,
    stream: u16,
    close: impl Fn(&mut Channel, u16) -> Option<Frame>,
) -> Option<Frame> {
    let frame = close(channel, stream);
    assert_eq!(channel.room(stream), 0, "a closed stream stays closed");
    assert!(close(channel, stream).is_none(), "a stream ends once");
    frame
}
