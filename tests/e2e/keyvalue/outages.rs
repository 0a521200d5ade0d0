//! Stores that are killed: calls are told so, nothing hangs, and nothing that was answered is lost.

use std::process::Command;

use futures_util::future::join_all;
use lattice_tests::eventually;

use super::bucket::Stores;
use super::counters::Tally;

const ADDERS: usize = 8;
const GET: &str = "lattice.default.call.redis.wasi:keyvalue/store.bucket.get";
const SET: &str = "lattice.default.call.redis.wasi:keyvalue/store.bucket.set";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_is_away_is_told_as_unavailable_and_is_found_again() {
    let mut stores = Stores::start().await;
    let set = r#"["b","k",[118]]"#;
    let written = stores.lattice.request(SET, set).await;
    assert_eq!(written.text(), r#"{"ok":null}"#);
    stores.redis.kill().await;
    for (subject, arguments) in [(GET, r#"["b","k"]"#), (SET, set)] {
        let failure = stores.lattice.request(subject, arguments).await.failure();
        assert!(failure.is("unavailable", 503), "{failure:?}");
        assert!(failure.message.contains("redis"), "{failure:?}");
    }
    // Once it is known to be away, certainly nothing is done.
    let failure = stores.lattice.request(SET, set).await.failure();
    assert_eq!(failure.executed, "no", "{failure:?}");
    stores.redis.start_again().await;
    let found = stores.lattice.request(GET, r#"["b","k"]"#).await;
    assert_eq!(found.text(), r#"{"ok":"dg=="}"#);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_falls_silent_holds_no_call_up_and_is_asked_again_once_it_speaks() {
    let mut stores = Stores::start().await;
    let set = r#"["b","k",[118]]"#;
    stores.lattice.request(SET, set).await.text();
    stores.redis.freeze();
    // On the connection that is there, and then on the way to a new one.
    for executed in ["maybe", "no"] {
        let failure = stores.lattice.request(SET, set).await.failure();
        assert!(failure.is("unavailable", 503), "{failure:?}");
        assert_eq!(failure.executed, executed, "{failure:?}");
    }
    stores.redis.thaw();
    let found = stores.lattice.request(GET, r#"["b","k"]"#).await;
    assert_eq!(found.text(), r#"{"ok":"dg=="}"#);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_answered_increment_is_counted_though_redis_is_killed() {
    let mut stores = Stores::none().await;
    stores.spread().await;
    let client = stores.lattice.plain().clone();
    let tally = Tally::of("redis");
    let adders = join_all((0..ADDERS).map(|_| tally.keep_adding(&client)));
    let kills = async {
        for _ in 0..3 {
            tally.until_answered(50).await;
            stores.redis.start_again().await;
        }
        tally.until_answered(50).await;
        tally.stop();
    };
    tokio::join!(adders, kills);
    tally.agrees(&stores.lattice).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_answered_increment_is_counted_though_the_process_with_the_file_is_killed() {
    let stores = Stores::start().await;
    let lattice = &stores.lattice;
    let client = lattice.plain().clone();
    let tally = Tally::of("file");
    let adders = join_all((0..ADDERS).map(|_| tally.keep_adding(&client)));
    let kills = async {
        for _ in 0..2 {
            tally.until_answered(50).await;
            let pid = lattice.provider_pid("file").await;
            let kill = Command::new("kill").args(["-9", &pid.to_string()]).status();
            assert!(kill.unwrap().success());
            eventually("it runs anew", async || {
                match lattice.provider_pid("file").await {
                    other if other != pid => Ok(()),
                    same => Err(same),
                }
            })
            .await;
        }
        tally.until_answered(50).await;
        tally.stop();
    };
    tokio::join!(adders, kills);
    tally.agrees(lattice).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_process_that_wants_the_file_is_refused_and_says_why() {
    let stores = Stores::start().await;
    let lattice = &stores.lattice;
    let events = lattice.events().await;
    let config = stores.config("file");
    let second =
        format!("name = \"more\"\n[provider.second]\nkind = \"keyvalue\"\nconfig = {config}\n");
    lattice.try_apply(&second).await.unwrap();
    let crashed = events.of("provider.crashed", "provider/second").await;
    let said = crashed["data"]["lines"].to_string();
    assert!(said.contains("is in use by another process"), "{crashed}");
    // The first is none the worse for it.
    let set = SET.replace("redis", "file");
    let written = lattice.request(&set, r#"["b","k",[118]]"#).await;
    assert_eq!(written.text(), r#"{"ok":null}"#);
}
