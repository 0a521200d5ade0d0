use std::cell::RefCell;

use lattice_protocol::codec::Writer;
use proptest::test_runner::{Config, TestRunner};
use wasmtime::component::types::Type;

use super::testing::{Guest, any_of, types_guest};
use super::{Fault, Signature, val};

const TYPES: &str = "lattice:test/types";

impl Guest {
    fn echo(&mut self, name: &str, json: &str) -> Result<String, Fault> {
        let func = self.func(Some(TYPES), name);
        self.call_json(func, json)
    }
}

/// The refusal of a call of a fresh guest: after one its store is good for nothing.
fn refusal(name: &str, json: &str) -> String {
    match types_guest().echo(name, json) {
        Err(Fault::BadArguments(error)) => error.to_string(),
        other => panic!("{name} {json}: {other:?}"),
    }
}

fn packed(arguments: &[wasmtime::component::Val], types: &[Type]) -> Vec<u8> {
    let mut out = Writer::default();
    out.array(arguments.len() as u32);
    for (argument, ty) in arguments.iter().zip(types) {
        val::write(argument, ty, &mut out);
    }
    out.into_bytes()
}

#[test]
fn the_direct_path_equals_the_dynamic_one_for_every_function() {
    let guest = RefCell::new(types_guest());
    let functions = guest.borrow().functions(TYPES);
    assert!(functions.len() > 35, "only {} functions", functions.len());
    for (name, ty) in functions {
        let func = guest.borrow_mut().func(Some(TYPES), &name);
        let types: Vec<Type> = ty.params().map(|(_, ty)| ty).collect();
        let result = ty.results().next();
        let strategy: Vec<_> = types.iter().map(any_of).collect();
        let mut runner = TestRunner::new(Config::with_cases(48));
        let outcome = runner.run(&strategy, |arguments| {
            let payload = packed(&arguments, &types);
            let direct = guest.borrow_mut().call(func, &payload).unwrap();
            let mut expected = Writer::default();
            let value = guest.borrow_mut().call_val(func, &arguments);
            match (value, &result) {
                (Some(value), Some(ty)) => val::write(&value, ty, &mut expected),
                _ => expected.nil(),
            }
            assert_eq!(direct, expected.as_bytes(), "{name}");
            if name.starts_with("echo-") {
                assert_eq!(payload[1..], direct, "{name}");
            }
            Ok(())
        });
        outcome.unwrap_or_else(|error| panic!("{name}: {error}"));
    }
}

#[test]
fn random_payloads_are_refused_and_never_panic() {
    let names = [
        "echo-wide",
        "echo-variants",
        "echo-pairs",
        "echo-result-typed",
        "many",
    ];
    for name in names {
        let mut runner = TestRunner::new(Config::with_cases(64));
        let bytes = proptest::collection::vec(proptest::num::u8::ANY, 0..48);
        let outcome = runner.run(&bytes, |mut bytes| {
            let mut guest = types_guest();
            let func = guest.func(Some(TYPES), name);
            // One argument that is anything, so that the walk over the type begins.
            bytes.insert(0, 0x91);
            match guest.call(func, &bytes) {
                Ok(_) | Err(Fault::BadArguments(_)) => Ok(()),
                Err(other) => panic!("{name}: {other:?}"),
            }
        });
        outcome.unwrap();
    }
}

