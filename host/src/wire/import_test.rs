//! A guest passes each call on to an import, which a handler answers.

use std::sync::{Arc, Mutex};

use lattice_protocol::codec::Encoding;
use wasmtime::component::types::ComponentItem;
use wasmtime::component::{Component, Linker};

use super::testing::{Guest, engine};
use super::{Fault, Signature, import};

const PEER: &str = "test:relay/peer";

/// A relay whose imports all answer `reply`, given as JSON, and what they were asked.
struct Relay {
    guest: Guest,
    asked: Arc<Mutex<Vec<String>>>,
}

fn relay(reply: Option<&str>) -> Relay {
    let wasm = include_bytes!("testdata/relay.wasm");
    let component = Component::from_binary(&engine(), wasm).unwrap();
    let reply = reply.map(|json| Encoding::Json.decode(json.as_bytes()).unwrap().into_owned());
    let asked = Arc::new(Mutex::new(Vec::new()));
    let mut linker = Linker::new(component.engine());
    let mut peer = linker.instance(PEER).unwrap();
    for (name, signature) in imports(&component) {
        let (reply, asked, function) = (reply.clone(), asked.clone(), name.clone());
        import::define(
            &mut peer,
            &name,
            &signature,
            move |_, arguments: Vec<u8>| {
                let arguments = Encoding::Json.encode(arguments).unwrap();
                let arguments = String::from_utf8(arguments).unwrap();
                asked.lock().unwrap().push(format!("{function}{arguments}"));
                let reply = reply.clone();
                Box::new(async move {
                    // Really waits, so that the guest's stack is left and found again.
                    tokio::task::yield_now().await;
                    reply.ok_or_else(|| wasmtime::format_err!("nobody there"))
                })
            },
        )
        .unwrap();
    }
    let guest = Guest::new(&component, linker);
    Relay { guest, asked }
}

fn imports(component: &Component) -> Vec<(String, Signature)> {
    let engine = component.engine();
    let ty = component.component_type();
    let Some(ComponentItem::ComponentInstance(peer)) =
        ty.get_import(engine, PEER).map(|import| import.ty)
    else {
        panic!("no import {PEER}");
    };
    let signature = |(name, item): (&str, ComponentItem)| match item {
        ComponentItem::ComponentFunc(ty) => (name.to_owned(), Signature::new(name, &ty).unwrap()),
        other => panic!("{name} is {other:?}"),
    };
    let exports = peer.exports(engine).map(|(name, export)| (name, export.ty));
    exports.map(signature).collect()
}

impl Relay {
    fn call(&mut self, name: &str, json: &str) -> Result<String, Fault> {
        let func = self.guest.func(None, name);
        self.guest.call_json(func, json)
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

#[test]
fn arguments_and_replies_pass_unchanged() {
    let many = "[0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,4294967295,18446744073709551615]";
    for (name, arguments, reply) in [
        ("nothing", "[]", "null"),
        ("add", "[1,0.5]", "1.5"),
        ("text", r#"["héllo"]"#, r#""wörld""#),
        ("text", r#"[""]"#, r#""""#),
        ("pick", r#"[[7,"x"]]"#, r#"{"ok":[1,2,65535]}"#),
        ("pick", "[null]", r#"{"err":"none"}"#),
        ("sum", many, "18446744073709551615"),
    ] {
        let mut relay = relay(Some(reply));
        // Twice, since the instance must be fit for the next call.
        for _ in 0..2 {
            assert_eq!(relay.call(name, arguments).unwrap(), reply, "{name}");
        }
        let asked = format!("{name}{arguments}");
        assert_eq!(relay.asked(), [asked.clone(), asked]);
    }
}

#[test]
fn a_reply_that_does_not_fit_traps_and_is_no_fault_of_the_arguments() {
    for (name, arguments, reply, says) in [
        (
            "nothing",
            "[]",
            "1",
            "result: expected null, found integer 1",
        ),
        (
            "add",
            "[1,0.5]",
            r#""x""#,
            "result: expected f64, found string",
        ),
        (
            "text",
            r#"["x"]"#,
            "5",
            "result: expected string, found integer 5",
        ),
        (
            "pick",
            "[null]",
            r#"{"ok":[1,65536]}"#,
            "result, field \"ok[1]\": expected u16, found integer 65536",
        ),
        (
            "sum",
            "[0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0]",
            "-1",
            "result: expected u64, found integer -1",
        ),
    ] {
        match relay(Some(reply)).call(name, arguments) {
            Err(Fault::Trap(error)) => {
                let error = format!("{error:#}");
                assert!(
                    error.contains(&format!("reply does not fit the import: {says}")),
                    "{error}"
                );
            }
            other => panic!("{name}: {other:?}"),
        }
    }
}

#[test]
fn a_handlers_error_is_a_trap_that_keeps_it() {
    match relay(None).call("add", "[1, 2]") {
        Err(Fault::Trap(error)) => assert!(format!("{error:#}").contains("nobody there")),
        other => panic!("{other:?}"),
    }
}

#[test]
fn bad_arguments_are_refused_before_the_function_runs() {
    let mut relay = relay(Some("null"));
    assert!(matches!(
        relay.call("add", r#"[1, "x"]"#),
        Err(Fault::BadArguments(_))
    ));
    assert_eq!(relay.asked(), Vec::<String>::new());
}

#[test]
fn a_guest_may_choose_another_encoding_of_strings() {
    for text in ["", "plain", "héllo", "日本 🦀", "é日"] {
        let json = format!("\"{text}\"");
        for encoding in ["utf16", "latin1"] {
            let mut relay = relay(None);
            assert_eq!(
                relay.call(encoding, &format!("[{json}]")).unwrap(),
                json,
                "{encoding}"
            );
        }
    }
}
