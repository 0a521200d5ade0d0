//! Requests of WASI 0.3, in instances without a lattice around them.

use std::sync::OnceLock;

use futures_util::future::join;
use lattice_client::stream::{Reader, pipe};
use lattice_config::InstanceMode::{self, Fresh, Reuse};
use lattice_config::Link;
use lattice_protocol::standard::http::{Body, FieldValue, read_trailers, write_trailers};

use super::testing::{Actor, LONG};
use super::{Ended, testing};
use crate::capability::Imports;
use crate::capability::http::{Answer, Cut, Fault};
use crate::link::LinkTable;

const KIB: usize = 1024;

async fn service(mode: InstanceMode) -> Actor {
    let component = testing::component("service").await;
    let imports = Imports::new(testing::engine().wasm()).unwrap();
    let link = Link::new("wasi:http".parse().unwrap(), "web".parse().unwrap());
    let links = LinkTable::new("tested".parse().unwrap(), vec![link]);
    let linked = imports.link(&component, &links, &OnceLock::new()).unwrap();
    Actor::of(&component, linked, mode, 16)
}

/// What a request without a body is answered with.
async fn text(actor: &Actor, path: &str) -> String {
    let answer = actor.visit(path, Body::default(), Vec::new()).await;
    let (bytes, _) = whole(answer.unwrap()).await;
    String::from_utf8(bytes).unwrap()
}

/// A body to its end, with what comes after it: a slow machine may have made a stream of it.
async fn whole(answer: Answer) -> (Vec<u8>, Vec<u8>) {
    let at_once = |body| match body {
        Body::Whole(bytes) => (bytes.to_vec(), Vec::new()),
        Body::Stream(_) => panic!("there is no stream"),
    };
    match answer {
        Answer::Ended(response, _) => at_once(response.body),
        Answer::Begun(response, reader, rest) => {
            let deadline = testing::errand(LONG).deadline;
            let body = async {
                match reader {
                    Some(reader) => drain(reader).await,
                    None => at_once(response.body),
                }
            };
            let (body, rest) = join(body, rest.finish(&deadline)).await;
            assert!(rest.is_ok());
            body
        }
    }
}

/// A body that is echoed, with what comes after it.
async fn echoed(path: &str, bytes: &[u8], tail: Vec<u8>) -> (Vec<u8>, Vec<u8>) {
    let actor = service(Fresh).await;
    let (mut writer, reader) = pipe(64 * KIB);
    let pieces: Vec<_> = bytes.chunks(10_007).map(<[u8]>::to_vec).collect();
    let feed = async move {
        for piece in pieces {
            writer.write(piece.into()).await.unwrap();
        }
        writer.end(tail.into());
    };
    let visit = actor.visit(path, Body::Stream(1), vec![reader]);
    let answer = async { whole(visit.await.unwrap()).await };
    let (answer, ()) = join(answer, feed).await;
    answer
}

async fn drain(mut reader: Reader) -> (Vec<u8>, Vec<u8>) {
    let mut bytes = Vec::new();
    while let Some(piece) = reader.next().await {
        bytes.extend_from_slice(&piece.unwrap());
    }
    (bytes, reader.tail().to_vec())
}

#[tokio::test]
async fn bodies_and_trailers_go_through_unchanged() {
    let trailers = vec![("x-sum".to_owned(), FieldValue::from("7"))];
    let tail = write_trailers(&trailers).unwrap();
    for path in ["/echo", "/pass"] {
        for bytes in [0, 1, 64 * KIB, 3_000_001] {
            let sent: Vec<u8> = (0..bytes).map(|i| (i / 7) as u8).collect();
            let (came, after) = echoed(path, &sent, tail.to_vec()).await;
            assert!(came == sent, "{path} {bytes}");
            assert_eq!(read_trailers(&after).unwrap(), trailers, "{path} {bytes}");
            let (came, after) = echoed(path, &sent, Vec::new()).await;
            assert!(came == sent && after.is_empty(), "{path} {bytes}");
        }
    }
}

#[tokio::test]
async fn a_response_before_the_body_was_read_ends_the_body() {
    let actor = service(Fresh).await;
    let (mut writer, reader) = pipe(KIB);
    let answer = actor.visit("/early", Body::Stream(1), vec![reader]).await;
    assert_eq!(whole(answer.unwrap()).await.0, b"early");
    writer.closed().await;
}

#[tokio::test]
async fn every_request_has_an_instance_of_its_own_unless_they_are_used_again() {
    let fresh = service(Fresh).await;
    assert_eq!(text(&fresh, "/begun").await, "1");
    assert_eq!(text(&fresh, "/begun").await, "1");
    let reused = service(Reuse(100)).await;
    assert_eq!(text(&reused, "/begun").await, "1");
    assert_eq!(text(&reused, "/begun").await, "2");
}

#[tokio::test]
async fn requests_are_in_one_instance_at_once() {
    let actor = service(Reuse(100)).await;
    let (one, other) = join(text(&actor, "/together"), text(&actor, "/together")).await;
    assert_eq!((one.as_str(), other.as_str()), ("2", "2"));
}

#[tokio::test]
async fn a_guest_that_fails_is_an_error_and_the_next_request_is_served() {
    for mode in [Fresh, Reuse(100)] {
        let actor = service(mode).await;
        let fault = actor.visit("/error", Body::default(), Vec::new()).await;
        assert!(matches!(fault, Err(Fault::ErrorCode(_))));
        let fault = actor.visit("/trap", Body::default(), Vec::new()).await;
        let Err(Fault::Ended(Ended::Trapped { .. })) = fault else {
            panic!("the guest did not trap");
        };
        assert_eq!(text(&actor, "/begun").await, "1");
    }
}

#[tokio::test]
async fn a_request_of_the_guest_leaves_through_a_link_or_is_denied() {
    let actor = service(Fresh).await;
    let fetch = actor.visit("/fetch?to=http://a/b", Body::default(), Vec::new());
    // What the guest is made from here has no link.
    let Err(Fault::ErrorCode(code)) = fetch.await else {
        panic!("the request was answered");
    };
    assert!(code.contains("HttpRequestDenied"), "{code}");
}

#[tokio::test]
async fn a_request_that_is_given_up_leaves_no_task() {
    for mode in [Fresh, Reuse(100)] {
        let actor = service(mode).await;
        for path in ["/slow", "/together"] {
            let visit = actor.visit(path, Body::default(), Vec::new());
            let mut visit = Box::pin(visit);
            assert!(futures_util::poll!(&mut visit).is_pending());
            tokio::task::yield_now().await;
        }
        drop(actor);
        let tasks = tokio::runtime::Handle::current().metrics();
        while tasks.num_alive_tasks() > 0 {
            tokio::task::yield_now().await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_that_breaks_off_never_looks_whole() {
    let actor = service(Reuse(100)).await;
    for _ in 0..20 {
        let answer = actor.visit("/trap-late", Body::default(), Vec::new()).await;
        let Ok(Answer::Begun(_, Some(mut reader), rest)) = answer else {
            panic!("more than goes inline was answered whole");
        };
        let deadline = testing::errand(LONG).deadline;
        let reading = tokio::spawn(async move {
            while let Some(piece) = reader.next().await {
                if piece.is_err() {
                    return false;
                }
            }
            true
        });
        match rest.finish(&deadline).await {
            Err(Cut::Failed(Fault::Ended(Ended::Trapped { .. }), writer)) => drop(writer),
            _ => panic!("the guest did not trap"),
        }
        assert!(
            !reading.await.unwrap(),
            "half a body was taken for a whole one"
        );
    }
}
