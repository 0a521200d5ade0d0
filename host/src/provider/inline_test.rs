use std::future::pending;

use bytes::Bytes;
use lattice_client::stream::Streams;
use lattice_protocol::call::Context;

use super::*;

fn kind<F>(run: impl Fn(Start) -> F + Send + Sync + 'static) -> Kind
where
    F: Future<Output = Result<(), String>> + Send + 'static,
{
    Arc::new(move |start| run(start).boxed())
}

fn start(kind: &Kind, doors: &Doors, process: &str) -> Task {
    let client = lattice_client::Options {
        nats: "nats://nowhere".into(),
        creds: None,
        lattice: "test".parse().unwrap(),
        name: "h1".into(),
    };
    let (name, process) = ("kv".parse().unwrap(), process.parse().unwrap());
    Task::start(kind, doors, &name, &process, client, &Around::nothing())
}

fn direct() -> Direct {
    Arc::new(|call: Call| async move { Ok(Reply::from(call.payload)) }.boxed())
}

fn call() -> Call {
    Call {
        target: "kv".parse().unwrap(),
        endpoint: "get".parse().unwrap(),
        context: Context::default(),
        payload: Bytes::from_static(b"[1]"),
        streams: Streams::default(),
    }
}

/// Takes calls until it is told to stop.
fn serves() -> Kind {
    kind(async |start: Start| {
        (start.open)(direct());
        start.stop.cancelled().await;
        Ok(())
    })
}

async fn until_open(doors: &Doors) -> Direct {
    loop {
        if let Some(direct) = doors.of("kv") {
            return direct;
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn its_door_is_open_while_it_takes_calls_and_closed_once_it_is_told_to_stop() {
    let doors = Doors::default();
    let mut task = start(&serves(), &doors, "p1");
    let direct = until_open(&doors).await;
    assert_eq!(direct(call()).await.unwrap().payload, "[1]");
    assert!(doors.of("other").is_none());
    task.terminate();
    assert!(doors.of("kv").is_none());
    assert_eq!(task.ended().await.status, "ended");
}

#[tokio::test]
async fn a_panic_and_a_failure_are_ends_with_their_reason() {
    let doors = Doors::default();
    let panics = kind(async |start: Start| {
        (start.open)(direct());
        panic!("on purpose")
    });
    let exit = start(&panics, &doors, "p1").ended().await;
    assert_eq!(
        (exit.status.as_str(), &*exit.lines[0]),
        ("panicked", "on purpose")
    );
    assert!(doors.of("kv").is_none(), "nobody is behind that door");
    let early: Kind = Arc::new(|_| panic!("before it began"));
    assert_eq!(
        start(&early, &doors, "p1").ended().await.lines,
        ["before it began"]
    );
    let fails = kind(async |_| Err("no disk".to_owned()));
    let exit = start(&fails, &doors, "p1").ended().await;
    assert_eq!(
        (exit.status.as_str(), &*exit.lines[0]),
        ("failed", "no disk")
    );
}

#[tokio::test]
async fn one_that_does_not_end_when_asked_is_ended() {
    let doors = Doors::default();
    let stubborn = kind(async |start: Start| {
        (start.open)(direct());
        pending().await
    });
    let mut task = start(&stubborn, &doors, "p1");
    until_open(&doors).await;
    task.terminate();
    task.kill();
    assert_eq!(task.ended().await.status, "ended by its host");
}

#[tokio::test]
async fn the_end_of_an_earlier_run_leaves_the_door_of_the_next_one_open() {
    let doors = Doors::default();
    let (first, second) = (
        start(&serves(), &doors, "p1"),
        start(&serves(), &doors, "p2"),
    );
    until_open(&doors).await;
    while doors.0.read().unwrap().get("kv").unwrap().0.as_str() != "p2" {
        tokio::task::yield_now().await;
    }
    drop(first);
    assert!(doors.of("kv").is_some());
    drop(second);
    assert!(doors.of("kv").is_none());
}
