//! JSON to MessagePack and MessagePack to JSON, against each other and against `serde_json`.
#![no_main]

use lattice_protocol::codec::{Encoding, Reader, Writer, json};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

fuzz_target!(|data: &[u8]| {
    from_json(data);
    from_msgpack(data);
    if let Some(head) = data.first_chunk() {
        single(f32::from_be_bytes(*head));
    }
});

/// A float of 32 bits is exact on both ways, though JSON's numbers are read as 64 bits.
fn single(value: f32) {
    let mut writer = Writer::default();
    writer.f32(value);
    let text = unpack(writer.as_bytes()).expect("any float goes");
    let packed = pack(&text).expect("and comes back");
    let back = Reader::new(&packed, Encoding::Json).f32();
    let back = back.expect("as a float");
    assert!(back.to_bits() == value.to_bits() || (back.is_nan() && value.is_nan()));
}

/// What is taken comes back equal and is encoded to the same bytes again.
fn from_json(text: &[u8]) {
    let Some(packed) = pack(text) else {
        return;
    };
    let back = unpack(&packed).expect("what came from JSON goes back");
    assert_eq!(pack(&back).expect("and is taken again"), packed);
    let original: Value = serde_json::from_slice(text).expect("no other JSON is taken");
    assert_eq!(parse(&back), original);
}

/// What is taken is JSON to everybody, and its second form is final.
fn from_msgpack(bytes: &[u8]) {
    let Some(text) = unpack(bytes) else {
        return;
    };
    let mut reader = Reader::new(bytes, Encoding::MessagePack);
    reader.value().expect("what is transcoded is one value");
    assert!(reader.is_empty());
    let value = parse(&text);
    let packed = pack(&text).expect("what was written as JSON is taken");
    assert_eq!(parse(&unpack(&packed).expect("and goes back")), value);
}

fn pack(text: &[u8]) -> Option<Vec<u8>> {
    // What stands before must stay as it is.
    let mut out = b"before".to_vec();
    let done = json::to_msgpack(text, &mut out);
    assert!(out.starts_with(b"before"));
    done.ok().map(|()| out.split_off(b"before".len()))
}

fn unpack(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut out = b"before".to_vec();
    let done = json::from_msgpack(bytes, &mut out);
    assert!(out.starts_with(b"before"));
    done.ok().map(|()| out.split_off(b"before".len()))
}

fn parse(text: &[u8]) -> Value {
    serde_json::from_slice(text).expect("valid JSON")
}
