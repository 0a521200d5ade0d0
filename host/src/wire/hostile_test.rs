//! What a guest returns is never believed.

use wasmtime::component::types::ComponentItem;
use wasmtime::component::{Component, Linker};

use super::testing::{Guest, engine};
use super::{Fault, Signature};

fn component() -> Component {
    Component::from_binary(&engine(), include_bytes!("testdata/hostile.wasm")).unwrap()
}

fn hostile() -> Guest {
    let component = component();
    Guest::new(&component, Linker::new(component.engine()))
}

/// Calls a function of a fresh guest, since a fault ends it.
fn call(name: &str, json: &str) -> Result<String, Fault> {
    let mut guest = hostile();
    let func = guest.func(None, name);
    guest.call_json(func, json)
}

fn bad_result(name: &str, json: &str) -> String {
    match call(name, json) {
        Err(Fault::BadResult(error)) => error.to_string(),
        other => panic!("{name} {json}: {other:?}"),
    }
}

fn trap(outcome: Result<String, Fault>) -> String {
    match outcome {
        Err(Fault::Trap(error)) => format!("{error:#}"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn good_pointers_are_followed() {
    assert_eq!(call("text", "[48]").unwrap(), r#""good""#);
    assert_eq!(call("bytes", "[48]").unwrap(), r#""Z29vZA==""#);
    assert_eq!(call("numbers", "[0]").unwrap(), "[]");
    assert_eq!(call("shape-at", "[128]").unwrap(), r#""dot""#);
}

#[test]
fn pointers_outside_memory_are_refused() {
    let outside = "result: points outside the guest's memory";
    for at in [16, 24, 32] {
        for name in ["text", "bytes"] {
            assert_eq!(bad_result(name, &format!("[{at}]")), outside, "{name} {at}");
        }
    }
    // 8 bytes an element, so that even the length that fits a list of bytes doesn't fit.
    assert_eq!(bad_result("numbers", "[64]"), outside);
    // The return pointer itself: the last byte of memory, outside, and as far as can be.
    for name in ["text", "bytes", "numbers"] {
        for at in [65_532_u32, 65_536] {
            assert_eq!(bad_result(name, &format!("[{at}]")), outside, "{name} {at}");
        }
        let far = call(name, &format!("[{}]", u32::MAX - 3));
        assert!(trap(far).contains("out of bounds"), "{name}");
    }
    assert_eq!(bad_result("shape-at", "[65536]"), outside);
}

#[test]
fn pointers_that_are_not_aligned_are_refused() {
    assert_eq!(
        bad_result("numbers", "[40]"),
        "result: pointer is not aligned"
    );
    assert!(trap(call("text", "[17]")).contains("return pointer is not aligned"));
}

#[test]
fn values_that_are_none_of_their_type_are_refused() {
    assert_eq!(
        bad_result("text", "[56]"),
        "result: string is not valid UTF-8"
    );
    assert_eq!(
        bad_result("char-of", "[55296]"),
        "result: 0xd800 is not a character"
    );
    assert_eq!(
        bad_result("char-of", "[1114112]"),
        "result: 0x110000 is not a character"
    );
    assert_eq!(
        bad_result("colour-of", "[2]"),
        "result: discriminant 2 of a type with 2 cases"
    );
    assert_eq!(
        bad_result("colour-of", "[4294967295]"),
        "result: discriminant 4294967295 of a type with 2 cases"
    );
    assert_eq!(
        bad_result("shape-at", "[256]"),
        "result: discriminant 103 of a type with 2 cases"
    );
}

#[test]
fn what_a_guest_hands_out_is_charged_to_its_hostcall_fuel() {
    let within = |fuel: usize| {
        let mut guest = hostile();
        guest.store.set_hostcall_fuel(fuel);
        let func = guest.func(None, "bytes");
        guest.call_json(func, "[48]")
    };
    assert!(within(4).is_ok());
    assert!(trap(within(3)).contains("fuel allocated for hostcalls has been exhausted"));
}

#[test]
fn an_allocator_that_lies_traps() {
    for (name, argument) in [
        ("take-text", r#"["some text"]"#),
        ("take-bytes", r#"["AAAAAAAAAAAA"]"#),
        ("take-numbers", "[[1, 2, 3]]"),
    ] {
        // One byte short, outside, and no room at all.
        for room in ["[65535]", "[65536]", "[4294967288]", "[4294967295]"] {
            let mut guest = hostile();
            let set_room = guest.func(None, "set-room");
            guest.call_json(set_room, room).unwrap();
            let func = guest.func(None, name);
            trap(guest.call_json(func, argument));
        }
    }
    let mut guest = hostile();
    let set_room = guest.func(None, "set-room");
    guest.call_json(set_room, "[1028]").unwrap();
    let func = guest.func(None, "take-numbers");
    let says = trap(guest.call_json(func, "[[1]]"));
    assert!(says.contains("not aligned"), "{says}");
}

#[test]
fn types_that_mean_something_only_inside_a_component_are_refused_by_name() {
    let component = component();
    let engine = component.engine();
    let handles = component.component_type();
    let Some(ComponentItem::ComponentInstance(handles)) = handles
        .get_import(engine, "test:hostile/handles")
        .map(|import| import.ty)
    else {
        panic!("no such import");
    };
    let refusal = |wanted: &str| {
        let export = handles.get_export(engine, wanted).unwrap();
        let ComponentItem::ComponentFunc(ty) = export.ty else {
            panic!("{wanted} is no function");
        };
        Signature::new(wanted, &ty).unwrap_err().to_string()
    };
    assert_eq!(
        refusal("open"),
        "function open: the result is own<resource>, and a resource can't cross a link: pass plain \
         values instead"
    );
    assert_eq!(
        refusal("close"),
        "function close: parameter \"them\" is list<tuple<u8, borrow<resource>>>, and a resource \
         can't cross a link: pass plain values instead"
    );
}
