//! The types of `wasi:keyvalue@0.2.0-draft2`: numbers have a sign, cursors are text, and a value can
//! be compared and swapped.
//!
//! - `cas`: the handle of a compare-and-swap;
//! - `batch`: many keys, whose result was spelled in two ways under this one version.

mod batch;
mod cas;

use lattice_protocol::standard::keyvalue::{self as wire, Operation};
use wasmtime::component::{Linker, Resource};

pub(super) use self::batch::define_batch;
use super::{Bucket, Error, KeyValue, Result};
use crate::capability::Guest;

mod bindings {
    #![allow(missing_docs, unreachable_pub, reason = "generated from WIT")]
    wasmtime::component::bindgen!({
        path: "../wit/keyvalue-draft2",
        world: "wasi:keyvalue/imports",
        imports: { default: async | trappable },
        with: {
            "wasi:keyvalue/store.bucket": crate::capability::keyvalue::Bucket,
            "wasi:keyvalue/atomics.cas": crate::capability::keyvalue::draft2::cas::Cas,
        },
        trappable_error_type: { "wasi:keyvalue/store.error" => crate::capability::keyvalue::Error },
    });
}

use bindings::wasi::keyvalue::atomics;
use bindings::wasi::keyvalue::store::{self, KeyResponse};

pub(super) fn define(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    store::add_to_linker::<_, KeyValue>(linker, |guest| guest)?;
    atomics::add_to_linker::<_, KeyValue>(linker, |guest| guest)
}

/// The error as this version spells it.
fn told(error: Error) -> wasmtime::Result<store::Error> {
    Ok(match error {
        Error::Store(error) => spelled(error),
        Error::Trap(error) => return Err(error),
    })
}

fn spelled(error: wire::Error) -> store::Error {
    match error {
        wire::Error::NoSuchStore => store::Error::NoSuchStore,
        wire::Error::AccessDenied => store::Error::AccessDenied,
        wire::Error::Other(text) => store::Error::Other(text),
    }
}

impl store::Host for Guest {
    async fn open(&mut self, identifier: String) -> Result<Resource<Bucket>> {
        self.open_bucket(identifier).await
    }

    fn convert_error(&mut self, error: Error) -> wasmtime::Result<store::Error> {
        told(error)
    }
}

impl store::HostBucket for Guest {
    async fn get(&mut self, bucket: Resource<Bucket>, key: String) -> Result<Option<Vec<u8>>> {
        self.get_value(bucket, key).await
    }

    async fn set(&mut self, bucket: Resource<Bucket>, key: String, value: Vec<u8>) -> Result<()> {
        self.set_value(bucket, key, value).await
    }

    async fn delete(&mut self, bucket: Resource<Bucket>, key: String) -> Result<()> {
        self.ask_by_key(Operation::Delete, bucket, key).await
    }

    async fn exists(&mut self, bucket: Resource<Bucket>, key: String) -> Result<bool> {
        self.ask_by_key(Operation::Exists, bucket, key).await
    }

    async fn list_keys(
        &mut self,
        bucket: Resource<Bucket>,
        cursor: Option<String>,
    ) -> Result<KeyResponse> {
        let cursor = cursor.map(|text| text.parse().map_err(|_| no_cursor()));
        let page = self.page_of_keys(bucket, cursor.transpose()?).await?;
        Ok(KeyResponse {
            keys: page.keys,
            cursor: page.cursor.map(|cursor| cursor.to_string()),
        })
    }

    async fn drop(&mut self, bucket: Resource<Bucket>) -> wasmtime::Result<()> {
        self.drop_bucket(bucket)
    }
}

fn no_cursor() -> Error {
    let text = "the cursor is none that a page of this store ended with";
    Error::Store(wire::Error::Other(text.to_owned()))
}
