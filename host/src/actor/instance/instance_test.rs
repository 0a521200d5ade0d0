use std::time::Duration;

use lattice_config::InstanceMode::{Fresh, Reuse};
use wasmtime::Trap;

use super::testing::{Actor, LONG, errand};
use crate::capability::http;
use crate::wire::Fault;

#[tokio::test]
async fn a_fresh_instance_serves_one_call() {
    let actor = Actor::start("misbehave", Fresh, 4).await;
    for _ in 0..3 {
        assert_eq!(actor.call("count", "[]").await.unwrap(), "1");
    }
    assert_eq!(actor.idle(), 0);
}

#[tokio::test]
async fn a_reused_instance_serves_as_many_calls_as_it_may_and_then_a_new_one_follows() {
    let actor = Actor::start("misbehave", Reuse(3), 4).await;
    for count in ["1", "2", "3", "1", "2", "3", "1"] {
        assert_eq!(actor.call("count", "[]").await.unwrap(), count);
    }
    assert_eq!(actor.idle(), 1);
}

#[tokio::test]
async fn calls_at_once_have_instances_of_their_own_and_no_more_wait_than_there_are_slots() {
    let actor = Actor::start("misbehave", Reuse(10), 2).await;
    let mut taken = Vec::new();
    for _ in 0..3 {
        taken.push(actor.instances.take(errand(LONG)).await.unwrap());
    }
    for instance in taken {
        actor.instances.give_back(instance);
    }
    assert_eq!(actor.idle(), 2);
    actor.instances.resize(1);
    assert_eq!(actor.idle(), 1);
}

#[tokio::test]
async fn after_a_trap_the_next_call_has_a_new_instance() {
    let actor = Actor::start("misbehave", Reuse(10), 4).await;
    assert_eq!(actor.call("count", "[]").await.unwrap(), "1");
    let fault = actor.call("panic", r#"["oh"]"#).await.unwrap_err();
    assert!(matches!(fault, Fault::Trap(_)), "{fault}");
    assert_eq!(actor.call("count", "[]").await.unwrap(), "1");
}

#[tokio::test]
async fn after_a_deadline_the_next_call_has_a_new_instance_and_its_own_deadline() {
    let actor = Actor::start("misbehave", Reuse(10), 4).await;
    assert_eq!(actor.call("count", "[]").await.unwrap(), "1");
    // The first call's deadline is far off: it must not be the one that counts.
    let fault = actor
        .call_within(Duration::from_millis(20), "spin", "[]")
        .await
        .unwrap_err();
    match fault {
        Fault::Trap(error) => assert_eq!(error.downcast_ref(), Some(&Trap::Interrupt)),
        other => panic!("{other}"),
    }
    assert_eq!(actor.call("count", "[]").await.unwrap(), "1");
    assert_eq!(actor.call("count", "[]").await.unwrap(), "2");
}

#[tokio::test]
async fn a_call_with_bad_arguments_gives_no_instance_back() {
    let actor = Actor::start("misbehave", Reuse(10), 4).await;
    let fault = actor.call("random", r#"["x"]"#).await.unwrap_err();
    assert!(matches!(fault, Fault::BadArguments(_)), "{fault}");
    assert_eq!(actor.idle(), 0);
}

#[tokio::test]
async fn a_dropped_call_leaves_no_instance() {
    let actor = Actor::start("misbehave", Reuse(10), 4).await;
    assert_eq!(actor.call("count", "[]").await.unwrap(), "1");
    {
        let call = std::pin::pin!(actor.call("sleep-ms", "[60000]"));
        // Once is enough: it has taken the instance, and waits in it.
        assert!(futures_util::poll!(call).is_pending());
        assert_eq!(actor.idle(), 0);
    }
    assert_eq!(actor.idle(), 0);
    assert_eq!(actor.call("count", "[]").await.unwrap(), "1");
}

#[tokio::test]
async fn what_a_guest_prints_leaves_its_tables_as_they_were() {
    let actor = Actor::start("misbehave", Reuse(1_000), 4).await;
    assert_eq!(actor.call("print", "[2, 10]").await.unwrap(), "null");
    let instance = actor.instances.take(errand(LONG)).await.unwrap();
    let first = instance.resources;
    actor.instances.give_back(instance);
    for _ in 0..50 {
        actor.call("print", "[2, 10]").await.unwrap();
    }
    let mut instance = actor.instances.take(errand(LONG)).await.unwrap();
    assert_eq!(instance.served, 52);
    assert_eq!(instance.store.data_mut().resources(), first);
}

#[tokio::test]
async fn an_instance_that_answered_http_whole_serves_the_next_request() {
    let actor = Actor::start("bad-http", Reuse(10), 4).await;
    for path in ["/status?code=418", "/big?n=300000", "/echo"] {
        let (response, kept) = actor.get(path).await.unwrap();
        assert!(response.status >= 200 && kept, "{path}");
        assert_eq!(actor.idle(), 1, "{path}");
    }
}

#[tokio::test]
async fn an_instance_that_failed_at_http_is_gone() {
    let actor = Actor::start("bad-http", Reuse(10), 4).await;
    for path in ["/trap", "/trap-late", "/never-set", "/error"] {
        actor.get("/status?code=200").await.unwrap();
        assert_eq!(actor.idle(), 1);
        let fault = actor.get(path).await.unwrap_err();
        assert!(
            !matches!(fault, http::Fault::BadRequest(_)),
            "{path}: {fault}"
        );
        assert_eq!(actor.idle(), 0, "{path}");
    }
}
