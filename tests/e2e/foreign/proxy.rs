//! Every way in which a response of a guest ends, before and after its client has the beginning of it.

use std::net::SocketAddr;

use lattice_tests::web;

use super::{END, Way, behind_http, chunk, connect, every_way, post, read_until, rest, send};

every_way! {
    each_piece_that_is_flushed_is_there_before_the_next_is_written,
    a_response_that_was_never_set_is_a_bad_gateway,
    a_response_that_ends_as_it_should_is_whole,
    a_response_that_breaks_off_after_its_head_never_looks_whole,
    a_guest_that_waits_for_ever_is_cut_off_at_its_deadline,
}

async fn proxy(way: Way) -> (lattice_tests::Lattice, SocketAddr) {
    behind_http(way, "wasi-proxy", "", "timeout_ms = 30_000").await
}

async fn each_piece_that_is_flushed_is_there_before_the_next_is_written(way: Way) {
    let (_lattice, address) = proxy(way).await;
    let mut stream = connect(address).await;
    send(&mut stream, &post("/pieces")).await;
    for byte in ["a", "b", "c"] {
        send(&mut stream, &chunk(byte)).await;
        read_until(&mut stream, &chunk(&format!("<{byte}>"))).await;
    }
    send(&mut stream, END).await;
    assert_eq!(rest(&mut stream).await, END);
}

async fn a_response_that_was_never_set_is_a_bad_gateway(way: Way) {
    let (_lattice, address) = proxy(way).await;
    for ending in ["drop", "short", "trap", "exit", "after"] {
        let page = web::get(address, &format!("/unset/{ending}")).await.unwrap();
        assert_eq!((page.status, &*page.code()), (502, "trapped"), "{ending}");
        assert!(!page.text().contains("half"), "{ending}: {}", page.text());
    }
}

async fn a_response_that_ends_as_it_should_is_whole(way: Way) {
    let (_lattice, address) = proxy(way).await;
    let page = web::get(address, "/unset/finish").await.unwrap();
    assert_eq!((page.status, &*page.text()), (200, "half"));
    let mut stream = connect(address).await;
    assert_eq!(after_half(&mut stream, "finish").await, END);
}

async fn a_response_that_breaks_off_after_its_head_never_looks_whole(way: Way) {
    let (_lattice, address) = proxy(way).await;
    for ending in ["drop", "trap", "exit"] {
        let mut stream = connect(address).await;
        assert_eq!(after_half(&mut stream, ending).await, "", "{ending}");
    }
    // Four of the eight bytes that were announced.
    let mut stream = connect(address).await;
    send(&mut stream, &post("/seen/short")).await;
    let head = read_until(&mut stream, "\r\n\r\n").await;
    assert!(head.contains("content-length: 8\r\n"), "{head}");
    read_until(&mut stream, "half").await;
    send(&mut stream, &chunk("x")).await;
    assert_eq!(rest(&mut stream).await, "");
    // And the next request is served.
    let mut stream = connect(address).await;
    assert_eq!(after_half(&mut stream, "finish").await, END);
}

async fn a_guest_that_waits_for_ever_is_cut_off_at_its_deadline(way: Way) {
    let limits = "limits = { time_ms = 1_000 }";
    let (_lattice, address) = behind_http(way, "wasi-proxy", limits, "").await;
    let page = web::get(address, "/unset/hang").await.unwrap();
    assert_eq!((page.status, &*page.code()), (504, "deadline"));
    let mut stream = connect(address).await;
    assert_eq!(after_half(&mut stream, "hang").await, "");
}

/// Lets the guest end once `half` has arrived; answers what comes after it.
async fn after_half(stream: &mut tokio::net::TcpStream, ending: &str) -> String {
    send(stream, &post(&format!("/seen/{ending}"))).await;
    let head = read_until(stream, "\r\n\r\n").await;
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    read_until(stream, &chunk("half")).await;
    send(stream, &chunk("x")).await;
    rest(stream).await
}
