//! The file: kept, locked, killed.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use futures_util::FutureExt as _;
use futures_util::future::join_all;

use super::*;
use crate::watch::{Changes, Observable as _, OwnWrites, Watch};

/// Names the file of a process that only writes.
const WRITES_TO: &str = "KEYVALUE_TEST_WRITES_TO";

async fn at(path: &Path) -> Result<File, String> {
    let path = path.to_owned();
    File::open(&Config { path }).await
}

fn bucket() -> Bucket {
    Bucket::of(None, "b").unwrap()
}

fn one() -> Delta {
    Delta::new(1u64.into(), false).unwrap()
}

#[tokio::test]
async fn what_was_written_is_there_after_it_was_closed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("new/folder/store");
    let file = at(&path).await.unwrap();
    file.set(&bucket(), "k", "v".into()).await.unwrap();
    assert_eq!(file.increment(&bucket(), "n", one()).await, Ok(1u64.into()));
    file.stop().await;
    drop(file);
    let file = at(&path).await.unwrap();
    assert_eq!(file.get(&bucket(), "k").await, Ok(Some("v".into())));
    assert_eq!(file.increment(&bucket(), "n", one()).await, Ok(2u64.into()));
}

#[tokio::test]
async fn a_second_one_is_refused_while_the_first_has_it_open_and_told_why() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store");
    let first = at(&path).await.unwrap();
    let refused = at(&path).await.err().unwrap();
    assert!(refused.contains("in use by another process"), "{refused}");
    first.stop().await;
    assert!(at(&path).await.is_ok());
}

#[tokio::test]
async fn what_is_no_store_is_refused_and_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store");
    std::fs::write(&path, "a letter").unwrap();
    let refused = at(&path).await.err().unwrap();
    assert!(refused.contains("failed to open"), "{refused}");
    assert_eq!(std::fs::read(&path).unwrap(), b"a letter");
    assert!(at(folder.path()).await.is_err());
}

#[tokio::test]
async fn once_stopped_it_takes_nothing_more() {
    let folder = tempfile::tempdir().unwrap();
    let file = at(&folder.path().join("store")).await.unwrap();
    let waiting = join_all((0..100).map(|_| async {
        let (bucket, one) = (bucket(), one());
        file.increment(&bucket, "n", one).await
    }));
    let (answers, ()) = tokio::join!(waiting, async {
        tokio::task::yield_now().await;
        file.stop().await;
    });
    assert!(answers.iter().any(Result::is_ok));
    let refused = file.set(&bucket(), "k", "v".into()).await.unwrap_err();
    let Error::Failed(refused) = refused else {
        panic!("{refused:?}")
    };
    assert!(refused.message.contains("closed"), "{refused:?}");
}

#[tokio::test]
async fn a_swap_takes_place_once_for_each_version() {
    let folder = tempfile::tempdir().unwrap();
    let file = at(&folder.path().join("store")).await.unwrap();
    let none = file.read(&bucket(), "k").await.unwrap();
    assert_eq!((&*none.version, none.value), ("0", None));
    let bucket = bucket();
    let swaps = (0..16).map(|at| file.swap(&bucket, "k", "0", at.to_string().into()));
    let swaps = join_all(swaps).await;
    let done = swaps.iter().filter(|swap| **swap == Ok(Swapped::Done));
    assert_eq!(done.count(), 1);
    assert!(file.swap(&bucket, "k", "one", "v".into()).await.is_err());
}

/// Not a test of its own: the process that the next one kills.
#[test]
fn a_process_that_only_writes() {
    let Some(path) = std::env::var_os(WRITES_TO) else {
        return;
    };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let file = at(Path::new(&path)).await.unwrap();
        let adders = (0..8).map(|_| async {
            loop {
                let sum = file.increment(&bucket(), "n", one()).await.unwrap();
                // A line is written whole, and only once the sum was answered.
                use std::io::Write as _;
                writeln!(std::io::stdout(), "sum {sum}").unwrap();
            }
        });
        join_all(adders).await;
    });
}

#[tokio::test]
async fn nothing_that_was_answered_is_lost_when_the_process_is_killed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store");
    let mut highest = 0;
    for _ in 0..3 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "file::file_test::a_process_that_only_writes"])
            .arg("--nocapture")
            .env(WRITES_TO, &path)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut answered = 0;
        for line in lines.map_while(Result::ok) {
            let Some((_, sum)) = line.rsplit_once("sum ") else {
                continue;
            };
            highest = highest.max(sum.parse::<u64>().unwrap_or(0));
            answered += 1;
            if answered == 200 {
                child.kill().unwrap();
            }
        }
        child.wait().unwrap();
        assert!(answered >= 200, "it wrote {answered}");
        let file = at(&path).await.unwrap();
        let found = file.get(&bucket(), "n").await.unwrap().unwrap();
        let found: u64 = std::str::from_utf8(&found).unwrap().parse().unwrap();
        assert!(found >= highest, "{found} of {highest}");
        file.stop().await;
    }
}

/// What a watch of the bucket is told next.
async fn told(changes: &mut dyn Changes) -> Option<Bytes> {
    changes.next().await.unwrap().value
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_whose_caller_goes_away_while_it_is_committed_is_told_once_it_is_done() {
    let folder = tempfile::tempdir().unwrap();
    let file = at(&folder.path().join("store")).await.unwrap();
    let database = file.database.clone();
    let waiting = file.writer.count();
    let store = OwnWrites::new(file);
    store.set(&bucket(), "k", "0".into()).await.unwrap();
    let mut changes = store.changes(&Watch {
        actor: "a".parse().unwrap(),
        link: "default".parse().unwrap(),
        bucket: bucket(),
        prefix: String::new(),
    });
    // One that is dropped before its turn writes nothing: then it is tried again.
    for number in 1.. {
        let value = Bytes::from(number.to_string());
        // The commit waits for this one, like for a slow disk.
        let held = database.open().unwrap().begin_write().unwrap();
        let bucket = bucket();
        let mut write = Box::pin(store.set(&bucket, "k", value.clone()));
        assert!((&mut write).now_or_never().is_none());
        while waiting() > 0 {
            tokio::task::yield_now().await;
        }
        drop(write);
        assert_eq!(told(&mut *changes).await, Some("0".into()));
        held.abort().unwrap();
        // Whatever comes after it is written after it.
        store.set(&bucket, "other", "x".into()).await.unwrap();
        let first = changes.next().await.unwrap();
        match store.get(&bucket, "k").await.unwrap() {
            Some(now) if now == value => {
                assert_eq!((first.key.as_str(), first.value), ("k", Some(value)));
                assert_eq!(changes.next().await.unwrap().key, "other");
                break;
            }
            _ => assert_eq!(first.key, "other"),
        }
    }
    store.stop().await;
}
