//! Reads many keys in the first spelling of the second draft of `wasi:keyvalue`.

mod bindings {
    wit_bindgen::generate!({
        path: "wit",
        world: "lattice:early-batch/early-batch",
        generate_all,
    });
}

use bindings::wasi::keyvalue::batch;
use bindings::wasi::keyvalue::store::open;

struct EarlyBatch;

bindings::export!(EarlyBatch with_types_in bindings);

impl bindings::Guest for EarlyBatch {
    fn many(bucket: String, keys: Vec<String>) -> Result<Vec<Option<String>>, String> {
        let failed = |error| format!("{error:?}");
        let bucket = open(&bucket).map_err(failed)?;
        if let Some(first) = keys.first() {
            bucket.set(first, first.as_bytes()).map_err(failed)?;
        }
        let found = batch::get_many(&bucket, &keys).map_err(failed)?.into_iter();
        Ok(found.map(|pair| pair.map(|(key, _)| key)).collect())
    }
}
