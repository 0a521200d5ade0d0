//! What both versions ask of whoever the link of a bucket leads to.

use bytes::Bytes;
use lattice_protocol::error::{CallError, ErrorCode};
use lattice_protocol::interface::{Endpoint, Interface};
use lattice_protocol::standard::WitResult;
use lattice_protocol::standard::keyvalue::{self as wire, Operation};
use serde::Serialize;
use serde::de::DeserializeOwned;
use wasmtime::component::Resource;

use super::{Bucket, Error, Result};
use crate::capability::Guest;

/// The longest identifier that a bucket is opened with: each handle has it, in the host's memory. A link may
/// let any text stand for its bucket; names of buckets have 64 bytes.
const IDENTIFIER_BYTES_MAX: usize = 256;

/// A value by its key.
pub(super) type KeyValue = (String, Vec<u8>);

impl Guest {
    pub(super) fn identifier(&mut self, bucket: &Resource<Bucket>) -> Result<String> {
        Ok(self.table().get(bucket)?.identifier.clone())
    }

    pub(super) async fn open_bucket(&mut self, identifier: String) -> Result<Resource<Bucket>> {
        if identifier.len() > IDENTIFIER_BYTES_MAX {
            let bytes = identifier.len();
            let message = format!(
                "the bucket's identifier has {bytes} bytes: use at most {IDENTIFIER_BYTES_MAX}"
            );
            return Err(Error::Store(wire::Error::Other(message)));
        }
        let arguments = wire::Open { identifier };
        let identifier = &arguments.identifier;
        if !self.opened().knows(identifier) {
            let () = self.ask(Operation::Open, identifier, &arguments).await?;
            self.opened().learn(identifier);
        }
        let identifier = arguments.identifier;
        Ok(self.table().push(Bucket { identifier })?)
    }

    pub(super) fn drop_bucket(&mut self, bucket: Resource<Bucket>) -> wasmtime::Result<()> {
        self.table().delete(bucket)?;
        Ok(())
    }

    pub(super) async fn get_value(
        &mut self,
        bucket: Resource<Bucket>,
        key: String,
    ) -> Result<Option<Vec<u8>>> {
        let value: wire::Value = self.ask_by_key(Operation::Get, bucket, key).await?;
        Ok(value.0.map(Vec::from))
    }

    pub(super) async fn set_value(
        &mut self,
        bucket: Resource<Bucket>,
        key: String,
        value: Vec<u8>,
    ) -> Result<()> {
        let bucket = self.identifier(&bucket)?;
        let value = Bytes::from(value);
        let arguments = wire::Set { bucket, key, value };
        self.ask(Operation::Set, &arguments.bucket, &arguments)
            .await
    }

    pub(super) async fn page_of_keys(
        &mut self,
        bucket: Resource<Bucket>,
        cursor: Option<u64>,
    ) -> Result<wire::KeyResponse> {
        let bucket = self.identifier(&bucket)?;
        let arguments = wire::ListKeys { bucket, cursor };
        self.ask(Operation::ListKeys, &arguments.bucket, &arguments)
            .await
    }

    /// Adds to a number; the sum is of the type that is asked for.
    pub(super) async fn add<T: DeserializeOwned>(
        &mut self,
        bucket: Resource<Bucket>,
        key: String,
        delta: wire::Number,
        signed: bool,
    ) -> Result<T> {
        let bucket = self.identifier(&bucket)?;
        let arguments = wire::Increment {
            bucket,
            key,
            delta,
            signed,
        };
        self.ask(Operation::Increment, &arguments.bucket, &arguments)
            .await
    }

    pub(super) async fn get_all(
        &mut self,
        bucket: Resource<Bucket>,
        keys: Vec<String>,
    ) -> Result<Vec<Option<KeyValue>>> {
        let bucket = self.identifier(&bucket)?;
        let arguments = wire::ByKeys { bucket, keys };
        let found: Vec<Option<wire::Pair>> = self
            .ask(Operation::GetMany, &arguments.bucket, &arguments)
            .await?;
        let found = found.into_iter();
        Ok(found
            .map(|pair| pair.map(|wire::Pair(key, value)| (key, value.into())))
            .collect())
    }

