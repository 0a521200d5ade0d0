//! Every way in which a response of a guest ends, before and after its client has the beginning of it.

use std::net::SocketAddr;

use lattice_tests::{END, Exchange, Lattice, chunk, web};

use super::behind_http;
use crate::way::{Way, every_way};

every_way! {
    each_piece_that_is_flushed_is_there_before_the_next_is_written,
    a_response_that_was_never_set_is_a_bad_gateway,
    a_response_that_ends_as_it_should_is_whole,
    a_response_that_breaks_off_after_its_head_never_looks_whole,
    a_guest_that_waits_for_ever_is_cut_off_at_its_deadline,
    a_guest_that_waits_for_ever_half_way_is_cut_off_at_its_deadline,
}

async fn proxy(way: Way) -> (Lattice, SocketAddr) {
    behind_http(way, "wasi-proxy", "", "timeout_ms = 30_000").await
}

async fn each_piece_that_is_flushed_is_there_before_the_next_is_written(way: Way) {
    let (_lattice, address) = proxy(way).await;
    let mut exchange = Exchange::post(address, "/pieces").await;
    for byte in ["a", "b", "c"] {
        exchange.send(&chunk(byte)).await;
        exchange.until(&chunk(&format!("<{byte}>"))).await;
    }
    exchange.send(END).await;
    assert_eq!(exchange.rest().await, END);
}

async fn a_response_that_was_never_set_is_a_bad_gateway(way: Way) {
    let (_lattice, address) = proxy(way).await;
    for ending in ["drop", "short", "trap", "exit", "after"] {
        let page = web::get(address, &format!("/unset/{ending}"))
            .await
            .unwrap();
        assert_eq!((page.status, &*page.code()), (502, "trapped"), "{ending}");
        assert!(!page.text().contains("half"), "{ending}: {}", page.text());
    }
}

async fn a_response_that_ends_as_it_should_is_whole(way: Way) {
    let (_lattice, address) = proxy(way).await;
    let page = web::get(address, "/unset/finish").await.unwrap();
    assert_eq!((page.status, &*page.text()), (200, "half"));
    assert_eq!(after_half(address, "finish").await, END);
}

async fn a_response_that_breaks_off_after_its_head_never_looks_whole(way: Way) {
    let (_lattice, address) = proxy(way).await;
    for ending in ["drop", "trap", "exit"] {
        assert_eq!(after_half(address, ending).await, "", "{ending}");
    }
    // Four of the eight bytes that were announced.
    let mut exchange = Exchange::post(address, "/seen/short").await;
    let head = exchange.accepted().await;
    assert!(head.contains("content-length: 8\r\n"), "{head}");
    exchange.until("half").await;
    exchange.send(&chunk("x")).await;
    assert_eq!(exchange.rest().await, "");
    // And the next request is served.
    assert_eq!(after_half(address, "finish").await, END);
}

async fn a_guest_that_waits_for_ever_is_cut_off_at_its_deadline(way: Way) {
    let limits = "limits = { time_ms = 1_000 }";
    let (_lattice, address) = behind_http(way, "wasi-proxy", limits, "").await;
    let page = web::get(address, "/unset/hang").await.unwrap();
    assert_eq!((page.status, &*page.code()), (504, "deadline"));
}

async fn a_guest_that_waits_for_ever_half_way_is_cut_off_at_its_deadline(way: Way) {
    // All of it is time of the call: also what comes before the half.
    let limits = "limits = { time_ms = 5_000 }";
    let (_lattice, address) = behind_http(way, "wasi-proxy", limits, "timeout_ms = 30_000").await;
    assert_eq!(after_half(address, "hang").await, "");
}

/// Lets the guest end once `half` has arrived; answers what comes after it.
async fn after_half(address: SocketAddr, ending: &str) -> String {
    let mut exchange = Exchange::post(address, &format!("/seen/{ending}")).await;
    exchange.accepted().await;
    exchange.until(&chunk("half")).await;
    exchange.send(&chunk("x")).await;
    exchange.rest().await
}
