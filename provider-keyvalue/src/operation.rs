//! The table of operations: one line for each, its arguments, what the store does, its result.

use lattice_protocol::error::CallError;
use lattice_protocol::standard::WitResult;
use lattice_protocol::standard::keyvalue::{
    self, ByKey, ByKeys, Increment, ListKeys, Open, Operation, Set, SetMany, Swap, SwapError, Value,
};
use provider_sdk::{Call, Reply};
use serde::Serialize;

use crate::batch;
use crate::bucket::Bucket;
use crate::number::Delta;
use crate::provider::Active;
use crate::store::{Error, Store, Swapped};

/// Does what one call asks for.
pub(crate) async fn run(
    operation: Operation,
    active: &Active,
    call: &Call,
) -> Result<Reply, CallError> {
    let store: &dyn Store = &*active.store;
    let bucket = |identifier: &str| active.bucket(call.link.as_deref(), identifier);
    match operation {
        Operation::Open => {
            let a: Open = call.args()?;
            let opened = async { store.open(&bucket(&a.identifier)?).await };
            answer(call, opened.await)
        }
        Operation::Get => {
            let a: ByKey = call.args()?;
            let value = async { store.get(&bucket(&a.bucket)?, &a.key).await };
            answer(call, value.await.map(Value))
        }
        Operation::Set => {
            let a: Set = call.args()?;
            let set = async { store.set(&bucket(&a.bucket)?, &a.key, a.value).await };
            answer(call, set.await)
        }
        Operation::Delete => {
            let a: ByKey = call.args()?;
            let deleted = async { store.delete(&bucket(&a.bucket)?, &a.key).await };
            answer(call, deleted.await)
        }
        Operation::Exists => {
            let a: ByKey = call.args()?;
            let exists = async { store.exists(&bucket(&a.bucket)?, &a.key).await };
            answer(call, exists.await)
        }
        Operation::ListKeys => {
            let a: ListKeys = call.args()?;
            let page = async { store.list_keys(&bucket(&a.bucket)?, a.cursor).await };
            answer(call, page.await)
        }
        Operation::Increment => {
            let a: Increment = call.args()?;
            let sum = async {
                let delta = Delta::new(a.delta, a.signed)?;
                store.increment(&bucket(&a.bucket)?, &a.key, delta).await
            };
            answer(call, sum.await)
        }
        Operation::CasNew => {
            let a: ByKey = call.args()?;
            let read = async { store.read(&bucket(&a.bucket)?, &a.key).await };
            answer(call, read.await)
        }
        Operation::Swap => {
            let a: Swap = call.args()?;
            swapped(call, swap(store, bucket(&a.bucket), a).await)
        }
        Operation::GetMany => {
            let a: ByKeys = call.args()?;
            let found = async { batch::get_many(store, &bucket(&a.bucket)?, a.keys).await };
            answer(call, found.await)
        }
        Operation::SetMany => {
            let a: SetMany = call.args()?;
            let set = async { batch::set_many(store, &bucket(&a.bucket)?, a.key_values).await };
            answer(call, set.await)
        }
        Operation::DeleteMany => {
            let a: ByKeys = call.args()?;
            let deleted = async { batch::delete_many(store, &bucket(&a.bucket)?, a.keys).await };
            answer(call, deleted.await)
        }
    }
}

async fn swap(
    store: &dyn Store,
    bucket: Result<Bucket, Error>,
    swap: Swap,
) -> Result<Swapped, Error> {
    store
        .swap(&bucket?, &swap.key, &swap.version, swap.value)
        .await
}

/// What the component may hear is a result; what the store suffered is the call's error.
fn answer<T: Serialize>(call: &Call, result: Result<T, Error>) -> Result<Reply, CallError> {
    match result {
        Ok(value) => call.reply(&WitResult::<T, keyvalue::Error>::Ok(value)),
        Err(Error::Told(error)) => call.reply(&WitResult::<(), _>::Err(error)),
        Err(Error::Failed(error)) => Err(error),
    }
}

/// The same for a swap, whose errors are of a kind of their own.
fn swapped(call: &Call, result: Result<Swapped, Error>) -> Result<Reply, CallError> {
    let result = match result {
        Ok(Swapped::Done) => WitResult::Ok(()),
        Ok(Swapped::Failed(now)) => WitResult::Err(SwapError::CasFailed(now)),
        Err(Error::Told(error)) => WitResult::Err(SwapError::StoreError(error)),
        Err(Error::Failed(error)) => return Err(error),
    };
    call.reply(&result)
}
