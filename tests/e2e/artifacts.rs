//! Components in the lattice: whatever is listed can be read whole, whoever pushes and removes at once.

use std::time::Duration;

use async_nats::jetstream::message::PublishMessage;
use futures_util::future::join_all;
use lattice_client::{Artifacts, Record, Records, Stored, Swept};
use lattice_protocol::digest::Digest;
use lattice_protocol::id::{BytesId, LatticeId};
use lattice_protocol::subject;
use lattice_tests::Lattice;
use serde_json::{Value, json};

use crate::program;

/// Of more than one chunk.
const SIZE: usize = 300_000;
static BYTES: [u8; SIZE] = [7; SIZE];
/// A component is old past this.
const GRACE: Duration = Duration::from_secs(600);

async fn artifacts() -> (Lattice, Artifacts) {
    let lattice = Lattice::start(program()).await;
    let artifacts = lattice.client().artifacts().await.unwrap();
    (lattice, artifacts)
}

/// It can be read. Who reads what has no bytes waits for them.
async fn assert_whole(artifacts: &Artifacts, digest: &Digest, what: &str) {
    let pulled = tokio::time::timeout(Duration::from_secs(10), artifacts.pull(digest)).await;
    let pulled = pulled.unwrap_or_else(|_| panic!("{what}: it is listed without bytes"));
    assert_eq!(pulled.expect(what), BYTES, "{what}");
}

/// The steps of a push and of a removal, each with what the ones before it have read.
#[derive(Default)]
struct Both {
    pushed: Option<(Record, bool)>,
    removed: Option<Record>,
    /// Who changed it last.
    last: Option<&'static str>,
    is_pushed: bool,
}

impl Both {
    async fn push(&mut self, artifacts: &Artifacts, digest: &Digest) {
        let records = artifacts.records();
        let Some((record, is_whole)) = &self.pushed else {
            let record = records.find(digest).await.unwrap();
            let size = SIZE as u64;
            let is_whole = records.is_whole(&record, size).await.unwrap();
            self.pushed = Some((record, is_whole));
            return;
        };
        self.is_pushed = match is_whole {
            true => records.renew(record).await.unwrap(),
            false => records.put(record, &BYTES).await.unwrap(),
        };
        if self.is_pushed {
            self.last = Some("push");
        }
    }

