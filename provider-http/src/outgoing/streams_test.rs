use std::time::Duration;

use bytes::Bytes;
use lattice_client::stream::{Reader, Writer, pipe};
use lattice_protocol::error::ErrorCode;
use lattice_protocol::standard::http::{
    Body, FieldValue, OutgoingError as Fault, Patience, Request, read_trailers, write_trailers,
};
use serde_json::json;

use super::testing::{Actor, Got, LONG, Site, request, with_headers};

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;

/// A site in each version of HTTP, with an actor that may send to it.
async fn both() -> Vec<(Site, Actor, &'static str)> {
    let (plain, secure) = (Site::plain().await, Site::secure(&["h2"]).await);
    let to_plain = Actor::free(config(&plain, "http"), &plain).await;
    let to_secure = Actor::free(config(&secure, "https"), &secure).await;
    vec![(plain, to_plain, "http"), (secure, to_secure, "https")]
}

/// What the provider needs to send to a site.
fn config(site: &Site, scheme: &str) -> serde_json::Value {
    match scheme {
        "http" => json!({}),
        _ => site.trusted(),
    }
}

/// A request whose body is a stream.
fn put(scheme: &str, site: &Site, path: &str) -> Request {
    let mut request = request("PUT", scheme, &site.authority(), path);
    request.body = Body::Stream(1);
    request
}

async fn begin(actor: &Actor, request: Request, stream: Reader) -> Result<Got, Fault> {
    actor.call(request, None, Some(stream)).await.unwrap()
}

/// Returns when nobody takes anything more of it.
async fn heard_of_its_end(writer: &mut Writer, scheme: &str) {
    let closed = tokio::time::timeout(LONG, writer.closed()).await;
    assert!(closed.is_ok(), "{scheme}");
}

