//! A server of `wstd` with everything at once: a store, bodies that stream, and requests of its own.

use std::convert::Infallible;
use std::net::SocketAddr;

use http_body_util::BodyExt as _;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use lattice_tests::{Lattice, web};
use tokio::net::TcpListener;

use super::behind_http;
use crate::way::{Way, every_way};

every_way! {
    what_is_kept_is_found_by_the_next_request,
    a_request_of_its_own_takes_a_body_of_any_size_there_and_back,
}

/// A server that sends back what it gets, as it comes.
async fn supplier() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let echo = service_fn(|request: http::Request<hyper::body::Incoming>| async {
                Ok::<_, Infallible>(http::Response::new(request.into_body().boxed()))
            });
            let served = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), echo);
            tokio::spawn(served);
        }
    });
    address
}

async fn shop(way: Way) -> (Lattice, SocketAddr, SocketAddr) {
    let supplier = supplier().await;
    let links = format!(
        "[actor.guest.link.\"wasi:keyvalue\"]\nto = \"kv\"\n\
         [actor.guest.link.\"wasi:http\"]\nto = \"web\"\n\
         allow = [\"http://{supplier}\"]\nprivate = true\n\
         [provider.kv]\nkind = \"keyvalue\"\ninline = {}\nrequire = {{ side = \"a\" }}\n",
        way == Way::Here
    );
    let (lattice, address) = behind_http(way, "wstd-shop", &links, "timeout_ms = 30_000").await;
    (lattice, address, supplier)
}

async fn what_is_kept_is_found_by_the_next_request(way: Way) {
    let (_lattice, address, _) = shop(way).await;
    let send = async |method: &str, path: &str, body: &str| {
        let page = web::send(address, method, path, body.to_owned()).await;
        let page = page.unwrap();
        (page.status, page.text())
    };
    assert_eq!(send("GET", "/stock/tea", "").await.0, 404);
    assert_eq!(send("PUT", "/stock/tea", "green").await.0, 201);
    assert_eq!(send("GET", "/stock/tea", "").await, (200, "green".into()));
    for sold in 1..=3 {
        assert_eq!(
            send("POST", "/sold/cups", "").await,
            (200, sold.to_string())
        );
    }
}

async fn a_request_of_its_own_takes_a_body_of_any_size_there_and_back(way: Way) {
    const BYTES: usize = 3 << 20;
    let (_lattice, address, supplier) = shop(way).await;
    let path = format!("/order?to=http://{supplier}/");
    let body: Vec<u8> = (0..BYTES).map(|i| (i / 7) as u8).collect();
    let back = web::send(address, "POST", &path, body.clone())
        .await
        .unwrap();
    assert!(back.body == body, "the bytes are others");
    // What the link does not grant is an error that the server's own code has to deal with.
    let elsewhere = web::send(address, "POST", "/order?to=http://example.com/", "");
    assert_eq!(elsewhere.await.unwrap().status, 502);
}
