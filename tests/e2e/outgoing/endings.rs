//! Every ending of a request that an actor sends, as the actor hears it.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use futures_util::StreamExt as _;
use lattice_protocol::standard::http::{Answer, Outgoing, OutgoingError, Patience};
use lattice_tests::Lattice;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpSocket, TcpStream};

use super::fetch_by;
use crate::one_host;
use crate::way::{Way, every_way};

every_way! {
    every_ending_has_its_own_code,
    what_comes_before_the_response_is_passed_over,
}

/// Longer than a test may last: what ends sooner was ended by something else.
const LONG_MS: u64 = 60_000;
/// What is waited for in vain.
const SHORT_MS: u64 = 300;

/// A server that does as the path says.
async fn server() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream));
        }
    });
    address
}

async fn serve(mut stream: TcpStream) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => return,
        }
    }
    let head = String::from_utf8(head).unwrap();
    let path = head.split(' ').nth(1).unwrap();
    let large = format!(
        "HTTP/1.1 200 OK\r\nx-large: {}\r\n\r\n",
        "x".repeat(1 << 20)
    );
    let said = match path {
        "/hang-up" | "/silent" => "",
        "/garbage" => "220 smtp.example.com ESMTP\r\n",
        "/large" => &large,
        "/break" => "HTTP/1.1 200 OK\r\ncontent-length: 200000\r\n\r\nfour",
        "/short" | "/stall" => "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nfour",
        "/switch" => {
            "HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n"
        }
        "/hints" => {
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n\
             HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nfour"
        }
        other => panic!("what is {other}?"),
    };
    let _ = stream.write_all(said.as_bytes()).await;
    if matches!(path, "/silent" | "/stall") {
        // Until the other side has had enough of it.
        let _ = stream.read_u8().await;
    }
}

/// A server that takes connections, and never says a word.
async fn mute() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

/// One whose link leads to these.
async fn lattice(way: Way, to: &[SocketAddr]) -> Lattice {
    let provider = match way {
        Way::Here => "inline = true",
        Way::Away => "",
    };
    let allow = |to: &SocketAddr| format!("\"http://{to}\", \"https://{to}\"");
    let allow: Vec<_> = to.iter().map(allow).collect();
    let link = format!("allow = [{}]\nprivate = true", allow.join(", "));
    fetch_by(provider, &link).await
}

async fn fetched(lattice: &Lattice, to: (&str, &str, &str, &str), patience: &Value) -> Value {
    let (method, scheme, authority, path) = to;
    let order = json!({"method": method, "scheme": scheme, "authority": authority, "path": path,
        "headers": [], "body": "", "patience": patience});
    let deadline = [("Lattice-Deadline-Ms", "60000")];
    let subject = "lattice.default.call.fetch.fetch";
    let asked = json!([order]).to_string();
    let reply = lattice.request_with(subject, &deadline, asked);
    reply.await.json()
}

