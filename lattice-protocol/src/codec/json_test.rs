use proptest::prelude::*;

use super::{DEPTH_MAX, Encoding, json};

fn to_msgpack(text: &str) -> Result<Vec<u8>, String> {
    let mut out = Vec::new();
    json::to_msgpack(text.as_bytes(), &mut out).map_err(|error| error.to_string())?;
    Ok(out)
}

fn from_msgpack(bytes: &[u8]) -> Result<String, String> {
    let mut out = Vec::new();
    json::from_msgpack(bytes, &mut out).map_err(|error| error.to_string())?;
    Ok(String::from_utf8(out).unwrap())
}

/// JSON, and the MessagePack that it is.
const GOLDEN: &[(&str, &[u8])] = &[
    ("null", &[0xc0]),
    ("true", &[0xc3]),
    ("false", &[0xc2]),
    ("0", &[0x00]),
    ("127", &[0x7f]),
    ("128", &[0xcc, 128]),
    ("300", &[0xcd, 0x01, 0x2c]),
    ("70000", &[0xce, 0x00, 0x01, 0x11, 0x70]),
    (
        "18446744073709551615",
        &[0xcf, 255, 255, 255, 255, 255, 255, 255, 255],
    ),
    ("-1", &[0xff]),
    ("-33", &[0xd0, 0xdf]),
    ("-9223372036854775808", &[0xd3, 0x80, 0, 0, 0, 0, 0, 0, 0]),
    ("1.0", &[0xcb, 0x3f, 0xf0, 0, 0, 0, 0, 0, 0]),
    (
        "0.1",
        &[0xcb, 0x3f, 0xb9, 0x99, 0x99, 0x99, 0x99, 0x99, 0x9a],
    ),
    ("\"\"", &[0xa0]),
    ("\"a\\\"é\"", &[0xa4, b'a', b'"', 0xc3, 0xa9]),
    ("[]", &[0x90]),
    ("[1,[null]]", &[0x92, 0x01, 0x91, 0xc0]),
    ("{}", &[0x80]),
    (
        "{\"b\":1,\"a\":{\"b\":2}}",
        &[0x82, 0xa1, b'b', 0x01, 0xa1, b'a', 0x81, 0xa1, b'b', 0x02],
    ),
];

#[test]
fn golden_bytes_hold_both_ways() {
    for (text, bytes) in GOLDEN {
        assert_eq!(to_msgpack(text).as_deref(), Ok(*bytes), "{text}");
        assert_eq!(from_msgpack(bytes).as_deref(), Ok(*text), "{text}");
    }
}

#[test]
fn what_json_lacks_becomes_a_string() {
    assert_eq!(from_msgpack(&[0xc4, 2, 0xff, 0x00]).unwrap(), "\"/wA=\"");
    for (value, text) in [
        (f64::NAN, "\"NaN\""),
        (f64::INFINITY, "\"Infinity\""),
        (f64::NEG_INFINITY, "\"-Infinity\""),
    ] {
        let mut double = vec![0xcb];
        double.extend(value.to_be_bytes());
        assert_eq!(from_msgpack(&double).unwrap(), text);
        let mut single = vec![0xca];
        single.extend((value as f32).to_be_bytes());
        assert_eq!(from_msgpack(&single).unwrap(), text);
    }
}

#[test]
fn a_single_float_prints_as_short_as_it_is() {
    let mut single = vec![0xca];
    single.extend(0.1_f32.to_be_bytes());
    assert_eq!(from_msgpack(&single).unwrap(), "0.1");
}

#[test]
fn containers_of_every_length_keep_their_content() {
    for len in [15, 16, 17, 65_535, 65_536] {
        let text = format!("[{}]", vec!["1"; len].join(","));
        assert_eq!(from_msgpack(&to_msgpack(&text).unwrap()).unwrap(), text);
    }
    for len in [15, 16, 70_000] {
        let entries: Vec<String> = (0..len).map(|key| format!("\"k{key}\":{key}")).collect();
        let text = format!("{{{}}}", entries.join(","));
        assert_eq!(from_msgpack(&to_msgpack(&text).unwrap()).unwrap(), text);
    }
}

#[test]
fn malformed_json_is_refused_with_its_place() {
    for (text, says) in [
        (
            "[1",
            "not valid JSON: EOF while parsing a list at line 1 column 2",
        ),
        ("[1] 2", "not valid JSON: trailing characters"),
        ("[nul]", "not valid JSON: expected ident"),
        ("{1:2}", "not valid JSON: key must be a string"),
        ("{\"a\":1,\"b\":2,\"a\":3}", "key \"a\" is given twice"),
        ("[1e999]", "not valid JSON: number out of range"),
    ] {
        let error = to_msgpack(text).unwrap_err();
        assert!(error.contains(says), "{text}: {error}");
    }
    let mut out = Vec::new();
    assert!(json::to_msgpack(b"\"\xff\"", &mut out).is_err());
}

