use std::sync::{LazyLock, OnceLock};
use std::time::Duration;

use futures_util::future::join_all;
use lattice_config::InstanceMode::{self, Fresh, Reuse};
use lattice_config::Link;
use lattice_protocol::error::{CallError, ErrorCode};
use lattice_protocol::id::ActorName;
use tokio::sync::{Barrier, Semaphore};

use super::Ended;
use super::testing::{Actor, component, engine};
use crate::capability::{Imports, Waiting, testing};
use crate::link::LinkTable;

/// How many calls an instance serves at once.
const AT_ONCE: usize = 16;

/// An actor whose waiter is answered by `answer`.
async fn actor(mode: InstanceMode, answer: fn(Vec<u8>) -> testing::Reply) -> Actor {
    let component = component("async-echo").await;
    let imports = Imports::new(engine().wasm()).unwrap();
    let linked = testing::link(&imports, &component, "lattice:async-echo/waiter", answer);
    Actor::of(&component, linked, mode, 64)
}

/// The one argument is the result.
fn same(arguments: &[u8]) -> Vec<u8> {
    arguments[1..].to_vec()
}

fn at_once(arguments: Vec<u8>) -> testing::Reply {
    Box::pin(async move { Ok(same(&arguments)) })
}

/// Answers "fail" with an error, "stay" never, and the rest at once.
fn as_asked(arguments: Vec<u8>) -> testing::Reply {
    Box::pin(async move {
        match &arguments[2..] {
            b"fail" => Err(CallError::refused(ErrorCode::Unavailable, "nobody there")),
            b"stay" => std::future::pending().await,
            _ => Ok(same(&arguments)),
        }
    })
}