#[test]
fn json_is_read_and_written_by_the_callees_types() {
    let mut guest = types_guest();
    for (name, json) in [
        ("echo-bytes", r#""/wA=""#),
        ("echo-u64", "18446744073709551615"),
        ("echo-s64", "-9223372036854775808"),
        ("echo-f32", "0.1"),
        ("echo-f64", r#""-Infinity""#),
        ("echo-floats", r#"[1.5,"NaN"]"#),
        ("echo-char", r#""é""#),
        (
            "echo-record",
            r#"{"start":{"x":1,"y":-2},"end":{"x":3,"y":4},"label":null}"#,
        ),
        (
            "echo-variants",
            r#"["empty",{"circle":2.5},{"polygon":[{"x":1,"y":2}]}]"#,
        ),
        ("echo-enum", r#""dark-blue""#),
        ("echo-flags", r#"["read","list-all","seal"]"#),
        ("echo-option-option", "null"),
        ("echo-option-option", "[null]"),
        ("echo-option-option", "[7]"),
        ("echo-option-result", r#"{"err":"no"}"#),
        ("echo-result-none", r#"{"ok":null}"#),
        ("echo-result-options", r#"{"err":7}"#),
        ("echo-tuple", r#"[1,"a",{"x":1,"y":2}]"#),
    ] {
        let reply = guest.echo(name, &format!("[{json}]")).unwrap();
        assert_eq!(reply, json, "{name}");
    }
    assert_eq!(guest.echo("nothing", "").unwrap(), "null");
}

#[test]
fn golden_bytes_of_results() {
    let mut guest = types_guest();
    for (name, bytes) in [
        ("echo-bool", &[0xc3][..]),
        ("echo-s64", &[0xd1, 0xff, 0x38]),
        ("echo-f32", &[0xca, 0x3f, 0xc0, 0, 0]),
        ("echo-char", &[0xa2, 0xc3, 0xa9]),
        ("echo-bytes", &[0xc4, 2, 0xff, 0]),
        (
            "echo-points",
            &[0x91, 0x82, 0xa1, b'x', 1, 0xa1, b'y', 0xff],
        ),
        (
            "echo-tuple",
            &[0x93, 1, 0xa1, b'a', 0x82, 0xa1, b'x', 1, 0xa1, b'y', 2],
        ),
        ("echo-variant", &[0xa5, b'e', b'm', b'p', b't', b'y']),
        ("echo-flags", &[0x91, 0xa4, b's', b'e', b'a', b'l']),
        ("echo-option-option", &[0x91, 0xc0]),
        ("echo-result-none", &[0x81, 0xa3, b'e', b'r', b'r', 0xc0]),
        ("echo-result-ok", &[0x81, 0xa2, b'o', b'k', 7]),
    ] {
        let func = guest.func(Some(TYPES), name);
        let payload = [&[0x91], bytes].concat();
        assert_eq!(guest.call(func, &payload).unwrap(), bytes, "{name}");
    }
}

#[test]
fn what_may_be_said_in_several_ways_means_the_same() {
    let mut guest = types_guest();
    let line = r#"{"start":{"x":1,"y":2},"end":{"x":3,"y":4},"label":null}"#;
    for same in [
        r#"{"start":{"x":1,"y":2},"end":{"x":3,"y":4}}"#,
        r#"{"end":{"y":4,"x":3},"label":null,"start":{"y":2,"x":1}}"#,
        r#"{"start":{"x":1,"y":2},"label":null,"end":[3,4]}"#,
        r#"[[1,2],[3,4],null]"#,
    ] {
        assert_eq!(
            guest.echo("echo-record", &format!("[{same}]")).unwrap(),
            line,
            "{same}"
        );
        // The same inside a variant and a list, where the value stands in memory.
        let named = guest.echo("echo-variants", &format!(r#"[[{{"named":{same}}}]]"#));
        assert_eq!(named.unwrap(), format!(r#"[{{"named":{line}}}]"#), "{same}");
    }
    assert_eq!(guest.echo("echo-bytes", "[[255,0]]").unwrap(), r#""/wA=""#);
    assert_eq!(
        guest
            .echo("echo-u64", r#"["18446744073709551615"]"#)
            .unwrap(),
        "18446744073709551615"
    );
    assert_eq!(guest.echo("echo-f64", "[3]").unwrap(), "3.0");
    assert_eq!(
        guest.echo("echo-variant", r#"[{"empty":null}]"#).unwrap(),
        r#""empty""#
    );
    assert_eq!(guest.echo("join", r#"[["a","b"]]"#).unwrap(), r#""ab""#);
    let by_name = r#"{"separator":"-","parts":["a","b"]}"#;
    assert_eq!(guest.echo("join", by_name).unwrap(), r#""a-b""#);
}

#[test]
fn more_parameters_than_are_passed_flat_go_through_memory() {
    let arguments = r#"[true,1,2,3,4,-5,-6,-7,-8,0.5,1.5,"x","m","n",null,16,17,18]"#;
    let wanted: Vec<serde_json::Value> = serde_json::from_str(arguments).unwrap();
    let reply = types_guest().echo("many", arguments).unwrap();
    let reply: Vec<String> = serde_json::from_str(&reply).unwrap();
    assert_eq!(reply.len(), wanted.len());
    assert_eq!((reply[0].as_str(), reply[17].as_str()), ("true", "18"));
}

#[test]
fn a_refusal_names_the_place_and_what_is_wrong() {
    for (name, json, says) in [
        (
            "echo-variants",
            r#"[["empty", {"named": {"start": {"x": 1, "y": "2"}}}]]"#,
            r#"argument "value", item "[1].named.start.y": expected s32, found string"#,
        ),
        (
            "echo-record",
            r#"[{"start": {"x": 1, "y": 2}, "label": "x"}]"#,
            r#"argument "value", field "end": is missing"#,
        ),
        (
            "echo-record",
            r#"[{"start": {"x": 1, "z": 2}}]"#,
            r#"argument "value", field "start": unknown field "z", expected one of: x, y"#,
        ),
        (
            "echo-u8",
            "[300]",
            r#"argument "value": expected u8, found integer 300"#,
        ),
        (
            "echo-enum",
            r#"["pink"]"#,
            r#"argument "value": unknown case "pink", expected one of: red, green, dark-blue"#,
        ),
        (
            "echo-variant",
            r#"["circle"]"#,
            r#"argument "value": case "circle" needs a payload: {"circle": …}"#,
        ),
        (
            "echo-variant",
            r#"[{"empty": 1}]"#,
            r#"argument "value": case "empty" has no payload"#,
        ),
        (
            "echo-result-both",
            r#"[5]"#,
            r#"argument "value": expected result ({"ok": …} or {"err": …}), found integer 5"#,
        ),
        (
            "echo-option-option",
            "[5]",
            r#"argument "value": expected null or [value], found integer 5"#,
        ),
        (
            "echo-u8",
            "[1, 2]",
            "expected 1 argument (value: u8), found 2",
        ),
        (
            "join",
            "[]",
            "expected 2 arguments (parts: list<string>, separator: option<string>), found 0",
        ),
        (
            "join",
            r#"{"parts": [], "sep": ""}"#,
            r#"unknown argument "sep", expected one of: parts, separator"#,
        ),
    ] {
        assert_eq!(refusal(name, json), says, "{name} {json}");
    }
}

#[test]
fn signatures_spell_types_as_wit_does_and_no_longer_than_a_message_bears() {
    let guest = types_guest();
    let text = |wanted: &str| {
        let functions = guest.functions(TYPES);
        let (name, ty) = functions.iter().find(|(name, _)| name == wanted).unwrap();
        let signature = Signature::new(name, ty).unwrap();
        signature.parameters()[0].ty.clone()
    };
    assert_eq!(text("echo-bytes"), "list<u8>");
    assert_eq!(text("echo-pairs"), "list<tuple<string, u64>>");
    assert_eq!(text("echo-points"), "list<record { x: s32, y: s32 }>");
    assert_eq!(text("echo-result-none"), "result");
    assert_eq!(text("echo-result-ok"), "result<u32>");
    assert_eq!(text("echo-result-err"), "result<_, string>");
    assert_eq!(text("echo-enum"), "enum { red, green, dark-blue }");
    assert!(text("echo-variant").starts_with("variant { empty, circle(f64), polygon("));
    let wide = text("echo-wide");
    assert!(wide.chars().count() <= 161 && wide.ends_with('…'), "{wide}");
}
