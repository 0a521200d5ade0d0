//! Every kind of value that WIT has, in both encodings, there and back.

use std::collections::BTreeSet;

use lattice_tests::guest;
use serde_json::{Value, json};

use crate::one_host;

const INTERFACE: &str = "lattice.default.call.types.lattice:test/types";

/// Values for each `echo-` function but those of bytes, which JSON and MessagePack write differently.
pub(crate) fn echoes() -> Vec<(&'static str, Vec<Value>)> {
    let point = json!({"x": -1, "y": 2});
    let line = json!({"start": {"x": 0, "y": 0}, "end": point, "label": null});
    let named = json!({"named": {"start": point, "end": point, "label": "l"}});
    vec![
        ("bool", vec![json!(true), json!(false)]),
        ("u8", vec![json!(0), json!(u8::MAX)]),
        ("u16", vec![json!(0), json!(u16::MAX)]),
        ("u32", vec![json!(0), json!(u32::MAX)]),
        ("u64", vec![json!(0), json!(u64::MAX)]),
        ("s8", vec![json!(i8::MIN), json!(i8::MAX)]),
        ("s16", vec![json!(i16::MIN), json!(i16::MAX)]),
        ("s32", vec![json!(i32::MIN), json!(i32::MAX)]),
        ("s64", vec![json!(i64::MIN), json!(i64::MAX)]),
        ("f32", vec![json!(1.5), json!(-0.25)]),
        ("f64", vec![json!(1.1), json!(-1e300)]),
        ("char", vec![json!("a"), json!("🦀")]),
        (
            "string",
            vec![
                json!(""),
                json!("äöü \"\n\u{0}"),
                json!("x".repeat(100_000)),
            ],
        ),
        ("strings", vec![json!([]), json!(["a", "", "ß"])]),
        ("numbers", vec![json!([]), json!([0, u64::MAX])]),
        ("floats", vec![json!([]), json!([0.5, -2.5])]),
        ("points", vec![json!([]), json!([point, point])]),
        ("pairs", vec![json!([["a", 1], ["b", u64::MAX]])]),
        ("tuple", vec![json!([7, "seven", point])]),
        (
            "record",
            vec![line, json!({"start": point, "end": point, "label": "l"})],
        ),
        (
            "variant",
            vec![
                json!("empty"),
                json!({"circle": 1.5}),
                json!({"polygon": [point]}),
                named.clone(),
            ],
        ),
        (
            "variants",
            vec![json!([]), json!(["empty", {"circle": 0.5}, named])],
        ),
        ("enum", vec![json!("red"), json!("dark-blue")]),
        (
            "flags",
            vec![json!([]), json!(["read", "list-all", "seal"])],
        ),
        ("option", vec![json!(null), json!("a"), json!("")]),
        (
            "option-option",
            vec![json!(null), json!([null]), json!([5])],
        ),
        (
            "option-result",
            vec![json!(null), json!({"ok": 5}), json!({"err": "e"})],
        ),
        (
            "result-none",
            vec![json!({"ok": null}), json!({"err": null})],
        ),
        ("result-ok", vec![json!({"ok": 5}), json!({"err": null})]),
        ("result-err", vec![json!({"ok": null}), json!({"err": "e"})]),
        ("result-both", vec![json!({"ok": 5}), json!({"err": "e"})]),
        (
            "result-options",
            vec![
                json!({"ok": null}),
                json!({"ok": "a"}),
                json!({"err": null}),
                json!({"err": 7}),
            ],
        ),
        (
            "result-typed",
            vec![
                json!({"ok": point}),
                json!({"err": "empty"}),
                json!({"err": {"circle": 2.5}}),
            ],
        ),
    ]
}