#[tokio::test]
async fn async_functions_take_and_give_every_shape_of_result() {
    let wide = r#"{"a":"x","b":"AQI=","c":7,"d":null}"#;
    let fresh = actor(Fresh, at_once).await;
    let shared = actor(Reuse(100), at_once).await;
    for (function, arguments, result) in [
        ("echo", r#"["héllo"]"#, r#""héllo""#),
        ("number", "[18446744073709551615]", "18446744073709551615"),
        ("pair", r#"[[7,"x"]]"#, r#"[7,"x"]"#),
        ("swap", &format!("[{wide}]"), wide),
        ("nothing", "[]", "null"),
    ] {
        assert_eq!(fresh.call(function, arguments).await.unwrap(), result);
        assert_eq!(shared.share(function, arguments).await.unwrap(), result);
    }
    assert_eq!(fresh.call("count", "[]").await.unwrap(), "1");
}

#[tokio::test]
async fn an_async_import_goes_through_its_link() {
    let component = component("async-echo").await;
    let imports = Imports::new(engine().wasm()).unwrap();
    let source: ActorName = "tested".parse().unwrap();
    let none = LinkTable::new(source.clone(), Vec::new());
    let refusal = imports
        .link(&component, &none, &OnceLock::new())
        .err()
        .unwrap()
        .to_string();
    assert!(refusal.contains("lattice:async-echo/waiter"), "{refusal}");
    let interface = "lattice:async-echo".parse().unwrap();
    let links = LinkTable::new(
        source,
        vec![Link::new(interface, "waiter".parse().unwrap())],
    );
    let linked = imports.link(&component, &links, &OnceLock::new()).unwrap();
    assert_eq!(linked.waiting, Waiting::Alone);
    // There is no way out of this test: what comes back says who was to be called.
    let actor = Actor::of(&component, linked, Reuse(10), 4);
    let Err(Ended::Import(failed)) = actor.share("echo", r#"["x"]"#).await else {
        panic!("the import was answered");
    };
    assert!(failed.to_string().starts_with("the call to waiter failed"));
}

#[tokio::test]
async fn sixteen_calls_that_wait_for_an_import_are_in_one_instance_at_once() {
    static ALL: LazyLock<Barrier> = LazyLock::new(|| Barrier::new(AT_ONCE));
    let actor = actor(Reuse(1_000), |arguments| {
        Box::pin(async move {
            ALL.wait().await;
            Ok(same(&arguments))
        })
    })
    .await;
    let calls = (0..AT_ONCE).map(|_| actor.share("together", r#"["x"]"#));
    for result in join_all(calls).await {
        assert_eq!(result.unwrap(), "[16,16]");
    }
    assert_eq!(actor.shared().open(), 1);
}

#[tokio::test]
async fn a_call_more_than_an_instance_takes_at_once_has_another_one() {
    static GO: Semaphore = Semaphore::const_new(0);
    let actor = actor(Reuse(1_000), |arguments| {
        Box::pin(async move {
            let _ = GO.acquire().await;
            Ok(same(&arguments))
        })
    })
    .await;
    let calls = (0..=AT_ONCE).map(|_| actor.begin("together", r#"["x"]"#));
    let calls: Vec<_> = calls.collect();
    assert_eq!(actor.shared().open(), 2);
    GO.add_permits(1);
    assert!(
        join_all(calls.into_iter().map(|call| call.answer()))
            .await
            .iter()
            .all(Result::is_ok)
    );
}

#[tokio::test]
async fn an_instance_serves_no_more_calls_than_it_may() {
    let actor = actor(Reuse(2), at_once).await;
    for begun in ["[1,1]", "[2,1]", "[1,1]", "[2,1]"] {
        assert_eq!(actor.share("together", r#"["x"]"#).await.unwrap(), begun);
    }
}

#[tokio::test]
async fn a_trap_ends_every_call_in_the_instance_and_the_next_has_a_new_one() {
    let actor = actor(Reuse(1_000), as_asked).await;
    let waiting = actor.begin("together", r#"["stay"]"#);
    let trapped = actor.begin("panic", r#"["oh"]"#);
    for call in [waiting, trapped] {
        let ended = call.answer().await.unwrap_err();
        assert!(matches!(ended, Ended::Trapped { .. }), "{ended:?}");
    }
    assert_eq!(actor.share("together", r#"["x"]"#).await.unwrap(), "[1,1]");
}

#[tokio::test]
async fn an_import_that_fails_ends_its_own_call_and_no_other() {
    let actor = actor(Reuse(1_000), as_asked).await;
    let failed = actor.begin("echo", r#"["fail"]"#);
    let other = actor.begin("together", r#"["x"]"#);
    match failed.answer().await.unwrap_err() {
        Ended::Import(failed) => assert_eq!(failed.error().code, ErrorCode::Unavailable),
        ended => panic!("{ended:?}"),
    }
    assert!(other.answer().await.is_ok());
    // Its work is still in there, so nobody else comes in.
    assert_eq!(actor.shared().open(), 0);
}

#[tokio::test]
async fn a_call_that_is_given_up_leaves_the_others_and_then_the_instance_goes() {
    static GO: Semaphore = Semaphore::const_new(0);
    let actor = actor(Reuse(1_000), |arguments| {
        Box::pin(async move {
            let _ = GO.acquire().await;
            Ok(same(&arguments))
        })
    })
    .await;
    let kept = actor.begin("together", r#"["x"]"#);
    let given_up = actor.begin("together", r#"["x"]"#);
    tokio::task::yield_now().await;
    drop(given_up);
    assert_eq!(actor.shared().open(), 0);
    GO.add_permits(1);
    assert!(kept.answer().await.is_ok());
    assert_eq!(actor.share("together", r#"["x"]"#).await.unwrap(), "[1,1]");
}

#[tokio::test]
async fn a_guest_that_spins_is_ended_when_its_call_is_given_up() {
    static WAITING: Semaphore = Semaphore::const_new(0);
    let actor = actor(Reuse(1_000), |arguments| {
        if arguments.ends_with(b"stay") {
            WAITING.add_permits(1);
        }
        as_asked(arguments)
    })
    .await;
    let waiting = actor.begin("together", r#"["stay"]"#);
    let spinning = actor.begin("spin", "[]");
    let _ = WAITING.acquire().await;
    until_restless().await;
    drop(spinning);
    assert!(matches!(waiting.answer().await, Err(Ended::Stuck)));
    assert_eq!(actor.share("together", r#"["x"]"#).await.unwrap(), "[1,1]");
}

/// Returns once a guest computes on: then this thread, which is alone, always has something to do.
async fn until_restless() {
    let thread = tokio::runtime::Handle::current().metrics();
    loop {
        let rests = thread.worker_park_count(0);
        tokio::time::sleep(Duration::from_millis(10)).await;
        if thread.worker_park_count(0) == rests {
            return;
        }
    }
}

#[tokio::test]
async fn a_dropped_actor_leaves_no_task() {
    let actor = actor(Reuse(1_000), as_asked).await;
    assert!(actor.share("number", "[1]").await.is_ok());
    let waiting = actor.begin("echo", r#"["stay"]"#);
    drop((actor, waiting));
    let tasks = tokio::runtime::Handle::current().metrics();
    while tasks.num_alive_tasks() > 0 {
        tokio::task::yield_now().await;
    }
}
