//! The stores of this process do the same, whatever is asked of them in whatever order.

use bytes::Bytes;
use lattice_protocol::standard::keyvalue::{Number, Versioned};
use proptest::prelude::*;

use crate::bucket::Bucket;
use crate::file::{self, File};
use crate::memory::{self, Memory};
use crate::number::Delta;
use crate::store::{Error, Store, Swapped};

#[derive(Debug, Clone)]
enum Ask {
    Get(String),
    Set(String, Vec<u8>),
    Delete(String),
    Increment(String, i64),
    List,
    /// Names the version that was read last, of whatever key that was.
    Swap(String, Vec<u8>),
    Read(String),
}

#[derive(Debug, PartialEq)]
enum Told {
    Value(Result<Option<Bytes>, Error>),
    Done(Result<(), Error>),
    Sum(Result<Number, Error>),
    Keys(Vec<String>),
    Swapped(Result<Swapped, Error>),
    Read(Versioned),
}

fn asks() -> impl Strategy<Value = Vec<Ask>> {
    let key = || "[ab]|ä|";
    let value = || {
        prop_oneof![
            Just(b"7".to_vec()),
            prop::collection::vec(any::<u8>(), 0..4)
        ]
    };
    let ask = prop_oneof![
        key().prop_map(Ask::Get),
        (key(), value()).prop_map(|(key, value)| Ask::Set(key, value)),
        key().prop_map(Ask::Delete),
        (key(), -9i64..9).prop_map(|(key, by)| Ask::Increment(key, by)),
        Just(Ask::List),
        (key(), value()).prop_map(|(key, value)| Ask::Swap(key, value)),
        key().prop_map(Ask::Read),
    ];
    prop::collection::vec(ask, 1..30)
}

async fn answers(store: &dyn Store, asks: &[Ask]) -> Vec<Told> {
    let bucket = Bucket::of(None, "b").unwrap();
    let mut version = "0".to_owned();
    let mut answers = Vec::new();
    for ask in asks {
        answers.push(match ask.clone() {
            Ask::Get(key) => Told::Value(store.get(&bucket, &key).await),
            Ask::Set(key, value) => Told::Done(store.set(&bucket, &key, value.into()).await),
            Ask::Delete(key) => Told::Done(store.delete(&bucket, &key).await),
            Ask::Increment(key, by) => {
                let delta = Delta::new(by.into(), true).unwrap();
                Told::Sum(store.increment(&bucket, &key, delta).await)
            }
            Ask::List => Told::Keys(store.list_keys(&bucket, None).await.unwrap().keys),
            Ask::Swap(key, value) => {
                let swap = store.swap(&bucket, &key, &version, value.into());
                Told::Swapped(swap.await)
            }
            Ask::Read(key) => {
                let read = store.read(&bucket, &key).await.unwrap();
                version.clone_from(&read.version);
                Told::Read(read)
            }
        });
    }
    answers
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn a_file_and_memory_answer_alike(asks in asks()) {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("store");
            let file = File::open(&file::Config { path }).await.unwrap();
            let memory = Memory::new(&memory::Config::default());
            let of_memory = answers(&memory, &asks).await;
            prop_assert_eq!(answers(&file, &asks).await, of_memory);
            Ok(())
        })?;
    }
}