#[test]
fn nesting_is_bounded_both_ways() {
    let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
    let mut bytes = vec![0x91; DEPTH_MAX];
    assert!(to_msgpack(&nested(DEPTH_MAX)).is_ok());
    bytes[DEPTH_MAX - 1] = 0x90;
    assert!(from_msgpack(&bytes).is_ok());

    let says = format!("nest deeper than {DEPTH_MAX}");
    assert!(
        to_msgpack(&nested(DEPTH_MAX + 1))
            .unwrap_err()
            .contains(&says)
    );
    assert!(to_msgpack(&"[".repeat(1 << 20)).is_err());
    bytes.insert(0, 0x91);
    assert!(from_msgpack(&bytes).unwrap_err().contains(&says));
}

#[test]
fn malformed_messagepack_is_refused() {
    for (bytes, says) in [
        (&[][..], "expected a value, found the end of the payload"),
        (&[0x92, 0x01], "payload ends early"),
        (
            &[0xdd, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0],
            "payload ends early",
        ),
        (
            &[0xdf, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0],
            "payload ends early",
        ),
        (&[0xdb, 0xff, 0xff, 0xff, 0xff, 0, 0], "payload ends early"),
        (&[0x01, 0x02], "1 bytes too many at the end"),
        (
            &[0x81, 0x01, 0x02],
            "expected a string as a key, found integer 1",
        ),
        (
            &[0x82, 0xa1, b'a', 1, 0xa1, b'a', 2],
            "key \"a\" is given twice",
        ),
        (&[0xa1, 0xff], "string is not valid UTF-8"),
        (&[0xc1], "found an invalid byte"),
        (&[0xd4, 1, 1], "found an extension type"),
    ] {
        let error = from_msgpack(bytes).unwrap_err();
        assert!(error.contains(says), "{bytes:?}: {error}");
    }
}

#[test]
fn an_encoding_is_told_by_header_or_first_byte() {
    let sniff = |payload: &[u8], kind| Encoding::sniff(payload, kind).map_err(|e| e.to_string());
    assert_eq!(sniff(b" [1]", None), Ok(Encoding::Json));
    assert_eq!(sniff(b"{}", None), Ok(Encoding::Json));
    assert_eq!(sniff(b"", None), Ok(Encoding::Json));
    for first in (0x80..=0x9f).chain(0xdc..=0xdf) {
        assert_eq!(sniff(&[first], None), Ok(Encoding::MessagePack));
    }
    for kind in [
        "application/msgpack",
        "application/x-msgpack",
        "Application/VND.msgpack",
    ] {
        assert_eq!(sniff(b"", Some(kind)), Ok(Encoding::MessagePack));
    }
    assert_eq!(
        sniff(b"\x90", Some("application/json; charset=utf-8")),
        Ok(Encoding::Json)
    );
    let refused = sniff(b"\"World\"", None).unwrap_err();
    assert!(refused.contains("begins with byte 0x22"), "{refused}");
    assert!(refused.contains("JSON array or object"), "{refused}");
    let refused = sniff(b"[]", Some("text/plain")).unwrap_err();
    assert!(
        refused.contains("\"text/plain\" is not accepted"),
        "{refused}"
    );
}

proptest! {
    #[test]
    fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..256)) {
        let mut out = Vec::new();
        let _ = json::to_msgpack(&bytes, &mut out);
        let _ = json::from_msgpack(&bytes, &mut out);
        let _ = Encoding::sniff(&bytes, None);
    }

    #[test]
    fn integers_are_exact(unsigned in any::<u64>(), signed in any::<i64>()) {
        let text = format!("[{unsigned},{signed}]");
        prop_assert_eq!(from_msgpack(&to_msgpack(&text).unwrap()).unwrap(), text);
    }

    #[test]
    fn floats_are_exact(value in any::<f64>()) {
        let bytes = to_msgpack(&serde_json::to_string(&value).unwrap()).unwrap();
        prop_assert_eq!(&bytes[1..], &value.to_be_bytes());
    }

    #[test]
    fn strings_are_exact(value in any::<String>()) {
        let bytes = to_msgpack(&serde_json::to_string(&value).unwrap()).unwrap();
        prop_assert_eq!(rmp_serde::from_slice::<String>(&bytes).unwrap(), value);
    }
}
