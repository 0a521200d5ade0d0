use serde_json::json;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use super::*;
use crate::testing::{Actors, config, read_to_end, read_until, route, web};

const WAIT: &[u8] = b"GET /wait HTTP/1.1\r\nhost: a\r\n\r\n";
const GET: &[u8] = b"GET / HTTP/1.1\r\nhost: a\r\n\r\n";

fn listen(address: &str) -> Map<String, Value> {
    config(json!({ "listen": address }))
}

#[tokio::test]
async fn a_taken_address_is_refused_with_what_to_do() {
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let server = Server::new(Actors::default()).unwrap();
    let error = server
        .apply(&listen(&address), &[])
        .await
        .unwrap_err()
        .to_string();
    assert_eq!(
        error,
        format!(
            "failed to listen on {address}: address already in use; stop what listens there or \
             set listen"
        )
    );
}

#[tokio::test]
async fn an_address_that_is_none_is_refused_with_an_example() {
    let server = Server::new(Actors::default()).unwrap();
    for address in ["8080", "", "127.0.0.1:http", "127.0.0.1:99999"] {
        let error = server
            .apply(&listen(address), &[])
            .await
            .unwrap_err()
            .to_string();
        assert!(error.contains("such as 127.0.0.1:8080"), "{error}");
    }
}

#[tokio::test]
async fn routes_change_under_an_open_connection() {
    let web = web(json!({})).await;
    let mut stream = TcpStream::connect(web.address).await.unwrap();
    stream.write_all(GET).await.unwrap();
    assert!(
        read_until(&mut stream, "}")
            .await
            .contains("\"actor\":\"root\"")
    );
    web.server
        .apply(&config(json!({})), &[route("/", "next")])
        .await
        .unwrap();
    assert_eq!(web.server.address().await, Some(web.address));
    // The rest of the first answer, then the second.
    stream.write_all(GET).await.unwrap();
    read_until(&mut stream, "\"actor\":\"next\"").await;
}

#[tokio::test]
async fn a_refused_change_leaves_everything_as_it_was() {
    let web = web(json!({})).await;
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let routes = [route("/", "next")];
    for refused in [listen(&address), config(json!({"timeout_ms": 0}))] {
        assert!(web.server.apply(&refused, &routes).await.is_err());
    }
    assert!(
        web.server
            .apply(&config(json!({})), &[route("x", "next")])
            .await
            .is_err()
    );
    assert_eq!(web.server.address().await, Some(web.address));
    assert_eq!(web.get("/").await.json()["actor"], "root");
}

#[tokio::test]
async fn a_new_address_is_listened_on_and_the_old_one_closed() {
    let mut web = web(json!({})).await;
    let old = web.address;
    web.server
        .apply(&listen("localhost:0"), &[route("/", "root")])
        .await
        .unwrap();
    web.address = web.server.address().await.unwrap();
    assert_ne!(web.address, old);
    assert_eq!(web.get("/").await.status(), 200);
    assert!(TcpStream::connect(old).await.is_err());
}

#[tokio::test]
async fn a_change_that_is_broken_off_leaves_nothing_that_a_stop_would_wait_for() {
    let web = web(json!({})).await;
    let elsewhere = listen("localhost:0");
    tokio::select! {
        biased;
        _ = web.server.apply(&elsewhere, &[]) => panic!("a name was resolved without waiting"),
        () = std::future::ready(()) => {}
    }
    web.server.stop().await;
    assert!(TcpStream::connect(web.address).await.is_err());
}

#[tokio::test]
async fn the_same_port_can_move_to_every_address() {
    let web = web(json!({})).await;
    let everywhere = format!("0.0.0.0:{}", web.address.port());
    web.server
        .apply(&listen(&everywhere), &[route("/", "root")])
        .await
        .unwrap();
    assert_eq!(web.server.address().await.unwrap().to_string(), everywhere);
    assert_eq!(web.get("/").await.status(), 200);
}

#[tokio::test]
async fn a_move_on_the_same_port_that_fails_takes_the_old_address_again() {
    let web = web(json!({})).await;
    // Not an address of any machine: TEST-NET-1.
    let elsewhere = format!("192.0.2.1:{}", web.address.port());
    let error = web
        .server
        .apply(&listen(&elsewhere), &[])
        .await
        .unwrap_err()
        .to_string();
    assert!(error.contains("doesn't have that address"), "{error}");
    assert_eq!(web.server.address().await, Some(web.address));
    assert_eq!(web.get("/").await.status(), 200);
}

#[tokio::test]
async fn stopping_lets_a_request_in_flight_finish_and_takes_no_more() {
    let web = web(json!({})).await;
    let mut stream = TcpStream::connect(web.address).await.unwrap();
    stream.write_all(WAIT).await.unwrap();
    web.actors.begun.notified().await;
    let server = web.server.clone();
    let stopping = tokio::spawn(async move { server.stop().await });
    while TcpStream::connect(web.address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    assert!(!stopping.is_finished());
    web.actors.proceed.notify_one();
    assert!(read_to_end(stream).await.ends_with("waited"));
    stopping.await.unwrap();
    assert_eq!(web.server.address().await, None);
}

#[tokio::test]
async fn stopping_ends_idle_connections_and_later_settings_start_nothing() {
    let web = web(json!({})).await;
    let mut stream = TcpStream::connect(web.address).await.unwrap();
    stream.write_all(GET).await.unwrap();
    read_until(&mut stream, "\"trailers\":{}}").await;
    web.server.stop().await;
    read_to_end(stream).await;
    web.server.apply(&config(json!({})), &[]).await.unwrap();
    assert_eq!(web.server.address().await, None);
    web.server.stop().await;
}

#[tokio::test]
async fn dropping_the_server_ends_what_runs() {
    let web = web(json!({})).await;
    let mut stream = TcpStream::connect(web.address).await.unwrap();
    stream.write_all(WAIT).await.unwrap();
    web.actors.begun.notified().await;
    drop(web.server);
    web.actors.cancelled.notified().await;
}

#[tokio::test]
async fn a_connection_over_the_limit_waits_for_its_turn() {
    let web = web(json!({"connections_max": 1})).await;
    let mut first = TcpStream::connect(web.address).await.unwrap();
    first.write_all(WAIT).await.unwrap();
    web.actors.begun.notified().await;
    let mut second = TcpStream::connect(web.address).await.unwrap();
    second
        .write_all(b"GET /wait HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")
        .await
        .unwrap();
    web.actors.proceed.notify_one();
    assert!(read_until(&mut first, "waited").await.contains("200 OK"));
    drop(first);
    web.actors.begun.notified().await;
    web.actors.proceed.notify_one();
    assert!(read_to_end(second).await.ends_with("waited"));
}

#[tokio::test]
async fn more_room_is_used_at_once() {
    let web = web(json!({"connections_max": 1})).await;
    let mut first = TcpStream::connect(web.address).await.unwrap();
    first.write_all(WAIT).await.unwrap();
    web.actors.begun.notified().await;
    let roomier = config(json!({"connections_max": 2}));
    web.server
        .apply(&roomier, &[route("/", "root")])
        .await
        .unwrap();
    assert_eq!(web.get("/").await.status(), 200);
}

#[tokio::test]
async fn a_connection_that_says_nothing_or_stops_in_its_headers_is_closed() {
    let web = web(json!({"idle_timeout_ms": 20})).await;
    for said in [
        &b""[..],
        b"P",
        b"PRI * HTTP/2.0\r\n",
        b"GET / HTTP/1.1\r\nhost:",
    ] {
        assert_eq!(web.raw(said).await, "", "{said:?}");
    }
}
