use std::sync::atomic::Ordering;

use serde_json::json;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use crate::testing::{read_to_end, read_until, web};

#[tokio::test]
async fn a_request_reaches_the_actor_and_its_answer_the_client() {
    let web = web(json!({})).await;
    let request = http::Request::post("/a?b=c").header("x-request-id", "r-1");
    let answer = web.send(request, "hello").await;
    assert_eq!((answer.status(), answer.header("x-echo")), (200, "1"));
    assert_eq!(answer.header("x-request-id"), "r-1");
    let seen = answer.json();
    assert_eq!(seen["actor"], "root");
    assert_eq!(
        (&seen["method"], &seen["path"]),
        (&json!("POST"), &json!("/a?b=c"))
    );
    assert_eq!(
        (&seen["authority"], &seen["body_len"]),
        (&json!("web.example"), &json!(5))
    );
    assert_eq!(seen["headers"]["x-request-id"], "r-1");
    assert_eq!(seen["headers"]["x-forwarded-for"], "127.0.0.1");
}

#[tokio::test]
async fn http_2_is_spoken_by_prior_knowledge() {
    let web = web(json!({})).await;
    let answer = web
        .send_h2(http::Request::post("http://h2.example/x"), "hello")
        .await;
    assert_eq!(
        (answer.status(), answer.head.version),
        (200, http::Version::HTTP_2)
    );
    assert_eq!(answer.json()["authority"], "h2.example");
    assert_eq!(answer.header("x-request-id").len(), 32);
}

#[tokio::test]
async fn a_path_without_a_route_is_404_with_code_and_id() {
    let web = web(json!({})).await;
    web.server
        .apply(&crate::testing::config(json!({})), &[])
        .await
        .unwrap();
    let answer = web.get("/x").await;
    assert_eq!(answer.status(), 404);
    assert_eq!(answer.header("content-type"), "application/problem+json");
    assert_eq!(answer.json()["code"], "no-route");
    assert_eq!(answer.json()["request_id"], answer.header("x-request-id"));
}

#[tokio::test]
async fn a_body_over_the_limit_is_413_however_it_is_sent() {
    let web = web(json!({"body_bytes_max": 10})).await;
    assert_eq!(
        web.send(http::Request::post("/"), "0123456789")
            .await
            .status(),
        200
    );
    let over = web.send(http::Request::post("/"), "0123456789a").await;
    assert_eq!(
        (over.status(), &over.json()["code"]),
        (413, &json!("too-large"))
    );
    let h2 = web
        .send_h2(http::Request::post("http://a/"), "0123456789a")
        .await;
    assert_eq!(h2.status(), 413);
    let chunked = web
        .raw(b"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n6\r\n012345\r\n6\r\n012345\r\n0\r\n\r\n")
        .await;
    assert!(chunked.starts_with("HTTP/1.1 413 "), "{chunked}");
}

#[tokio::test]
async fn a_client_that_asks_first_sends_only_a_body_that_is_wanted() {
    let web = web(json!({"body_bytes_max": 10})).await;
    let head = |length: usize| {
        format!(
            "POST / HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n"
        )
    };
    let refused = web.raw(head(11).as_bytes()).await;
    assert!(refused.starts_with("HTTP/1.1 413 "), "{refused}");

    let mut stream = TcpStream::connect(web.address).await.unwrap();
    stream.write_all(head(5).as_bytes()).await.unwrap();
    assert_eq!(
        read_until(&mut stream, "\r\n\r\n").await,
        "HTTP/1.1 100 Continue\r\n\r\n"
    );
    stream.write_all(b"hello").await.unwrap();
    let answer = read_to_end(stream).await;
    assert!(
        answer.starts_with("HTTP/1.1 200 ") && answer.contains("\"body_len\":5"),
        "{answer}"
    );
}

