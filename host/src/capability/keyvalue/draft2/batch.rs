//! Many keys in one call.
//!
//! The text of 0.2.0-draft2 changed its mind on what `get-many` gives without a new version: at
//! first each key *with* its value or nothing, later each key with its value or nothing beside it.
//! Components of both kinds are about, so each gets what it was built for.

use wasmtime::component::types::{ComponentInstance, ComponentItem, Type};
use wasmtime::component::{Linker, Resource};
use wasmtime::{Engine, StoreContextMut};

use super::{store, told};
use crate::capability::Guest;
use crate::capability::keyvalue::ask::KeyValue as Pair;
use crate::capability::keyvalue::{Bucket, Result as Asked};

type Store<'s> = StoreContextMut<'s, Guest>;
type Keys = (Resource<Bucket>, Vec<String>);
type Pairs = (Resource<Bucket>, Vec<Pair>);
/// What a call gives.
type Given<T> = wasmtime::Result<(Result<T, store::Error>,)>;

/// Defines the interface as this component was built for it.
pub(in crate::capability::keyvalue) fn define_batch(
    linker: &mut Linker<Guest>,
    engine: &Engine,
    import: &str,
    instance: &ComponentInstance,
) -> wasmtime::Result<()> {
    let mut batch = linker.instance(import)?;
    match pairs_are_optional(engine, instance) {
        true => batch.func_wrap_async("get-many", |mut guest: Store<'_>, (bucket, keys): Keys| {
            Box::new(async move { given(guest.data_mut().get_all(bucket, keys).await) })
        }),
        false => batch.func_wrap_async("get-many", |mut guest: Store<'_>, (bucket, keys): Keys| {
            Box::new(async move { given(values(guest.data_mut(), bucket, keys).await) })
        }),
    }?;
    batch.func_wrap_async(
        "set-many",
        |mut guest: Store<'_>, (bucket, pairs): Pairs| {
            Box::new(async move { given(guest.data_mut().set_all(bucket, pairs).await) })
        },
    )?;
    batch.func_wrap_async(
        "delete-many",
        |mut guest: Store<'_>, (bucket, keys): Keys| {
            Box::new(async move { given(guest.data_mut().delete_all(bucket, keys).await) })
        },
    )
}

async fn values(
    guest: &mut Guest,
    bucket: Resource<Bucket>,
    keys: Vec<String>,
) -> Asked<Vec<(String, Option<Vec<u8>>)>> {
    let found = guest.get_all(bucket, keys.clone()).await?;
    let values = found.into_iter().map(|pair| pair.map(|(_, value)| value));
    Ok(keys.into_iter().zip(values).collect())
}

fn given<T>(asked: Asked<T>) -> Given<T> {
    match asked {
        Ok(value) => Ok((Ok(value),)),
        Err(error) => Ok((Err(told(error)?),)),
    }
}

/// Whether `get-many` gives `option<tuple<…>>`, as it did at first.
fn pairs_are_optional(engine: &Engine, instance: &ComponentInstance) -> bool {
    let get_many = instance
        .exports(engine)
        .find(|(name, _)| *name == "get-many");
    let Some(ComponentItem::ComponentFunc(function)) = get_many.map(|(_, item)| item.ty) else {
        return false;
    };
    let Some(Type::Result(result)) = function.results().next() else {
        return false;
    };
    let Some(Type::List(list)) = result.ok() else {
        return false;
    };
    matches!(list.ty(), Type::Option(_))
}
