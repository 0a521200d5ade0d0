//! Payloads as large as a message may be and made to cost the most: each ends in a value or an
//! error, and what comes of it stays in proportion.

#![allow(
    clippy::unwrap_used,
    reason = "what helpers of a test can't do fails the test"
)]

use lattice_protocol::codec::{Arguments, Encoding, Error, Parameter, Reader, json};
use lattice_protocol::error::{CallError, ErrorCode, MESSAGE_LEN_MAX};

/// As large as NATS takes by default.
const PAYLOAD_LEN: usize = 1024 * 1024;

fn text(len: usize) -> Vec<u8> {
    [&[0xdb][..], &u32::try_from(len).unwrap().to_be_bytes()].concat()
}

fn hostile() -> Vec<(&'static str, Vec<u8>)> {
    let fill = |head: &[u8], byte: u8| {
        let mut bytes = head.to_vec();
        bytes.resize(PAYLOAD_LEN, byte);
        bytes
    };
    let many = u32::try_from(PAYLOAD_LEN - 5).unwrap().to_be_bytes();
    let list = [&[0xdd][..], &many].concat();
    vec![
        ("arrays in arrays", fill(&[], 0x91)),
        ("maps in maps", fill(&[], 0x81)),
        ("arrays that lie about their length", fill(&[], 0xdd)),
        ("maps that lie about their length", fill(&[], 0xdf)),
        ("a list of nils", fill(&list, 0xc0)),
        ("a list of empty lists", fill(&list, 0x90)),
        ("a list of empty strings", fill(&list, 0xa0)),
        (
            "a text of control characters",
            fill(&text(PAYLOAD_LEN - 5), 1),
        ),
        ("a text of quotes", fill(&text(PAYLOAD_LEN - 5), b'"')),
        ("bytes", fill(&[&[0xc6][..], &many].concat(), 0xff)),
        ("extensions", fill(&[], 0xc7)),
        ("JSON arrays in arrays", fill(b"", b'[')),
        (
            "JSON objects in objects",
            br#"{"":"#.repeat(PAYLOAD_LEN / 4),
        ),
        ("a JSON number without an end", fill(b"[", b'9')),
        ("a JSON exponent without an end", fill(b"[1e", b'9')),
        ("JSON blanks", fill(b"[", b' ')),
        ("a JSON text without an end", fill(b"[\"", b'\\')),
        (
            "equal JSON keys",
            [b"{\"\":0", &b",\"\":0".repeat(200_000)[..], b"}"].concat(),
        ),
    ]
}

/// A key may be long and its value wrong.
fn wrong_under_a_long_key(len: usize) -> Vec<u8> {
    let mut bytes = vec![0x81];
    bytes.extend(text(len));
    bytes.extend(vec![b'k'; len]);
    bytes.push(0xc1);
    bytes
}

fn refusal(error: &Error) -> CallError {
    CallError::refused(ErrorCode::BadRequest, error.to_string())
}

#[test]
fn transcoding_never_makes_much_of_little() {
    // A control character becomes `\u0001`, the worst that JSON does to a byte.
    const GROWTH_MAX: usize = 6;
    for (what, payload) in hostile() {
        let mut out = Vec::new();
        let _ = json::from_msgpack(&payload, &mut out);
        assert!(
            out.len() <= GROWTH_MAX * payload.len() + 2,
            "{what}: {}",
            out.len()
        );
        let mut out = Vec::new();
        let _ = json::to_msgpack(&payload, &mut out);
        assert!(
            out.len() <= GROWTH_MAX * payload.len(),
            "{what}: {}",
            out.len()
        );
    }
}

#[test]
fn every_hostile_payload_is_answered_with_one_short_line() {
    let parameters = [Parameter {
        name: "p".into(),
        ty: "string".into(),
        optional: false,
    }];
    let mut payloads = hostile();
    payloads.push(("a long key", wrong_under_a_long_key(PAYLOAD_LEN - 16)));
    for (what, payload) in payloads {
        for content_type in [None, Some("application/json"), Some("application/msgpack")] {
            let taken = Encoding::sniff(&payload, content_type).and_then(|encoding| {
                let packed = encoding.decode(&payload)?;
                Arguments::new(&packed, encoding, &parameters)?.each(|_, reader| match reader {
                    Some(reader) => reader.str().map(drop),
                    None => Ok(()),
                })
            });
            let message = refusal(&taken.expect_err(what)).message;
            assert!(message.len() <= MESSAGE_LEN_MAX, "{what}: {message}");
            assert!(
                !message.is_empty() && !message.contains('\n'),
                "{what}: {message}"
            );
        }
    }
}

#[test]
fn stepping_over_a_hostile_value_ends() {
    for (what, payload) in hostile() {
        let mut reader = Reader::new(&payload, Encoding::MessagePack);
        let mut steps = 0;
        while !reader.is_empty() && reader.value().is_ok() {
            steps += 1;
        }
        assert!(steps <= payload.len(), "{what}: {steps} values");
    }
}
