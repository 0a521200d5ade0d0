//! `wasi:keyvalue@0.2.0-draft`: buckets are resources here and names on the wire.

use bytes::Bytes;
use lattice_protocol::error::{CallError, ErrorCode};
use lattice_protocol::interface::{Endpoint, Interface};
use lattice_protocol::standard::WitResult;
use lattice_protocol::standard::keyvalue::{self as wire, Operation};
use serde::Serialize;
use serde::de::DeserializeOwned;
use wasmtime::component::{HasData, Linker, Resource};

use super::Guest;

mod bindings {
    #![allow(missing_docs, unreachable_pub, reason = "generated from WIT")]
    wasmtime::component::bindgen!({
        path: "../wit",
        world: "wasi:keyvalue/imports",
        imports: { default: async | trappable },
        with: { "wasi:keyvalue/store.bucket": super::Bucket },
        trappable_error_type: { "wasi:keyvalue/store.error" => super::Error },
    });
}

use bindings::wasi::keyvalue::store::{self, KeyResponse};
use bindings::wasi::keyvalue::{atomics, batch};

/// The version that is answered.
const VERSION: &str = "@0.2.0-draft";

/// An open bucket: the identifier it was opened with, which also picks the link.
#[allow(unreachable_pub, reason = "the generated bindings re-export it")]
pub struct Bucket {
    identifier: String,
}

/// An error of the interface, or one that ends the guest.
#[allow(unreachable_pub, reason = "the generated bindings re-export it")]
pub enum Error {
    Store(store::Error),
    Trap(wasmtime::Error),
}

impl From<wasmtime::component::ResourceTableError> for Error {
    fn from(error: wasmtime::component::ResourceTableError) -> Self {
        Self::Trap(error.into())
    }
}

type Result<T, E = Error> = std::result::Result<T, E>;

/// Whether an import is of this interface.
pub(super) fn answers(import: &str) -> bool {
    import
        .strip_suffix(VERSION)
        .is_some_and(|name| matches!(name, wire::STORE | wire::ATOMICS | wire::BATCH))
}

pub(super) fn define(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    store::add_to_linker::<_, KeyValue>(linker, |guest| guest)?;
    atomics::add_to_linker::<_, KeyValue>(linker, |guest| guest)?;
    batch::add_to_linker::<_, KeyValue>(linker, |guest| guest)
}

struct KeyValue;

impl HasData for KeyValue {
    type Data<'a> = &'a mut Guest;
}

impl Guest {
    fn identifier(&mut self, bucket: &Resource<Bucket>) -> Result<String> {
        Ok(self.table().get(bucket)?.identifier.clone())
    }

    /// Asks whoever the link of that bucket leads to.
    async fn ask<T: DeserializeOwned>(
        &mut self,
        operation: Operation,
        identifier: &str,
        arguments: &impl Serialize,
    ) -> Result<T> {
        let endpoint: Endpoint = operation.as_str().parse().map_err(internal)?;
        let interface = match &endpoint.interface {
            Some(interface) => interface,
            None => &wire::STORE.parse::<Interface>().map_err(internal)?,
        };
        let Some(link) = self.links().picked(interface, identifier).cloned() else {
            return Err(Error::Store(store::Error::AccessDenied));
        };
        let payload = rmp_serde::to_vec(arguments).map_err(internal)?;
        let reply = self
            .outbox()
            .call(&link, endpoint, payload.into())
            .await
            .map_err(failed)?;
        match rmp_serde::from_slice::<WitResult<T, wire::Error>>(&reply).map_err(internal)? {
            WitResult::Ok(value) => Ok(value),
            WitResult::Err(error) => Err(Error::Store(from_wire(error))),
        }
    }

    async fn ask_by_key<T: DeserializeOwned>(
        &mut self,
        operation: Operation,
        bucket: Resource<Bucket>,
        key: String,
    ) -> Result<T> {
        let bucket = self.identifier(&bucket)?;
        let arguments = wire::ByKey { bucket, key };
        self.ask(operation, &arguments.bucket, &arguments).await
    }
}

