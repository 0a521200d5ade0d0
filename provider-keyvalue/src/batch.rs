//! Many keys in one call. Not atomic, as the interface says: a failure may leave a part done.

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use lattice_protocol::standard::keyvalue::Pair;

use crate::bucket::Bucket;
use crate::store::{Error, Store};

/// The most keys of one call: their names alone then fit a message at the longest.
const KEYS_MAX: usize = 1000;
/// How many of a call's keys are worked on at once: hides the store's latency, and leaves room for
/// other calls on the same connection.
const AT_ONCE: usize = 32;

/// Reads many values, in the order of the keys.
pub(crate) async fn get_many(
    store: &dyn Store,
    bucket: &Bucket,
    keys: Vec<String>,
) -> Result<Vec<Option<Pair>>, Error> {
    check(keys.len())?;
    stream::iter(keys)
        .map(|key| async move {
            let value = store.get(bucket, &key).await?;
            Ok(value.map(|value| Pair(key, value)))
        })
        .buffered(AT_ONCE)
        .try_collect()
        .await
}

/// Writes many values. Of a key that is given twice, the last value counts.
pub(crate) async fn set_many(
    store: &dyn Store,
    bucket: &Bucket,
    pairs: Vec<Pair>,
) -> Result<(), Error> {
    check(pairs.len())?;
    stream::iter(last_of_each(pairs))
        .map(|Pair(key, value)| async move { store.set(bucket, &key, value).await })
        .buffer_unordered(AT_ONCE)
        .try_collect()
        .await
}

/// Removes many keys.
pub(crate) async fn delete_many(
    store: &dyn Store,
    bucket: &Bucket,
    keys: Vec<String>,
) -> Result<(), Error> {
    check(keys.len())?;
    stream::iter(keys)
        .map(|key| async move { store.delete(bucket, &key).await })
        .buffer_unordered(AT_ONCE)
        .try_collect()
        .await
}

/// Writes run at once, so two of one key could end in either order.
fn last_of_each(mut pairs: Vec<Pair>) -> Vec<Pair> {
    pairs.reverse();
    let mut seen = std::collections::HashSet::new();
    pairs.retain(|Pair(key, _)| seen.insert(key.clone()));
    pairs
}

fn check(keys: usize) -> Result<(), Error> {
    match keys {
        0..=KEYS_MAX => Ok(()),
        _ => Err(Error::refused(format!(
            "{keys} keys in one call: at most {KEYS_MAX} are taken"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_key_given_twice_the_last_value_is_written() {
        let pair = |key: &str, value: &'static str| Pair(key.into(), value.into());
        let mut pairs = last_of_each(vec![pair("a", "1"), pair("b", "2"), pair("a", "3")]);
        pairs.sort_by(|Pair(a, _), Pair(b, _)| a.cmp(b));
        assert_eq!(pairs, [pair("a", "3"), pair("b", "2")]);
    }

    #[test]
    fn a_batch_is_bounded() {
        assert!(check(KEYS_MAX).is_ok());
        assert!(check(KEYS_MAX + 1).is_err());
    }
}
