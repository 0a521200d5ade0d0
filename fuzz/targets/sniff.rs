//! Which encoding a payload is in, with and without a `Content-Type`.
#![no_main]

use arbitrary::Arbitrary;
use lattice_protocol::codec::{Encoding, json};
use libfuzzer_sys::fuzz_target;

#[derive(Debug, Arbitrary)]
struct Input<'a> {
    content_type: Option<&'a str>,
    payload: &'a [u8],
}

fuzz_target!(|input: Input<'_>| {
    let Input {
        content_type,
        payload,
    } = input;
    if let Ok(encoding) = Encoding::sniff(payload, content_type) {
        named(encoding, payload);
    }
    by_first_byte(payload);
});

/// The name of an encoding leads back to it, whatever the payload.
fn named(encoding: Encoding, payload: &[u8]) {
    let again = Encoding::sniff(payload, Some(encoding.content_type()));
    assert_eq!(again, Ok(encoding));
    if let Ok(packed) = encoding.decode(payload)
        && let Ok(reply) = encoding.encode(packed.into_owned())
    {
        assert!(encoding.decode(&reply).is_ok(), "a reply can be read");
    }
}

/// The first byte never takes a JSON array or object for MessagePack, nor the other way round.
fn by_first_byte(payload: &[u8]) {
    let is_json = json::to_msgpack(payload, &mut Vec::new()).is_ok();
    match Encoding::sniff(payload, None) {
        Ok(Encoding::MessagePack) => assert!(!is_json),
        Ok(Encoding::Json) => {}
        Err(error) => {
            let blank = |byte: &u8| b" \t\r\n".contains(byte);
            let first = payload.iter().find(|byte| !blank(byte));
            assert!(!matches!(first, Some(b'[' | b'{')));
            assert!(error.to_string().contains("0x"), "the byte is named");
        }
    }
}
