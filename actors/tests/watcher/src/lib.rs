//! Hears of changes in a bucket, and writes what it heard into the bucket that it is handed, at the key
//! `heard`: a line for each. So a link of it must watch other keys than that.

mod bindings {
    wit_bindgen::generate!({
        path: ["../../../wit", "wit"],
        world: "lattice:watcher/watcher",
        generate_all,
    });
}

use bindings::exports::wasi::keyvalue::watcher::Guest;
use bindings::wasi::keyvalue::store::Bucket;

/// Where it writes what it heard.
const HEARD: &str = "heard";
/// A value over which it fails each time.
const POISON: &[u8] = b"poison";

struct Watcher;

bindings::export!(Watcher with_types_in bindings);

impl Guest for Watcher {
    fn on_set(bucket: Bucket, key: String, value: Vec<u8>) {
        assert!(value != POISON, "the value of {key} is poison");
        let value = String::from_utf8_lossy(&value).into_owned();
        note(&bucket, &format!("{key}={value}\n"));
    }

    fn on_delete(bucket: Bucket, key: String) {
        note(&bucket, &format!("{key}-\n"));
    }
}

fn note(bucket: &Bucket, line: &str) {
    let heard = bucket.get(HEARD);
    assert!(heard.is_ok(), "the bucket is not read: {heard:?}");
    let mut heard = heard.ok().flatten().unwrap_or_default();
    heard.extend_from_slice(line.as_bytes());
    let written = bucket.set(HEARD, &heard);
    assert!(written.is_ok(), "the bucket is not written: {written:?}");
}
