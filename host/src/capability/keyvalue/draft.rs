//! The types of `wasi:keyvalue@0.2.0-draft`.

use lattice_protocol::standard::keyvalue::{self as wire, Operation};
use wasmtime::component::{Linker, Resource};

use super::ask::KeyValue as Pair;
use super::{Bucket, Error, KeyValue, Result};
use crate::capability::Guest;

mod bindings {
    #![allow(missing_docs, unreachable_pub, reason = "generated from WIT")]
    wasmtime::component::bindgen!({
        path: "../wit",
        world: "wasi:keyvalue/imports",
        imports: { default: async | trappable },
        with: { "wasi:keyvalue/store.bucket": crate::capability::keyvalue::Bucket },
        trappable_error_type: { "wasi:keyvalue/store.error" => crate::capability::keyvalue::Error },
    });
}

use bindings::wasi::keyvalue::store::{self, KeyResponse};
use bindings::wasi::keyvalue::{atomics, batch};

pub(super) fn define(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    store::add_to_linker::<_, KeyValue>(linker, |guest| guest)?;
    atomics::add_to_linker::<_, KeyValue>(linker, |guest| guest)?;
    batch::add_to_linker::<_, KeyValue>(linker, |guest| guest)
}

impl store::Host for Guest {
    async fn open(&mut self, identifier: String) -> Result<Resource<Bucket>> {
        self.open_bucket(identifier).await
    }

    fn convert_error(&mut self, error: Error) -> wasmtime::Result<store::Error> {
        Ok(match error {
            Error::Store(wire::Error::NoSuchStore) => store::Error::NoSuchStore,
            Error::Store(wire::Error::AccessDenied) => store::Error::AccessDenied,
            Error::Store(wire::Error::Other(text)) => store::Error::Other(text),
            Error::Trap(error) => return Err(error),
        })
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
        cursor: Option<u64>,
    ) -> Result<KeyResponse> {
        let wire::KeyResponse { keys, cursor } = self.page_of_keys(bucket, cursor).await?;
        Ok(KeyResponse { keys, cursor })
    }

    async fn drop(&mut self, bucket: Resource<Bucket>) -> wasmtime::Result<()> {
        self.drop_bucket(bucket)
    }
}

impl atomics::Host for Guest {
    async fn increment(
        &mut self,
        bucket: Resource<Bucket>,
        key: String,
        delta: u64,
    ) -> Result<u64> {
        self.add(bucket, key, delta.into(), false).await
    }
}

impl batch::Host for Guest {
    async fn get_many(
        &mut self,
        bucket: Resource<Bucket>,
        keys: Vec<String>,
    ) -> Result<Vec<Option<Pair>>> {
        self.get_all(bucket, keys).await
    }

    async fn set_many(&mut self, bucket: Resource<Bucket>, pairs: Vec<Pair>) -> Result<()> {
        self.set_all(bucket, pairs).await
    }

    async fn delete_many(&mut self, bucket: Resource<Bucket>, keys: Vec<String>) -> Result<()> {
        self.delete_all(bucket, keys).await
    }
}