#[tokio::test]
async fn headers_over_the_limit_are_431() {
    let web = web(json!({"header_bytes_max": 8192})).await;
    let large = format!(
        "GET / HTTP/1.1\r\nhost: a\r\nx-a: {}\r\n\r\n",
        "x".repeat(8192)
    );
    let answer = web.raw(large.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 431 "), "{answer}");
    let many: String = (0..101).map(|i| format!("x-{i}: 1\r\n")).collect();
    let answer = web
        .raw(format!("GET / HTTP/1.1\r\n{many}\r\n").as_bytes())
        .await;
    assert!(answer.starts_with("HTTP/1.1 431 "), "{answer}");
    let many = (0..101).fold(http::Request::get("http://a/"), |r, i| {
        r.header(format!("x-{i}"), 1)
    });
    assert_eq!(web.send_h2(many, "").await.status(), 431);
}

#[tokio::test]
async fn a_head_request_gets_the_length_and_no_body() {
    let web = web(json!({})).await;
    let answer = web
        .raw(b"HEAD /x HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")
        .await;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(
        head.starts_with("HTTP/1.1 200 ") && body.is_empty(),
        "{answer}"
    );
    let length = head
        .lines()
        .find_map(|l| l.strip_prefix("content-length: "))
        .unwrap();
    assert!(length.parse::<usize>().unwrap() > 0, "{answer}");
}

#[tokio::test]
async fn health_is_about_the_connection_and_no_route_shadows_it() {
    let web = web(json!({})).await;
    let routes = [crate::testing::route("/healthz", "shadow")];
    web.server
        .apply(&crate::testing::config(json!({})), &routes)
        .await
        .unwrap();
    let healthy = web.get("/healthz").await;
    assert_eq!(
        (healthy.status(), healthy.body.as_ref()),
        (200, &b"ok\n"[..])
    );
    web.actors.disconnected.store(true, Ordering::Relaxed);
    assert_eq!(web.get("/healthz").await.status(), 503);
    let posted = web.send(http::Request::post("/healthz"), "").await;
    assert_eq!(posted.json()["actor"], "shadow");
    assert_eq!(web.get("/healthz/deep").await.json()["actor"], "shadow");
}

#[tokio::test]
async fn a_failed_call_becomes_a_status_and_keeps_the_guests_secrets() {
    let web = web(json!({})).await;
    let full = web.get("/full").await;
    assert_eq!((full.status(), full.header("retry-after")), (503, "1"));
    let trapped = web.get("/trap").await;
    assert_eq!(
        (trapped.status(), &trapped.json()["code"]),
        (502, &json!("trapped"))
    );
    assert!(!String::from_utf8_lossy(&trapped.body).contains("secret"));
}

#[tokio::test]
async fn an_answer_that_is_no_response_is_502() {
    let web = web(json!({})).await;
    for path in ["/garbage", "/forge"] {
        let answer = web.get(path).await;
        assert_eq!(
            (answer.status(), &answer.json()["code"]),
            (502, &json!("bad-response"))
        );
    }
}

#[tokio::test]
async fn a_request_without_a_host_or_through_a_proxy_is_refused() {
    let web = web(json!({})).await;
    let answer = web
        .raw(b"GET / HTTP/1.1\r\nconnection: close\r\n\r\n")
        .await;
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    let answer = web
        .raw(b"CONNECT a:1 HTTP/1.1\r\nhost: a:1\r\nconnection: close\r\n\r\n")
        .await;
    assert!(answer.starts_with("HTTP/1.1 405 "), "{answer}");
}

#[tokio::test]
async fn a_body_that_does_not_come_is_408() {
    let web = web(json!({"body_timeout_ms": 20})).await;
    let answer = web
        .raw(b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\n\r\nhe")
        .await;
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
}

#[tokio::test]
async fn a_client_that_goes_away_cancels_its_call() {
    let web = web(json!({})).await;
    let mut stream = TcpStream::connect(web.address).await.unwrap();
    stream
        .write_all(b"GET /wait HTTP/1.1\r\nhost: a\r\n\r\n")
        .await
        .unwrap();
    web.actors.begun.notified().await;
    drop(stream);
    web.actors.cancelled.notified().await;
}

#[tokio::test]
async fn a_request_over_requests_max_is_refused_at_once() {
    let web = web(json!({"requests_max": 1})).await;
    let mut stream = TcpStream::connect(web.address).await.unwrap();
    stream
        .write_all(b"GET /wait HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")
        .await
        .unwrap();
    web.actors.begun.notified().await;
    let refused = web.get("/").await;
    assert_eq!(
        (refused.status(), &refused.json()["code"]),
        (503, &json!("overloaded"))
    );
    assert_eq!(web.get("/healthz").await.status(), 200);
    web.actors.proceed.notify_one();
    assert!(read_to_end(stream).await.ends_with("waited"));
    assert_eq!(web.get("/").await.status(), 200);
}
