//! Compares and swaps, and whatever else came with the second draft of `wasi:keyvalue`.

mod bindings {
    wit_bindgen::generate!({
        path: ["../../../wit/keyvalue-draft2", "wit"],
        world: "lattice:swaps/swaps",
        generate_all,
    });
}

use bindings::wasi::keyvalue::atomics::{self, Cas, CasError};
use bindings::wasi::keyvalue::batch;
use bindings::wasi::keyvalue::store::{Error, open};

struct Swaps;

bindings::export!(Swaps with_types_in bindings);

impl bindings::Guest for Swaps {
    fn add(bucket: String, key: String, by: i64) -> Result<i64, String> {
        let bucket = open(&bucket).map_err(text)?;
        atomics::increment(&bucket, &key, by).map_err(text)
    }

    fn append(bucket: String, key: String, more: String) -> Result<u32, String> {
        let bucket = open(&bucket).map_err(text)?;
        let mut cas = Cas::new(&bucket, &key).map_err(text)?;
        for tries in 1.. {
            let mut value = cas.current().map_err(text)?.unwrap_or_default();
            value.extend_from_slice(more.as_bytes());
            match atomics::swap(cas, &value) {
                Ok(()) => return Ok(tries),
                Err(CasError::CasFailed(again)) => cas = again,
                Err(CasError::StoreError(error)) => return Err(text(error)),
            }
        }
        Err("it never ended".to_owned())
    }

    fn overtaken(bucket: String, key: String, by: String) -> Result<Vec<Option<String>>, String> {
        let bucket = open(&bucket).map_err(text)?;
        let cas = Cas::new(&bucket, &key).map_err(text)?;
        let before = cas.current().map_err(text)?;
        bucket.set(&key, by.as_bytes()).map_err(text)?;
        let after = match atomics::swap(cas, b"mine") {
            Ok(()) => return Err("it was swapped though somebody wrote".to_owned()),
            Err(CasError::CasFailed(again)) => {
                let after = again.current().map_err(text)?;
                atomics::swap(again, b"mine").map_err(|_| "the second swap failed")?;
                after
            }
            Err(CasError::StoreError(error)) => return Err(text(error)),
        };
        let last = bucket.get(&key).map_err(text)?;
        Ok([before, after, last]
            .map(|value| value.map(readable))
            .into())
    }

    fn current_size(bucket: String, key: String) -> Result<Option<u32>, String> {
        let bucket = open(&bucket).map_err(text)?;
        let cas = Cas::new(&bucket, &key).map_err(text)?;
        let value = cas.current().map_err(text)?;
        Ok(value.map(|value| value.len().try_into().unwrap_or(u32::MAX)))
    }

    fn keys(bucket: String) -> Result<Vec<String>, String> {
        let bucket = open(&bucket).map_err(text)?;
        let (mut keys, mut cursor) = (Vec::new(), None);
        loop {
            let page = bucket.list_keys(cursor.as_deref()).map_err(text)?;
            keys.extend(page.keys);
            match page.cursor {
                Some(next) => cursor = Some(next),
                None => return Ok(keys),
            }
        }
    }

    fn page(bucket: String, cursor: String) -> Result<Vec<String>, String> {
        let bucket = open(&bucket).map_err(text)?;
        let page = bucket.list_keys(Some(&cursor)).map_err(text)?;
        Ok(page.keys)
    }

    fn many(bucket: String, keys: Vec<String>) -> Result<Vec<(String, Option<String>)>, String> {
        let bucket = open(&bucket).map_err(text)?;
        let pairs = keys
            .iter()
            .map(|key| (key.clone(), key.as_bytes().to_vec()));
        batch::set_many(&bucket, &pairs.collect::<Vec<_>>()).map_err(text)?;
        batch::delete_many(&bucket, keys.get(1..).unwrap_or_default()).map_err(text)?;
        let found = batch::get_many(&bucket, &keys).map_err(text)?.into_iter();
        Ok(found
            .map(|(key, value)| (key, value.map(readable)))
            .collect())
    }
}

fn readable(bytes: Vec<u8>) -> String {
    String::from_utf8_lossy(&bytes).into_owned()
}

fn text(error: Error) -> String {
    match error {
        Error::NoSuchStore => "no such store".to_owned(),
        Error::AccessDenied => "access denied".to_owned(),
        Error::Other(text) => text,
    }
}
