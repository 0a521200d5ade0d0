//! A host that is killed while keys are validated.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use lattice_tests::{Lattice, eventually};
use tokio::task::JoinSet;

use super::{ask, deploy, issue, validate};
use crate::program;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_host_makes_no_good_key_bad_and_the_other_goes_on_with_all_of_it() {
    let mut lattice = Lattice::start(program()).await;
    let _kept = lattice.machine("a", &["--label", "zone=a"]).await;
    let killed = lattice.machine("b", &[]).await;
    let address = deploy(&lattice, "require = { zone = \"a\" }").await;
    let key = issue(&lattice, "alice", 3600).await;
    let bad = validate(address, "nobody").await;
    assert_eq!(bad.status, 401);
    let clients = Clients::start(address, &key);
    clients.answered(50).await;
    killed.kill();
    eventually("the other host runs all of it", async || {
        let placement = lattice.placement("auth").await;
        if placement == [("a".to_owned(), 4)].into() {
            Ok(())
        } else {
            Err(placement)
        }
    })
    .await;
    clients.answered(50).await;
    let others = clients.end().await;
    // A call that the killed host had may be lost, and is said to be; it is never a verdict.
    let lost: BTreeSet<u16> = [502, 503, 504].into();
    assert!(others.is_subset(&lost), "{others:?}");
    for _ in 0..20 {
        let answer = validate(address, &key).await;
        assert_eq!(answer.status, 200, "once it has settled: {answer:?}");
    }
}

/// Four clients that validate one key without a pause.
struct Clients {
    stop: &'static AtomicBool,
    valid: &'static AtomicU64,
    all: JoinSet<BTreeSet<u16>>,
}

impl Clients {
    fn start(address: SocketAddr, key: &str) -> Self {
        // Leaked, so that tasks can hold them: a test is short.
        let stop: &AtomicBool = Box::leak(Box::default());
        let valid: &AtomicU64 = Box::leak(Box::default());
        let mut all = JoinSet::new();
        for _ in 0..4 {
            let head = format!("authorization: Bearer {key}\r\n");
            all.spawn(async move {
                let mut others = BTreeSet::new();
                while !stop.load(Ordering::Relaxed) {
                    let answer = ask(address, "POST /auth/validate", &head).await.unwrap();
                    if answer.status == 200 {
                        assert_eq!(answer.body["user_id"], "alice");
                        valid.fetch_add(1, Ordering::Relaxed);
                    } else {
                        others.insert(answer.status);
                    }
                }
                others
            });
        }
        Self { stop, valid, all }
    }

    /// Waits until the key was found good so many more times.
    async fn answered(&self, more: u64) {
        let wanted = self.valid.load(Ordering::Relaxed) + more;
        eventually("keys are validated", async || {
            let valid = self.valid.load(Ordering::Relaxed);
            if valid >= wanted { Ok(()) } else { Err(valid) }
        })
        .await;
    }

    /// Every status that was no 200.
    async fn end(self) -> BTreeSet<u16> {
        self.stop.store(true, Ordering::Relaxed);
        self.all.join_all().await.into_iter().flatten().collect()
    }
}