    pub(super) async fn set_all(
        &mut self,
        bucket: Resource<Bucket>,
        pairs: Vec<KeyValue>,
    ) -> Result<()> {
        let bucket = self.identifier(&bucket)?;
        let pairs = pairs.into_iter();
        let key_values = pairs.map(|(key, value)| wire::Pair(key, value.into()));
        let arguments = wire::SetMany {
            bucket,
            key_values: key_values.collect(),
        };
        self.ask(Operation::SetMany, &arguments.bucket, &arguments)
            .await
    }

    pub(super) async fn delete_all(
        &mut self,
        bucket: Resource<Bucket>,
        keys: Vec<String>,
    ) -> Result<()> {
        let bucket = self.identifier(&bucket)?;
        let arguments = wire::ByKeys { bucket, keys };
        self.ask(Operation::DeleteMany, &arguments.bucket, &arguments)
            .await
    }

    pub(super) async fn ask_by_key<T: DeserializeOwned>(
        &mut self,
        operation: Operation,
        bucket: Resource<Bucket>,
        key: String,
    ) -> Result<T> {
        let bucket = self.identifier(&bucket)?;
        let arguments = wire::ByKey { bucket, key };
        self.ask(operation, &arguments.bucket, &arguments).await
    }

    /// Asks whoever the link of that bucket leads to.
    async fn ask<T: DeserializeOwned>(
        &mut self,
        operation: Operation,
        identifier: &str,
        arguments: &impl Serialize,
    ) -> Result<T> {
        match self.ask_for(operation, identifier, arguments).await? {
            WitResult::Ok(value) => Ok(value),
            WitResult::Err(error) => {
                self.opened().forget(identifier);
                Err(Error::Store(error))
            }
        }
    }

    /// The same for an operation that has errors of its own.
    pub(super) async fn ask_for<T: DeserializeOwned, E: DeserializeOwned>(
        &mut self,
        operation: Operation,
        identifier: &str,
        arguments: &impl Serialize,
    ) -> Result<WitResult<T, E>> {
        let asked = self.ask_linked(operation, identifier, arguments).await;
        if asked.is_err() {
            self.opened().forget(identifier);
        }
        asked
    }

    async fn ask_linked<T: DeserializeOwned, E: DeserializeOwned>(
        &mut self,
        operation: Operation,
        identifier: &str,
        arguments: &impl Serialize,
    ) -> Result<WitResult<T, E>> {
        let endpoint: Endpoint = operation.as_str().parse().map_err(internal)?;
        let interface = match &endpoint.interface {
            Some(interface) => interface,
            None => &wire::STORE.parse::<Interface>().map_err(internal)?,
        };
        let Some(link) = self.links().picked(interface, identifier).cloned() else {
            return Err(Error::Store(wire::Error::AccessDenied));
        };
        let payload = rmp_serde::to_vec(arguments).map_err(internal)?;
        match self.outbox().call(&link, endpoint, payload.into()).await {
            Ok(reply) => rmp_serde::from_slice(&reply).map_err(internal),
            Err(error) => {
                if error.code == ErrorCode::Denied {
                    // The interface has no words for the reason.
                    let (to, reason) = (&link.to, &error.message);
                    let denial = format!("{to} denies access to bucket {identifier:?}: {reason}");
                    self.output().refusal(&denial);
                }
                Err(failed(error))
            }
        }
    }
}

/// The interface's errors are a guest's to handle: a store that is away is one, too.
fn failed(error: CallError) -> Error {
    Error::Store(match error.code {
        ErrorCode::Denied => wire::Error::AccessDenied,
        _ => wire::Error::Other(error.to_string()),
    })
}

fn internal(error: impl std::fmt::Display) -> Error {
    Error::Store(wire::Error::Other(format!("internal: {error}")))
}