async fn every_ending_has_its_own_code(way: Way) {
    let site = server().await;
    let (_listener, mute) = mute().await;
    // Kept to the end, so that nobody else listens there.
    let unheard = TcpSocket::new_v4().unwrap();
    unheard.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let closed = unheard.local_addr().unwrap();
    let lattice = lattice(way, &[site, mute, closed]).await;
    let [site, mute, closed] = [site, mute, closed].map(|address| address.to_string());
    // Each wait long but for one, so that it shows which of them was meant.
    let waits = |connect: u64, first: u64, between: u64| json!({"connect-ms": connect, "first-byte-ms": first, "between-bytes-ms": between});
    let patient = waits(LONG_MS, LONG_MS, LONG_MS);
    let connect = waits(SHORT_MS, LONG_MS, LONG_MS);
    let first = waits(LONG_MS, SHORT_MS, LONG_MS);
    let between = waits(LONG_MS, LONG_MS, SHORT_MS);
    let get = |path: &'static str| ("GET", "http", site.as_str(), path);
    for (to, patience, wanted) in [
        (
            ("GET", "http", closed.as_str(), "/"),
            &patient,
            "ConnectionRefused",
        ),
        (
            ("GET", "https", mute.as_str(), "/"),
            &connect,
            "ConnectionTimeout",
        ),
        (
            ("GET", "https", site.as_str(), "/"),
            &connect,
            "ConnectionTimeout",
        ),
        (
            ("GET", "ftp", site.as_str(), "/"),
            &patient,
            "HttpProtocolError",
        ),
        (
            ("CONNECT", "http", site.as_str(), "/"),
            &patient,
            "HttpRequestMethodInvalid",
        ),
        (
            ("GET", "http", "example.com", "/"),
            &patient,
            "HttpRequestDenied",
        ),
        (
            ("GET", "http", "127.0.0.2:1", "/"),
            &patient,
            "HttpRequestDenied",
        ),
        (get("/hang-up"), &patient, "ConnectionTerminated"),
        (get("/garbage"), &patient, "HttpProtocolError"),
        (get("/switch"), &patient, "HttpProtocolError"),
        (
            get("/large"),
            &patient,
            "HttpResponseHeaderSectionSize(None)",
        ),
        (get("/silent"), &first, "HttpResponseTimeout"),
        (get("/short"), &patient, "ErrorCode::HttpResponseIncomplete"),
        (
            get("/break"),
            &patient,
            "the body broke off: ErrorCode::HttpResponseIncomplete",
        ),
        (
            get("/stall"),
            &between,
            "the body broke off: ErrorCode::ConnectionReadTimeout",
        ),
    ] {
        let answer = fetched(&lattice, to, patience).await;
        let code = answer["err"]
            .as_str()
            .unwrap_or_else(|| panic!("{to:?}: {answer}"));
        assert!(code.ends_with(wanted), "{to:?}: {code}, not {wanted}");
    }
}

async fn what_comes_before_the_response_is_passed_over(way: Way) {
    let site = server().await;
    let lattice = lattice(way, &[site]).await;
    let site = site.to_string();
    let answer = fetched(&lattice, ("GET", "http", &site, "/hints"), &Value::Null).await;
    // "four".
    assert_eq!(
        (&answer["ok"]["status"], &answer["ok"]["body"]),
        (&json!(200), &json!("Zm91cg=="))
    );
    assert!(!answer.to_string().contains("</a>"), "{answer}");
}

/// Every code that whoever answers can give, with the guest's word for it.
const CODES: [(OutgoingError, &str); 25] = [
    (OutgoingError::DnsTimeout, "DnsTimeout"),
    (
        OutgoingError::DnsError,
        "DnsError(DnsErrorPayload { rcode: None, info-code: None })",
    ),
    (OutgoingError::DestinationNotFound, "DestinationNotFound"),
    (
        OutgoingError::DestinationUnavailable,
        "DestinationUnavailable",
    ),
    (
        OutgoingError::DestinationIpProhibited,
        "DestinationIpProhibited",
    ),
    (
        OutgoingError::DestinationIpUnroutable,
        "DestinationIpUnroutable",
    ),
    (OutgoingError::ConnectionRefused, "ConnectionRefused"),
    (OutgoingError::ConnectionTerminated, "ConnectionTerminated"),
    (OutgoingError::ConnectionTimeout, "ConnectionTimeout"),
    (
        OutgoingError::ConnectionReadTimeout,
        "ConnectionReadTimeout",
    ),
    (
        OutgoingError::ConnectionWriteTimeout,
        "ConnectionWriteTimeout",
    ),
    (
        OutgoingError::ConnectionLimitReached,
        "ConnectionLimitReached",
    ),
    (OutgoingError::TlsProtocolError, "TlsProtocolError"),
    (OutgoingError::TlsCertificateError, "TlsCertificateError"),
    (OutgoingError::HttpRequestDenied, "HttpRequestDenied"),
    (
        OutgoingError::HttpRequestBodySize,
        "HttpRequestBodySize(None)",
    ),
    (
        OutgoingError::HttpRequestMethodInvalid,
        "HttpRequestMethodInvalid",
    ),
    (
        OutgoingError::HttpRequestUriInvalid,
        "HttpRequestUriInvalid",
    ),
    (
        OutgoingError::HttpResponseIncomplete,
        "HttpResponseIncomplete",
    ),
    (
        OutgoingError::HttpResponseHeaderSectionSize,
        "HttpResponseHeaderSectionSize(None)",
    ),
    (OutgoingError::HttpResponseTimeout, "HttpResponseTimeout"),
    (OutgoingError::HttpProtocolError, "HttpProtocolError"),
    (OutgoingError::LoopDetected, "LoopDetected"),
    (OutgoingError::ConfigurationError, "ConfigurationError"),
    (OutgoingError::InternalError(None), "InternalError(None)"),
];

