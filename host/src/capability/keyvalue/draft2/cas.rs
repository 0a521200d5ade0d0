//! The handle of a compare-and-swap: bucket, key and version.

use lattice_protocol::standard::WitResult;
use lattice_protocol::standard::keyvalue::{self as wire, Operation, SwapError, Versioned};
use wasmtime::component::Resource;

use super::atomics::{CasError, Host, HostCas};
use super::{Bucket, Error, Result, spelled};
use crate::capability::Guest;

/// The largest value that a handle keeps: a guest may hold many handles, and their values are
/// memory of the host.
const KEPT_BYTES_MAX: usize = 4096;

/// What a swap is compared with.
#[allow(unreachable_pub, reason = "the generated bindings re-export it")]
pub struct Cas {
    bucket: String,
    key: String,
    version: String,
    value: Snapshot,
}

/// The value when the handle was made.
enum Snapshot {
    Kept(Option<Vec<u8>>),
    /// Too large to keep: it is read anew when it is asked for. If it has changed by then, the
    /// swap fails, as the version is still the first.
    Large,
}

impl Cas {
    fn new(bucket: String, key: String, found: Versioned) -> Self {
        let len = found.value.as_ref().map_or(0, |value| value.len());
        let value = match len {
            0..=KEPT_BYTES_MAX => Snapshot::Kept(found.value.map(Vec::from)),
            _ => Snapshot::Large,
        };
        Self {
            bucket,
            key,
            version: found.version,
            value,
        }
    }
}

impl HostCas for Guest {
    async fn new(&mut self, bucket: Resource<Bucket>, key: String) -> Result<Resource<Cas>> {
        let identifier = self.identifier(&bucket)?;
        let found = self
            .ask_by_key(Operation::CasNew, bucket, key.clone())
            .await?;
        Ok(self.table().push(Cas::new(identifier, key, found))?)
    }

    async fn current(&mut self, cas: Resource<Cas>) -> Result<Option<Vec<u8>>> {
        let cas = self.table().get(&cas)?;
        let arguments = match &cas.value {
            Snapshot::Kept(value) => return Ok(value.clone()),
            Snapshot::Large => wire::ByKey {
                bucket: cas.bucket.clone(),
                key: cas.key.clone(),
            },
        };
        let asked = self.ask_for(Operation::Get, &arguments.bucket, &arguments);
        match asked.await? {
            WitResult::Ok(wire::Value(value)) => Ok(value.map(Vec::from)),
            WitResult::Err(error) => Err(Error::Store(error)),
        }
    }

    async fn drop(&mut self, cas: Resource<Cas>) -> wasmtime::Result<()> {
        self.table().delete(cas)?;
        Ok(())
    }
}

impl Host for Guest {
    async fn increment(
        &mut self,
        bucket: Resource<Bucket>,
        key: String,
        delta: i64,
    ) -> Result<i64> {
        self.add(bucket, key, delta.into(), true).await
    }

    async fn swap(
        &mut self,
        cas: Resource<Cas>,
        value: Vec<u8>,
    ) -> wasmtime::Result<Result<(), CasError>> {
        let cas = self.table().delete(cas)?;
        let arguments = wire::Swap {
            bucket: cas.bucket,
            key: cas.key,
            version: cas.version,
            value: value.into(),
        };
        let asked = self.ask_for(Operation::Swap, &arguments.bucket, &arguments);
        let failed = match asked.await {
            Ok(WitResult::Ok(())) => return Ok(Ok(())),
            Ok(WitResult::Err(SwapError::CasFailed(now))) => {
                let again = Cas::new(arguments.bucket, arguments.key, now);
                CasError::CasFailed(self.table().push(again)?)
            }
            Ok(WitResult::Err(SwapError::StoreError(error))) => {
                self.opened().forget(&arguments.bucket);
                CasError::StoreError(spelled(error))
            }
            Err(error) => CasError::StoreError(super::told(error)?),
        };
        Ok(Err(failed))
    }
}