/// The interface's errors are a guest's to handle: a store that is away is one, too.
fn failed(error: CallError) -> Error {
    Error::Store(match error.code {
        ErrorCode::Denied => store::Error::AccessDenied,
        _ => store::Error::Other(error.to_string()),
    })
}

fn internal(error: impl std::fmt::Display) -> Error {
    Error::Store(store::Error::Other(format!("internal: {error}")))
}

fn from_wire(error: wire::Error) -> store::Error {
    match error {
        wire::Error::NoSuchStore => store::Error::NoSuchStore,
        wire::Error::AccessDenied => store::Error::AccessDenied,
        wire::Error::Other(text) => store::Error::Other(text),
    }
}

impl store::Host for Guest {
    async fn open(&mut self, identifier: String) -> Result<Resource<Bucket>> {
        let arguments = wire::Open { identifier };
        let () = self
            .ask(Operation::Open, &arguments.identifier, &arguments)
            .await?;
        Ok(self.table().push(Bucket {
            identifier: arguments.identifier,
        })?)
    }

    fn convert_error(&mut self, error: Error) -> wasmtime::Result<store::Error> {
        match error {
            Error::Store(error) => Ok(error),
            Error::Trap(error) => Err(error),
        }
    }
}

impl store::HostBucket for Guest {
    async fn get(&mut self, bucket: Resource<Bucket>, key: String) -> Result<Option<Vec<u8>>> {
        let value: wire::Value = self.ask_by_key(Operation::Get, bucket, key).await?;
        Ok(value.0.map(|bytes| bytes.to_vec()))
    }

    async fn set(&mut self, bucket: Resource<Bucket>, key: String, value: Vec<u8>) -> Result<()> {
        let bucket = self.identifier(&bucket)?;
        let arguments = wire::Set {
            bucket,
            key,
            value: Bytes::from(value),
        };
        self.ask(Operation::Set, &arguments.bucket, &arguments)
            .await
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
        let bucket = self.identifier(&bucket)?;
        let arguments = wire::ListKeys { bucket, cursor };
        let page: wire::KeyResponse = self
            .ask(Operation::ListKeys, &arguments.bucket, &arguments)
            .await?;
        Ok(KeyResponse {
            keys: page.keys,
            cursor: page.cursor,
        })
    }

    async fn drop(&mut self, bucket: Resource<Bucket>) -> wasmtime::Result<()> {
        self.table().delete(bucket)?;
        Ok(())
    }
}

impl atomics::Host for Guest {
    async fn increment(
        &mut self,
        bucket: Resource<Bucket>,
        key: String,
        delta: u64,
    ) -> Result<u64> {
        let bucket = self.identifier(&bucket)?;
        let arguments = wire::Increment { bucket, key, delta };
        self.ask(Operation::Increment, &arguments.bucket, &arguments)
            .await
    }
}

impl batch::Host for Guest {
    async fn get_many(
        &mut self,
        bucket: Resource<Bucket>,
        keys: Vec<String>,
    ) -> Result<Vec<Option<(String, Vec<u8>)>>> {
        let bucket = self.identifier(&bucket)?;
        let arguments = wire::ByKeys { bucket, keys };
        let found: Vec<Option<wire::Pair>> = self
            .ask(Operation::GetMany, &arguments.bucket, &arguments)
            .await?;
        Ok(found
            .into_iter()
            .map(|pair| pair.map(|wire::Pair(key, value)| (key, value.to_vec())))
            .collect())
    }

    async fn set_many(
        &mut self,
        bucket: Resource<Bucket>,
        key_values: Vec<(String, Vec<u8>)>,
    ) -> Result<()> {
        let bucket = self.identifier(&bucket)?;
        let key_values = key_values
            .into_iter()
            .map(|(key, value)| wire::Pair(key, value.into()))
            .collect();
        let arguments = wire::SetMany { bucket, key_values };
        self.ask(Operation::SetMany, &arguments.bucket, &arguments)
            .await
    }

    async fn delete_many(&mut self, bucket: Resource<Bucket>, keys: Vec<String>) -> Result<()> {
        let bucket = self.identifier(&bucket)?;
        let arguments = wire::ByKeys { bucket, keys };
        self.ask(Operation::DeleteMany, &arguments.bucket, &arguments)
            .await
    }
}