/// The actor `fetch` with the test in its provider's place: the answer to `/N` is the Nth code.
async fn stand_in() -> (Lattice, Arc<Mutex<Vec<Option<Patience>>>>) {
    let lattice = one_host().await;
    let client = lattice.plain().clone();
    // Its own only: the provider may be asked for its health as well.
    let handler = "lattice.default.call.out.wasi:http/outgoing-handler.handle";
    let mut calls = client.subscribe(handler).await.unwrap();
    let asked = Arc::new(Mutex::new(Vec::new()));
    let options = asked.clone();
    tokio::spawn(async move {
        while let Some(call) = calls.next().await {
            let outgoing: Outgoing = rmp_serde::from_slice(&call.payload).unwrap();
            options.lock().unwrap().push(outgoing.options);
            let number: usize = outgoing.request.path[1..].parse().unwrap();
            let answer = Answer::Err(CODES[number].0.clone());
            let answer = rmp_serde::to_vec_named(&answer).unwrap();
            client
                .publish(call.reply.unwrap(), answer.into())
                .await
                .unwrap();
        }
    });
    let manifest = "name = \"outward\"\n[actor.fetch]\ncomponent = \"fetch\"\n\
        [actor.fetch.link.\"wasi:http/outgoing-handler\"]\nto = \"out\"\n\
        [provider.out]\nexternal = true\n";
    lattice.apply(manifest).await;
    (lattice, asked)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_actor_hears_each_code_by_its_own_name() {
    let (lattice, _) = stand_in().await;
    for (number, (code, wanted)) in CODES.iter().enumerate() {
        let path = format!("/{number}");
        let to = ("GET", "http", "a", path.as_str());
        let answer = fetched(&lattice, to, &Value::Null).await;
        let wanted = format!("ErrorCode::{wanted}");
        assert_eq!(answer["err"], wanted, "{code}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_wait_that_an_actor_sets_arrives_as_that_one() {
    let (lattice, asked) = stand_in().await;
    let each = [
        Value::Null,
        json!({}),
        json!({"connect-ms": 1}),
        json!({"first-byte-ms": 2}),
        json!({"between-bytes-ms": 3}),
        json!({"connect-ms": 4, "first-byte-ms": 5, "between-bytes-ms": 6}),
    ];
    for patience in &each {
        fetched(&lattice, ("GET", "http", "a", "/0"), patience).await;
    }
    let patience = |connect_ms, first_byte_ms, between_bytes_ms| {
        Some(Patience {
            connect_ms,
            first_byte_ms,
            between_bytes_ms,
        })
    };
    let wanted = [
        None,
        patience(None, None, None),
        patience(Some(1), None, None),
        patience(None, Some(2), None),
        patience(None, None, Some(3)),
        patience(Some(4), Some(5), Some(6)),
    ];
    assert_eq!(*asked.lock().unwrap(), wanted);
}