/// JSON, and MessagePack as it is written and as it comes back.
pub(crate) type Bytes = (&'static str, Value, &'static [u8], &'static [u8]);

pub(crate) const BYTES: fn() -> Vec<Bytes> = || {
    vec![
        (
            "bytes",
            json!("AP8="),
            b"\x91\xc4\x02\x00\xff",
            b"\xc4\x02\x00\xff",
        ),
        (
            "lists",
            json!(["", "AP8="]),
            b"\x91\x92\xc4\x00\xc4\x02\x00\xff",
            b"\x92\xc4\x00\xc4\x02\x00\xff",
        ),
        (
            "option-bytes",
            json!("AA=="),
            b"\x91\xc4\x01\x00",
            b"\xc4\x01\x00",
        ),
    ]
};

pub(crate) fn wide() -> Value {
    json!({
        "a": true, "b": 1, "c": 2, "d": 3, "e": u64::MAX, "f": -1, "g": -2, "h": -3, "i": i64::MIN,
        "j": 0.5, "k": 0.25, "l": "z", "m": "text", "n": "AP8=", "o": 9, "p": {"err": "no"},
        "q": "green", "r": ["write", "lock"], "s": {"polygon": [{"x": 1, "y": 2}]},
        "t": {"x": 3, "y": 4},
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_kind_of_value_comes_back_as_it_went_in_json_and_in_messagepack() {
    let lattice = one_host().await;
    lattice.run("types").await;
    for (kind, values) in echoes() {
        let subject = format!("{INTERFACE}.echo-{kind}");
        for value in values {
            let answer = lattice.request(&subject, json!([value]).to_string()).await;
            assert_eq!(answer.json(), value, "echo-{kind} in JSON");
            let payload = rmp_serde::to_vec(&json!([value])).unwrap();
            let answer = lattice.request(&subject, payload).await;
            assert_eq!(answer.msgpack(), value, "echo-{kind} in MessagePack");
        }
    }
    for (kind, json, sent, received) in BYTES() {
        let subject = format!("{INTERFACE}.echo-{kind}");
        let answer = lattice.request(&subject, json!([json]).to_string()).await;
        assert_eq!(answer.json(), json, "echo-{kind} in JSON");
        let answer = lattice.request(&subject, sent).await;
        assert!(!answer.failed(), "echo-{kind}: {:?}", answer.failure());
        assert_eq!(answer.payload, received, "echo-{kind} in MessagePack");
    }
    let answer = lattice
        .request(
            &format!("{INTERFACE}.echo-wide"),
            json!([wide()]).to_string(),
        )
        .await;
    assert_eq!(answer.json(), wide());
}

#[test]
fn no_echo_function_of_the_guest_is_left_out() {
    let wit =
        std::fs::read_to_string(guest::root().join("actors/tests/types/wit/world.wit")).unwrap();
    let functions = wit
        .lines()
        .filter_map(|line| line.trim().strip_prefix("echo-")?.split(':').next());
    let covered = echoes()
        .into_iter()
        .map(|(kind, _)| kind)
        .chain(BYTES().into_iter().map(|(kind, ..)| kind));
    let covered: BTreeSet<_> = covered.chain(["wide"]).collect();
    assert_eq!(functions.collect::<BTreeSet<_>>(), covered);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn values_that_json_lacks_have_a_spelling() {
    let lattice = one_host().await;
    lattice.run("types").await;
    for word in ["NaN", "Infinity", "-Infinity"] {
        for kind in ["f32", "f64"] {
            let subject = format!("{INTERFACE}.echo-{kind}");
            let answer = lattice.request(&subject, json!([word]).to_string()).await;
            assert_eq!(answer.json(), word, "echo-{kind}");
        }
    }
    let large = lattice
        .request(
            &format!("{INTERFACE}.echo-u64"),
            r#"["18446744073709551615"]"#,
        )
        .await;
    assert_eq!(large.text(), "18446744073709551615");
    let numbers = lattice
        .request(&format!("{INTERFACE}.echo-bytes"), "[[0,255]]")
        .await;
    assert_eq!(numbers.json(), "AP8=");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn functions_of_no_one_and_eighteen_parameters_are_called_alike() {
    let lattice = one_host().await;
    lattice.run("types").await;
    for empty in ["", "[]", "{}"] {
        assert_eq!(
            lattice
                .request(&format!("{INTERFACE}.nothing"), empty)
                .await
                .text(),
            "null"
        );
    }
    let join = format!("{INTERFACE}.join");
    for (arguments, joined) in [
        (r#"[["a","b"],"-"]"#, "a-b"),
        (r#"[["a","b"]]"#, "ab"),
        (r#"{"parts":["a","b"]}"#, "ab"),
        (r#"{"separator":"-","parts":["a","b"]}"#, "a-b"),
    ] {
        assert_eq!(
            lattice.request(&join, arguments).await.json(),
            joined,
            "{arguments}"
        );
    }
    let many = json!([
        true, 1, 2, 3, 4, -1, -2, -3, -4, 0.5, 0.25, "c", "m", "n", null, 5, 6, 7
    ]);
    let texts = lattice.call("types.many", many).await.json();
    let wanted = [
        "true", "1", "2", "3", "4", "-1", "-2", "-3", "-4", "0.5", "0.25", "c", "m", "n", "none",
        "5", "6", "7",
    ];
    assert_eq!(texts, json!(wanted));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_value_out_of_range_is_refused_with_the_place_where_it_stands() {
    let lattice = one_host().await;
    lattice.run("types").await;
    for (function, arguments, words) in [
        ("echo-u8", json!([256]), &["value", "u8"][..]),
        ("echo-u8", json!([-1]), &["value", "u8"]),
        ("echo-char", json!(["ab"]), &["value", "char"]),
        (
            "echo-enum",
            json!(["blue"]),
            &["value", "blue", "dark-blue"],
        ),
        (
            "echo-variant",
            json!([{"square": 1}]),
            &["value", "square", "polygon"],
        ),
        (
            "echo-points",
            json!([[{"x": 1, "y": 2}, {"x": 1, "y": "2"}]]),
            &["value", "[1].y", "s32"],
        ),
        (
            "echo-record",
            json!([{"start": {"x": 1}}]),
            &["value", "start", "y"],
        ),
    ] {
        let failure = lattice
            .call(&format!("types.{function}"), arguments)
            .await
            .failure();
        assert!(failure.is("bad-request", 400), "{function}: {failure:?}");
        for word in words {
            assert!(
                failure.message.contains(word),
                "{function}: {word:?} is not in {failure:?}"
            );
        }
    }
}