/// Bytes of which every stretch is different.
fn pattern(bytes: usize) -> Bytes {
    (0..bytes)
        .map(|n| (n as u32).wrapping_mul(2_654_435_761).to_be_bytes()[0])
        .collect::<Vec<_>>()
        .into()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn eight_mebibytes_go_out_and_come_back_whole() {
    for (site, actor, scheme) in both().await {
        let (mut writer, reader) = pipe(64 * KIB);
        let sent = pattern(8 * MIB);
        let mut rest = sent.clone();
        let fed = tokio::spawn(async move {
            while !rest.is_empty() {
                let piece = rest.split_to(rest.len().min(50_001));
                writer.write(piece).await.unwrap();
            }
            writer.end(Bytes::new());
        });
        let got = begin(&actor, put(scheme, &site, "/echo"), reader)
            .await
            .unwrap();
        assert!(got.body().await.unwrap() == sent, "{scheme}");
        fed.await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_actor_that_does_not_read_slows_the_server_and_so_itself() {
    for (site, actor, scheme) in both().await {
        let (mut writer, reader) = pipe(64 * KIB);
        let got = begin(&actor, put(scheme, &site, "/echo"), reader)
            .await
            .unwrap();
        let mut written = 0;
        // Once nothing more is taken, everything between is full.
        while let Ok(taken) =
            tokio::time::timeout(Duration::from_millis(500), writer.write(pattern(64 * KIB))).await
        {
            taken.unwrap();
            written += 64 * KIB;
            assert!(written < 32 * MIB, "{scheme}: nothing holds the writer up");
        }
        drop(got);
    }
}

#[tokio::test]
async fn a_response_that_breaks_off_is_an_error_and_never_short() {
    for (site, actor, scheme) in both().await {
        let (mut writer, reader) = pipe(KIB);
        writer.push(pattern(10));
        let breaks = put(scheme, &site, "/breaks?100");
        let mut got = begin(&actor, breaks, reader).await.unwrap();
        got.stream.as_mut().unwrap().next().await.unwrap().unwrap();
        writer.end(Bytes::new());
        let error = got.body().await.unwrap_err();
        assert_eq!(error.code, ErrorCode::Unavailable, "{scheme}: {error}");
    }
}

#[tokio::test]
async fn silence_in_a_response_ends_it_with_an_error() {
    for (site, actor, scheme) in both().await {
        let brief = Patience {
            between_bytes_ms: Some(50),
            ..Patience::default()
        };
        let to = request("GET", scheme, &site.authority(), "/pieces?1");
        let got = actor.call(to, Some(brief), None).await.unwrap().unwrap();
        let error = got.body().await.unwrap_err();
        assert_eq!(error.code, ErrorCode::Deadline, "{scheme}: {error}");
    }
}

#[tokio::test]
async fn a_server_that_takes_nothing_is_a_write_timeout_and_a_slow_actor_is_none() {
    for (site, actor, scheme) in both().await {
        let brief = Patience {
            first_byte_ms: Some(100),
            ..Patience::default()
        };
        let (mut writer, reader) = pipe(MIB);
        let feed =
            tokio::spawn(async move { while writer.write(pattern(64 * KIB)).await.is_ok() {} });
        let never = put(scheme, &site, "/never");
        let fault = actor
            .call(never, Some(brief), Some(reader))
            .await
            .unwrap()
            .unwrap_err();
        assert_eq!(fault, Fault::ConnectionWriteTimeout, "{scheme}");
        feed.await.unwrap();

        // Whoever has no time to answer for that long is no slow actor.
        let longer = Patience {
            first_byte_ms: Some(2000),
            ..Patience::default()
        };
        let (mut writer, reader) = pipe(KIB);
        tokio::spawn(async move {
            writer.write(pattern(KIB)).await.unwrap();
            // There is room for it once the request is on its way.
            writer.write(pattern(KIB)).await.unwrap();
            tokio::time::sleep(Duration::from_millis(2500)).await;
            writer.write(pattern(KIB)).await.unwrap();
            writer.end(Bytes::new());
        });
        let count = put(scheme, &site, "/count");
        let got = actor
            .call(count, Some(longer), Some(reader))
            .await
            .unwrap()
            .unwrap();
        assert_eq!(got.body().await.unwrap(), "3072", "{scheme}");
    }
}

#[tokio::test]
async fn an_actor_that_drops_the_response_ends_it_at_the_server_and_harms_no_other() {
    for (mut site, actor, scheme) in both().await {
        let to = || request("GET", scheme, &site.authority(), "/pieces?1");
        let (dropped, kept) = (
            actor.send(to()).await.unwrap(),
            actor.send(to()).await.unwrap(),
        );
        // Two bodies, and what they are on.
        let connections = site.accepted();
        assert_eq!(connections, if scheme == "http" { 2 } else { 1 });
        site.has_open(2 + connections).await;
        drop(dropped);
        site.has_open(2).await;
        drop(kept);
        // In HTTP/2 the connection stays.
        site.has_open(usize::from(scheme == "https")).await;
    }
}

#[tokio::test]
async fn an_actor_that_drops_the_response_hears_that_its_request_goes_no_further() {
    for (site, actor, scheme) in both().await {
        let (mut writer, reader) = pipe(64 * KIB);
        writer.push(pattern(10));
        let got = begin(&actor, put(scheme, &site, "/pieces?1"), reader)
            .await
            .unwrap();
        drop(got);
        heard_of_its_end(&mut writer, scheme).await;
    }
}

#[tokio::test]
async fn a_call_that_is_given_up_ends_its_request() {
    for (mut site, actor, scheme) in both().await {
        let (mut writer, reader) = pipe(64 * KIB);
        writer.push(pattern(10));
        let never = put(scheme, &site, "/never");
        tokio::select! {
            _ = actor.call(never, None, Some(reader)) => panic!("it never ends"),
            // A connection, and the request: what is dropped before that never came.
            () = site.has_open(2) => {}
        }
        heard_of_its_end(&mut writer, scheme).await;
        // In HTTP/1.1 the server learns nothing, for it reads no further; in HTTP/2 the connection stays.
        let (left, new) = if scheme == "http" { (2, 2) } else { (1, 1) };
        site.has_open(left).await;
        let never = request("GET", scheme, &site.authority(), "/never");
        tokio::select! {
            _ = actor.send(never) => panic!("it never ends"),
            () = site.has_open(left + new) => {}
        }
        // Without a body the server hears of it in both.
        site.has_open(left).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_at_once_share_the_connections_that_there_are() {
    for (site, _, scheme) in both().await {
        let mut config = config(&site, scheme);
        // A place is free only once its connection is back, which is after the body has ended.
        config["requests_per_host_max"] = json!(64);
        let actor = Actor::free(config, &site).await;
        for round in 1..=3 {
            let all = (0..64).map(|_| {
                let to = request("GET", scheme, &site.authority(), "/big?100000");
                async { actor.send(to).await.unwrap().body().await.unwrap().len() }
            });
            let lengths = futures_util::future::join_all(all).await;
            assert_eq!(lengths, [100_000; 64]);
            let most = if scheme == "http" { 64 } else { 1 };
            assert!(
                site.accepted() <= most,
                "{scheme} {round}: {}",
                site.accepted()
            );
        }
    }
}

#[tokio::test]
async fn a_connection_is_kept_for_the_next_request_and_not_for_ever() {
    for (mut site, _, scheme) in both().await {
        let mut config = config(&site, scheme);
        config["idle_timeout_ms"] = json!(2000);
        // So the next request waits until the connection is back.
        config["requests_per_host_max"] = json!(1);
        let actor = Actor::free(config, &site).await;
        for _ in 0..3 {
            let to = request("GET", scheme, &site.authority(), "/saw");
            actor.send(to).await.unwrap().body().await.unwrap();
        }
        assert_eq!(site.accepted(), 1, "{scheme}");
        site.has_open(0).await;
    }
}

#[tokio::test]
async fn a_kept_connection_that_its_server_closed_costs_no_request() {
    let mut site = Site::plain().await;
    let actor = Actor::free(json!({}), &site).await;
    for round in 1..=3 {
        assert_eq!(
            actor.get(&site, "/close").await.unwrap().response.status,
            200
        );
        site.has_open(0).await;
        assert_eq!(site.accepted(), round);
    }
}

#[tokio::test]
async fn past_idle_max_the_oldest_kept_connection_is_closed() {
    let mut site = Site::plain().await;
    let actor = Actor::free(json!({"idle_max": 1}), &site).await;
    for authority in [site.authority(), site.address.to_string()] {
        let to = request("GET", "http", &authority, "/saw");
        actor.send(to).await.unwrap().body().await.unwrap();
    }
    site.has_open(1).await;
    assert_eq!(site.accepted(), 2);
}

#[tokio::test]
async fn trailers_come_and_go() {
    for (site, actor, scheme) in both().await {
        let to = request("GET", scheme, &site.authority(), "/trailers");
        let to = with_headers(to, &[("te", "trailers")]);
        let mut got = actor.send(to).await.unwrap();
        let stream = got.stream.as_mut().unwrap();
        while let Some(piece) = stream.next().await {
            piece.unwrap();
        }
        let trailers: Vec<(String, FieldValue)> = read_trailers(&stream.tail()).unwrap();
        assert_eq!(trailers, [("x-sum".to_owned(), "42".into())], "{scheme}");

        let (mut writer, reader) = pipe(KIB);
        writer.push(pattern(10));
        writer.end(write_trailers(&[("x-sum".to_owned(), "7".into())]).unwrap());
        let sum = with_headers(put(scheme, &site, "/sum"), &[("trailer", "x-sum")]);
        let got = begin(&actor, sum, reader).await.unwrap();
        assert_eq!(got.body().await.unwrap(), "7", "{scheme}");
    }
}

#[tokio::test]
async fn a_request_that_its_actor_breaks_off_or_counts_wrong_is_no_whole_request() {
    for (site, actor, scheme) in both().await {
        let (mut writer, reader) = pipe(KIB);
        writer.push(pattern(10));
        drop(writer);
        let fault = begin(&actor, put(scheme, &site, "/count"), reader)
            .await
            .unwrap_err();
        assert_eq!(fault, Fault::ConnectionTerminated, "{scheme}");
        for length in ["9", "11"] {
            let (mut writer, reader) = pipe(KIB);
            writer.push(pattern(10));
            writer.end(Bytes::new());
            let put = put(scheme, &site, "/count");
            let put = with_headers(put, &[("content-length", length)]);
            let fault = begin(&actor, put, reader).await.unwrap_err();
            assert_eq!(fault, Fault::HttpRequestBodySize, "{scheme} {length}");
        }
    }
}

#[tokio::test]
async fn a_server_that_answers_early_is_heard_and_the_rest_is_not_sent() {
    for (site, actor, scheme) in both().await {
        let (mut writer, reader) = pipe(KIB);
        writer.push(pattern(10));
        let got = begin(&actor, put(scheme, &site, "/early"), reader)
            .await
            .unwrap();
        assert_eq!(got.body().await.unwrap(), "no more, please", "{scheme}");
        heard_of_its_end(&mut writer, scheme).await;
    }
}
