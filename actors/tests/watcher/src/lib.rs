//! Hears of changes in a bucket, and writes what it heard into the bucket that it is handed: each under
//! a key of its own, `heard/1` and so on, of which the key `heard` says how many there are. So two that
//! hear at the same time hide nothing of each other. A link of it must watch other keys than those.

mod bindings {
    wit_bindgen::generate!({
        path: ["../../../wit", "wit"],
        world: "lattice:watcher/watcher",
        generate_all,
    });
}

use bindings::exports::wasi::keyvalue::watcher::Guest;
use bindings::wasi::keyvalue::atomics::increment;
use bindings::wasi::keyvalue::store::Bucket;

/// How often it heard something, and below it what.
const HEARD: &str = "heard";
/// A value over which it fails each time.
const POISON: &[u8] = b"poison";

struct Watcher;

bindings::export!(Watcher with_types_in bindings);

impl Guest for Watcher {
    fn on_set(bucket: Bucket, key: String, value: Vec<u8>) {
        assert!(value != POISON, "the value of {key} is poison");
        let value = String::from_utf8_lossy(&value).into_owned();
        note(&bucket, &format!("{key}={value}"));
    }

    fn on_delete(bucket: Bucket, key: String) {
        note(&bucket, &format!("{key}-"));
    }
}

fn note(bucket: &Bucket, line: &str) {
    let counted = increment(bucket, HEARD, 1);
    assert!(counted.is_ok(), "the bucket is not written: {counted:?}");
    let at = counted.unwrap_or_default();
    let written = bucket.set(&format!("{HEARD}/{at}"), line.as_bytes());
    assert!(written.is_ok(), "the bucket is not written: {written:?}");
}
