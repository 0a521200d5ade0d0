//! An actor built for WASI 0.3 behind the HTTP provider, which is a process of its own or in the host.

use std::net::SocketAddr;

use futures_util::future::try_join_all;
use lattice_tests::{Lattice, eventually, web};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::raw;
use crate::program;

const MIB: usize = 1 << 20;

/// Where the provider is, seen from the actor.
#[derive(Clone, Copy)]
enum Web {
    /// In the same process: requests go straight in.
    Here,
    /// In a process of its own, and the actor on another host.
    Away,
}

/// One test for each.
macro_rules! everywhere {
    ($($promise:ident,)*) => {
        mod here {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $promise() {
                    super::$promise(super::Web::Here).await;
                }
            )*
        }

        mod away {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $promise() {
                    super::$promise(super::Web::Away).await;
                }
            )*
        }
    };
}

everywhere! {
    bodies_of_any_size_pass_through_both_ways,
    trailers_come_after_a_body_that_is_echoed_as_it_comes,
    a_response_may_come_before_the_body_was_read,
    a_response_that_breaks_off_in_the_middle_never_looks_whole,
    requests_wait_beside_each_other_in_one_instance,
    so_many_calls_are_in_one_instance_and_no_more,
    a_request_leaves_through_the_link,
}

async fn edge(web: Web, settings: &str) -> (Lattice, SocketAddr) {
    // Nobody sends there.
    edge_allowing(web, settings, "example.com").await
}

/// One whose requests may go to this server.
async fn edge_allowing(web: Web, settings: &str, server: &str) -> (Lattice, SocketAddr) {
    let mut lattice = Lattice::start(program()).await;
    lattice.host_with("a", &[("side", "a")]).await;
    let (side, inline) = match web {
        Web::Here => ("a", true),
        Web::Away => {
            lattice.host_with("b", &[("side", "b")]).await;
            ("b", false)
        }
    };
    let manifest = format!(
        r#"
        name = "edge"
        [actor.service]
        component = "service"
        instances = 8
        require = {{ side = "{side}" }}
        {settings}
        [actor.service.link."wasi:http"]
        to = "web"
        allow = ["http://{server}"]
        private = true
        [provider.web]
        kind = "http"
        inline = {inline}
        require = {{ side = "a" }}
        config = {{ listen = "127.0.0.1:0", timeout_ms = 30_000 }}
        [[provider.web.route]]
        path = "/"
        actor = "service"
        "#
    );
    lattice.apply(&manifest).await;
    let address = lattice.address("web").await;
    eventually("the service answers", async || {
        match web::get(address, "/early").await {
            Ok(page) if page.status == 200 => Ok(()),
            other => Err(other.map(|page| page.text())),
        }
    })
    .await;
    (lattice, address)
}

async fn bodies_of_any_size_pass_through_both_ways(web: Web) {
    let (_lattice, address) = edge(web, "").await;
    for path in ["/echo", "/pass"] {
        for bytes in [0, 1, 20 * MIB + 7] {
            let body: Vec<u8> = (0..bytes).map(|i| (i / 7) as u8).collect();
            let echo = web::send(address, "POST", path, body.clone())
                .await
                .unwrap();
            assert_eq!((echo.status, echo.body.len()), (200, bytes), "{path}");
            assert!(echo.body == body, "{path}: the bytes are others");
        }
    }
}

async fn trailers_come_after_a_body_that_is_echoed_as_it_comes(web: Web) {
    let (_lattice, address) = edge(web, "").await;
    let request = b"POST /echo HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\
        te: trailers\r\ntrailer: x-sum\r\nconnection: close\r\n\r\n\
        3\r\none\r\n0\r\nx-sum: abc\r\n\r\n";
    let answer = String::from_utf8(raw(address, request).await).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert!(
        answer.ends_with("3\r\none\r\n0\r\nx-sum: abc\r\n\r\n"),
        "{answer}"
    );
}

async fn a_response_may_come_before_the_body_was_read(web: Web) {
    let (_lattice, address) = edge(web, "").await;
    let head = "POST /early HTTP/1.1\r\nhost: a\r\ncontent-length: 1000000\r\n\
                connection: close\r\n\r\nno more than this";
    let answer = String::from_utf8(raw(address, head.as_bytes()).await).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert!(answer.contains("early"), "{answer}");
}

async fn a_response_that_breaks_off_in_the_middle_never_looks_whole(web: Web) {
    let (_lattice, address) = edge(web, "instance = \"reuse\"").await;
    let request = b"GET /trap-late HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
    let answer = String::from_utf8(raw(address, request).await).unwrap();
    let is_refused = answer.starts_with("HTTP/1.1 502 ");
    assert!(
        is_refused || !answer.ends_with("0\r\n\r\n"),
        "{:.300}",
        answer
    );
    for (path, status) in [("/trap", 502), ("/error", 502), ("/early", 200)] {
        assert_eq!(
            web::get(address, path).await.unwrap().status,
            status,
            "{path}"
        );
    }
}

async fn requests_wait_beside_each_other_in_one_instance(web: Web) {
    let (_lattice, address) = edge(web, "instance = \"reuse\"").await;
    let requests = (0..2).map(|_| web::get(address, "/together"));
    for page in try_join_all(requests).await.unwrap() {
        assert_eq!((page.status, page.text().as_str()), (200, "2"));
    }
}

async fn so_many_calls_are_in_one_instance_and_no_more(web: Web) {
    let settings = "instance = \"reuse\"\nlimits = { at_once = 1 }";
    let (lattice, address) = edge(web, settings).await;
    // What came before holds its place until its end is known: `/slow` is to be in the instance that is there.
    until_busy(&lattice, web, 0).await;
    let mut slow = TcpStream::connect(address).await.unwrap();
    let request = b"GET /slow HTTP/1.1\r\nhost: a\r\n\r\n";
    slow.write_all(request).await.unwrap();
    until_busy(&lattice, web, 1).await;
    let begun = web::get(address, "/begun").await.unwrap().text();
    assert_eq!(begun, "1", "it has no instance of its own");
}

/// Waits until so many requests are with the service.
async fn until_busy(lattice: &Lattice, web: Web, requests: u64) {
    let host = match web {
        Web::Here => "a",
        Web::Away => "b",
    };
    let subject = format!("lattice.default.host.{host}.ctl.inventory");
    eventually(&format!("{requests} are busy"), async || {
        let report = lattice.request(&subject, "{}").await.json();
        match report["value"]["actors"]["service"]["busy"] == requests {
            true => Ok(()),
            false => Err(report),
        }
    })
    .await;
}

async fn a_request_leaves_through_the_link(web: Web) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server = listener.local_addr().unwrap().to_string();
    let (_lattice, address) = edge_allowing(web, "", &server).await;
    let path = format!("/fetch?to=http://{server}/anything");
    let (page, ()) = tokio::join!(web::get(address, &path), answer(listener));
    assert_eq!(page.unwrap().text(), "418");
}

/// Answers one request, and closes.
async fn answer(listener: TcpListener) {
    let (mut stream, _) = listener.accept().await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    let answer = b"HTTP/1.1 418 Teapot\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    stream.write_all(answer).await.unwrap();
}
