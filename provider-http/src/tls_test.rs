use std::path::Path;

use rcgen::{CertificateParams, KeyPair};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use serde_json::json;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::{TlsConnector, client};

use super::renewal::Renewal;
use super::*;
use crate::testing::{Web, config, route, web};

const GET: &[u8] = b"GET / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";

/// A certificate that is its own root, and its key.
struct Pair {
    cert: String,
    key: String,
}

fn pair() -> Pair {
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let cert = params.self_signed(&key).unwrap().pem();
    Pair {
        cert,
        key: key.serialize_pem(),
    }
}

fn files(folder: &Path) -> Files {
    Files {
        cert: folder.join("web.pem"),
        key: folder.join("web.key"),
    }
}

fn write(files: &Files, cert: &str, key: &str) {
    std::fs::write(&files.cert, cert).unwrap();
    std::fs::write(&files.key, key).unwrap();
}

async fn secure(pair: &Pair, more: serde_json::Value) -> (Web, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let files = files(folder.path());
    write(&files, &pair.cert, &pair.key);
    let mut config = json!({ "tls": { "cert": files.cert, "key": files.key } });
    let more = more.as_object().unwrap().clone();
    config.as_object_mut().unwrap().extend(more);
    (web(config).await, folder)
}

/// Connects to a server that must have this certificate.
async fn connect(
    web: &Web,
    pair: &Pair,
    alpn: &[&str],
) -> std::io::Result<client::TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_slice(pair.cert.as_bytes()).unwrap())
        .unwrap();
    let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
    let stream = TcpStream::connect(web.address).await?;
    let name = ServerName::try_from("localhost").unwrap();
    TlsConnector::from(Arc::new(config))
        .connect(name, stream)
        .await
}

async fn get(stream: &mut client::TlsStream<TcpStream>) -> String {
    stream.write_all(GET).await.unwrap();
    let mut text = Vec::new();
    // A server that closes without a goodbye is an error to rustls, and none to this test.
    let _ = stream.read_to_end(&mut text).await;
    String::from_utf8_lossy(&text).into_owned()
}

