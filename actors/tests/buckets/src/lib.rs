//! Writes to and reads from the bucket that it is told.

mod bindings {
    wit_bindgen::generate!({
        path: ["../../../wit", "wit"],
        world: "lattice:buckets/buckets",
        generate_all,
    });
}

use bindings::wasi::keyvalue::store::{Error, open};

struct Buckets;

bindings::export!(Buckets with_types_in bindings);

impl bindings::Guest for Buckets {
    fn put(bucket: String, key: String, value: String) -> Result<(), String> {
        let bucket = open(&bucket).map_err(text)?;
        bucket.set(&key, value.as_bytes()).map_err(text)
    }

    fn get(bucket: String, key: String) -> Result<Option<String>, String> {
        let value = open(&bucket).map_err(text)?.get(&key).map_err(text)?;
        Ok(value.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
    }
}

fn text(error: Error) -> String {
    match error {
        Error::NoSuchStore => "no such store".to_owned(),
        Error::AccessDenied => "access denied".to_owned(),
        Error::Other(text) => text,
    }
}