    async fn remove(&mut self, artifacts: &Artifacts, digest: &Digest, step: usize) {
        let records = artifacts.records();
        match (step, &self.removed) {
            (0, _) => self.removed = Some(records.find(digest).await.unwrap()),
            (1, Some(record)) => {
                if records.bury(record).await.unwrap() {
                    self.last = Some("removal");
                } else {
                    self.removed = None;
                }
            }
            (_, Some(record)) => records.purge(record).await.unwrap(),
            // Another came first: a removal that was not taken removes nothing.
            (_, None) => {}
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_whatever_order_the_steps_of_a_push_and_a_removal_fall_what_is_listed_is_whole() {
    let (_lattice, artifacts) = artifacts().await;
    let digest = Digest::of(&BYTES);
    // Which of the five steps are the push's: every choice of two.
    let orders = (0..32_u32).filter(|order| order.count_ones() == 2);
    for (order, was_there) in orders.flat_map(|order| [(order, true), (order, false)]) {
        artifacts.delete(&digest).await.unwrap();
        if was_there {
            artifacts.push(&BYTES).await.unwrap();
        }
        let mut both = Both::default();
        let mut removals = 0;
        for step in 0..5 {
            if order & (1 << step) != 0 {
                both.push(&artifacts, &digest).await;
            } else {
                both.remove(&artifacts, &digest, removals).await;
                removals += 1;
            }
        }
        let what = format!("order {order:05b}, there before: {was_there}");
        if !both.is_pushed {
            // As `push` goes on when another came first.
            artifacts.push(&BYTES).await.unwrap();
            both.last = Some("push");
        }
        let is_stored = artifacts.size(&digest).await.unwrap().is_some();
        assert_eq!(is_stored, both.last == Some("push"), "{what}");
        if is_stored {
            assert_whole(&artifacts, &digest, &what).await;
        }
    }
}

/// The steps of a push, and of a sweep of the bytes that no record names, each with what the ones before it
/// have read.
#[derive(Default)]
struct PushAndSweep {
    read: Option<Record>,
    stored: Option<Stored>,
    is_named: bool,
    unnamed: Vec<BytesId>,
    found: Option<Record>,
    is_forestalled: bool,
}

impl PushAndSweep {
    async fn push(&mut self, records: &Records, digest: &Digest) {
        match (&self.read, &self.stored) {
            (None, _) => self.read = Some(records.find(digest).await.unwrap()),
            (Some(read), None) => self.stored = Some(records.store(read, &BYTES).await.unwrap()),
            (Some(read), Some(stored)) => self.is_named = records.name(read, stored).await.unwrap(),
        }
    }

    async fn sweep(&mut self, records: &Records, digest: &Digest, step: usize) {
        match (step, &self.found, self.unnamed.first()) {
            (0, ..) => self.unnamed = records.unnamed().await.unwrap().into_keys().collect(),
            (1, _, Some(id)) => {
                let record = records.find(digest).await.unwrap();
                self.found = (record.named().as_ref() != Some(id)).then_some(record);
            }
            (2, Some(found), Some(id)) => {
                self.is_forestalled = records.forestall(found, id).await.unwrap();
            }
            (3, _, Some(id)) if self.is_forestalled => records.purge_bytes(id).await.unwrap(),
            // There was nothing to sweep, or a push came first.
            _ => {}
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_whatever_order_the_steps_of_a_push_and_a_sweep_fall_a_component_that_is_listed_is_whole()
 {
    let (_lattice, artifacts) = artifacts().await;
    let (digest, records) = (Digest::of(&BYTES), artifacts.records());
    let mut forestalled = 0;
    // Which of the seven steps are the push's: every choice of three.
    let orders = (0..128_u32).filter(|order| order.count_ones() == 3);
    for order in orders {
        artifacts.delete(&digest).await.unwrap();
        let mut both = PushAndSweep::default();
        let mut sweeps = 0;
        for step in 0..7 {
            if order & (1 << step) != 0 {
                both.push(records, &digest).await;
            } else {
                both.sweep(records, &digest, sweeps).await;
                sweeps += 1;
            }
        }
        let what = format!("order {order:07b}");
        assert_eq!(
            artifacts.size(&digest).await.unwrap().is_some(),
            both.is_named,
            "{what}"
        );
        if !both.is_named {
            forestalled += 1;
            // As `push` goes on when another came first.
            artifacts.push(&BYTES).await.unwrap();
        }
        assert_whole(&artifacts, &digest, &what).await;
        assert_eq!(records.unnamed().await.unwrap(), [].into(), "{what}");
    }
    assert!(forestalled > 0, "none met a sweep");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_bytes_that_the_lattice_stored_are_swept_and_those_of_a_component_stay() {
    let (lattice, artifacts) = artifacts().await;
    let (digest, records) = (artifacts.push(&BYTES).await.unwrap(), artifacts.records());
    let read = records.find(&digest).await.unwrap();
    records.store(&read, &BYTES).await.unwrap();
    let id = LatticeId::default();
    let others: BytesId = "others".parse().unwrap();
    let jetstream = async_nats::jetstream::new(lattice.plain().clone());
    let subject = subject::artifact_bytes(&id, &others);
    let sent = jetstream.publish(subject, "a".into()).await.unwrap();
    sent.await.unwrap();
    let unnamed = records.unnamed().await.unwrap();
    assert_eq!(unnamed.len(), 2, "{unnamed:?}");
    for id in unnamed.keys() {
        let swept = match *id == others {
            true => Swept::Foreign,
            false => Swept::Removed,
        };
        assert_eq!(artifacts.sweep(id).await.unwrap(), swept);
    }
    let named = read.named().unwrap();
    assert_eq!(artifacts.sweep(&named).await.unwrap(), Swept::Named);
    assert_eq!(records.unnamed().await.unwrap(), [(others, 1)].into());
    assert_whole(&artifacts, &digest, "after the sweep").await;
}

/// Makes a stored component look as if it was pushed years ago, with the bytes that it has.
async fn age(lattice: &Lattice, digest: &Digest) {
    record(lattice, digest, |record| {
        record["mtime"] = json!("2020-01-01T00:00:00Z");
        record["description"] = Value::Null;
    })
    .await;
}

/// Changes the record of a component as nobody should.
async fn record(lattice: &Lattice, digest: &Digest, change: impl FnOnce(&mut Value)) {
    let id = LatticeId::default();
    let jetstream = async_nats::jetstream::new(lattice.plain().clone());
    let stream = jetstream.get_stream(subject::artifact_stream(&id)).await;
    let subject = subject::artifact_record(&id, digest);
    let last = stream.unwrap();
    let last = last.get_last_raw_message_by_subject(&subject).await;
    let mut record: Value = serde_json::from_slice(&last.unwrap().payload).unwrap();
    change(&mut record);
    let message = PublishMessage::build()
        .payload(record.to_string().into())
        .header("Nats-Rollup", "sub");
    let sent = jetstream.send_publish(subject, message).await.unwrap();
    sent.await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_pushes_while_others_collect_can_read_what_was_pushed() {
    const ROUNDS: usize = 60;
    const PUSHES: usize = 4;
    const COLLECTIONS: usize = 3;
    let (lattice, artifacts) = artifacts().await;
    let digest = artifacts.push(&BYTES).await.unwrap();
    let (mut removed, mut kept) = (0, 0);
    for round in 0..ROUNDS {
        age(&lattice, &digest).await;
        let pushes = (0..PUSHES).map(|number| {
            let (artifacts, digest) = (artifacts.clone(), digest.clone());
            tokio::spawn(async move {
                artifacts.push(&BYTES).await.unwrap();
                let what = format!("round {round}, push {number}");
                assert_whole(&artifacts, &digest, &what).await;
            })
        });
        let collections = (0..COLLECTIONS).map(|_| {
            let (artifacts, digest) = (artifacts.clone(), digest.clone());
            tokio::spawn(async move { artifacts.delete_older(&digest, GRACE).await.unwrap() })
        });
        let (pushes, collections): (Vec<_>, Vec<_>) = (pushes.collect(), collections.collect());
        for push in join_all(pushes).await {
            push.unwrap();
        }
        let collections = join_all(collections).await.into_iter();
        let collections = collections.filter(|done| *done.as_ref().unwrap()).count();
        assert!(collections <= 1, "it was removed once: {collections}");
        removed += collections;
        kept += 1 - collections;
    }
    eprintln!("{ROUNDS} rounds: the collection came first in {removed}, a push in {kept}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_component_that_lost_its_bytes_or_has_others_is_whole_once_it_is_pushed_again() {
    let (lattice, artifacts) = artifacts().await;
    let digest = artifacts.push(&BYTES).await.unwrap();
    record(&lattice, &digest, |record| record["nuid"] = json!("lost")).await;
    artifacts.push(&BYTES).await.unwrap();
    assert_whole(&artifacts, &digest, "without bytes").await;

    let jetstream = async_nats::jetstream::new(lattice.plain().clone());
    let bucket = subject::artifact_bucket(&LatticeId::default());
    let store = jetstream.get_object_store(bucket).await.unwrap();
    let mut others: &[u8] = &[8; SIZE];
    store.put(digest.hex(), &mut others).await.unwrap();
    assert!(artifacts.pull(&digest).await.is_err(), "they are others");
    artifacts.push(&BYTES).await.unwrap();
    assert_whole(&artifacts, &digest, "with other bytes").await;
}