#[tokio::test]
async fn the_actor_learns_that_the_client_came_by_https() {
    let pair = pair();
    let (web, _folder) = secure(&pair, json!({})).await;
    let mut stream = connect(&web, &pair, &["http/1.1"]).await.unwrap();
    let answer = get(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert!(answer.contains(r#""scheme":"https""#), "{answer}");
    assert!(
        answer.contains(r#""x-forwarded-proto":"https""#),
        "{answer}"
    );
}

#[tokio::test]
async fn alpn_picks_the_http_that_both_speak() {
    let pair = pair();
    let (web, _folder) = secure(&pair, json!({})).await;
    for (offered, taken) in [
        (&["h2", "http/1.1"][..], Some(&b"h2"[..])),
        (&["http/1.1"], Some(b"http/1.1")),
        (&[], None),
    ] {
        let stream = connect(&web, &pair, offered).await.unwrap();
        assert_eq!(stream.get_ref().1.alpn_protocol(), taken);
    }
    assert!(connect(&web, &pair, &["spdy/3"]).await.is_err());
    let stream = connect(&web, &pair, &["h2"]).await.unwrap();
    let answer =
        crate::testing::send_h2_on(stream, http::Request::get("https://localhost/"), "").await;
    assert_eq!(
        (answer.status(), answer.head.version),
        (200, http::Version::HTTP_2)
    );
    assert_eq!(answer.json()["scheme"], "https");
}

#[tokio::test]
async fn who_speaks_no_tls_or_stops_in_the_handshake_is_cut_off() {
    let (web, _folder) = secure(&pair(), json!({ "header_timeout_ms": 50 })).await;
    let plain = web.raw(GET).await;
    assert!(!plain.contains("HTTP/"), "{plain}");
    assert_eq!(web.raw(b"\x16\x03\x01").await, "");
}

#[tokio::test]
async fn a_renewed_certificate_is_taken_up_and_open_connections_go_on() {
    let (old, new) = (pair(), pair());
    let (web, folder) = secure(&old, json!({})).await;
    let files = files(folder.path());
    let mut open = connect(&web, &old, &["http/1.1"]).await.unwrap();
    let tls = web.server.tls_now().unwrap();
    let mut renewal = renewal_of(&tls, &files).await;

    // Half of a renewal is no reason to change anything.
    std::fs::write(&files.cert, &new.cert).unwrap();
    renewal.lap().await;
    assert!(connect(&web, &old, &[]).await.is_ok());
    for broken in ["", "no pem", &new.key] {
        std::fs::write(&files.cert, broken).unwrap();
        renewal.lap().await;
        assert!(connect(&web, &old, &[]).await.is_ok(), "{broken}");
    }
    std::fs::remove_file(&files.cert).unwrap();
    renewal.lap().await;
    assert!(connect(&web, &old, &[]).await.is_ok());

    write(&files, &new.cert, &new.key);
    renewal.lap().await;
    assert!(connect(&web, &old, &[]).await.is_err());
    assert!(connect(&web, &new, &[]).await.is_ok());
    assert!(get(&mut open).await.starts_with("HTTP/1.1 200 "));
}

/// The renewal of a server, a lap at a time.
async fn renewal_of(tls: &Tls, files: &Files) -> Renewal {
    Renewal {
        files: files.clone(),
        seen: read(files).await,
        current: tls.current.clone(),
    }
}

#[tokio::test(start_paused = true)]
async fn files_that_change_are_seen_without_being_told() {
    let (old, new) = (pair(), pair());
    let folder = tempfile::tempdir().unwrap();
    let files = files(folder.path());
    write(&files, &old.cert, &old.key);
    let tls = Tls::load(&files).await.unwrap();
    let before = tls.current.get();
    write(&files, &new.cert, &new.key);
    while Arc::ptr_eq(&before, &tls.current.get()) {
        tokio::time::sleep(renewal::LAP).await;
    }
}

#[tokio::test]
async fn a_certificate_that_cannot_be_used_is_refused_with_what_is_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let files = files(folder.path());
    let error = async || Tls::load(&files).await.unwrap_err().to_string();
    let (one, other) = (pair(), pair());
    let missing = error().await;
    assert!(
        missing.contains("web.pem") && missing.contains("must be there"),
        "{missing}"
    );
    write(&files, "", &one.key);
    let empty = error().await;
    assert!(empty.contains("no certificate chain in PEM"), "{empty}");
    write(&files, &one.cert, &one.cert);
    let no_key = error().await;
    assert!(no_key.contains("web.key holds no private key"), "{no_key}");
    write(&files, &one.cert, &other.key);
    let unlike = error().await;
    assert!(
        unlike.contains("the key must be of the first certificate"),
        "{unlike}"
    );
    write(&files, &"x".repeat(2 << 20), &one.key);
    let large = error().await;
    assert!(large.contains("more than 1 MiB"), "{large}");
}

#[tokio::test]
async fn settings_whose_certificate_is_refused_change_nothing() {
    let web = web(json!({})).await;
    let refused = config(json!({"tls": {"cert": "/nowhere.pem", "key": "/nowhere.key"}}));
    assert!(
        web.server
            .apply(&refused, &[route("/", "next")])
            .await
            .is_err()
    );
    assert_eq!(web.get("/").await.json()["actor"], "root");
}

#[tokio::test]
async fn tls_is_switched_on_and_off_under_one_listener() {
    let pair = pair();
    let web = web(json!({})).await;
    let folder = tempfile::tempdir().unwrap();
    let files = files(folder.path());
    write(&files, &pair.cert, &pair.key);
    let secure = config(json!({"tls": {"cert": files.cert, "key": files.key}}));
    web.server
        .apply(&secure, &[route("/", "root")])
        .await
        .unwrap();
    assert_eq!(web.server.address().await, Some(web.address));
    assert!(connect(&web, &pair, &[]).await.is_ok());
    web.server
        .apply(&config(json!({})), &[route("/", "root")])
        .await
        .unwrap();
    assert_eq!(web.get("/").await.status(), 200);
}
