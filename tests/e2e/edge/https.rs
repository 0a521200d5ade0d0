//! TLS, with certificates of the test's own.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use lattice_tests::eventually;
use rcgen::{CertificateParams, KeyPair};
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::manifest;
use crate::one_host;

/// Makes a certificate in these files; answers what a client needs to believe it.
pub(crate) fn certify(cert: &Path, key: &Path) -> CertificateDer<'static> {
    let pair = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let certificate = params.self_signed(&pair).unwrap();
    std::fs::write(key, pair.serialize_pem()).unwrap();
    std::fs::write(cert, certificate.pem()).unwrap();
    certificate.der().clone()
}

/// Connects as a client that believes one certificate.
async fn connect(
    address: SocketAddr,
    root: &CertificateDer<'static>,
) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(root.clone()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let stream = TcpStream::connect(address).await?;
    let name = ServerName::try_from("localhost").unwrap();
    TlsConnector::from(Arc::new(config))
        .connect(name, stream)
        .await
}

/// A request on a connection, which is its last.
async fn echo(stream: &mut TlsStream<TcpStream>) -> String {
    let request = b"POST /echo HTTP/1.1\r\nhost: localhost\r\ncontent-length: 2\r\n\
                    connection: close\r\n\r\nhi";
    stream.write_all(request).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn https_reaches_the_actor_and_a_renewed_certificate_needs_no_restart() {
    let lattice = one_host().await;
    let cert = lattice.folder().join("web.pem");
    let key = lattice.folder().join("web.key");
    let old = certify(&cert, &key);
    let tls = format!("tls = {{ cert = {cert:?}, key = {key:?} }}");
    lattice.apply(&manifest(&tls)).await;
    let address = lattice.address("web").await;

    let mut stream = connect(address, &old).await.unwrap();
    let answer = echo(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert!(answer.contains("x-forwarded-proto: https\r\n"), "{answer}");
    assert!(answer.ends_with("hi"), "{answer}");

    let mut open = connect(address, &old).await.unwrap();
    let new = certify(&cert, &key);
    eventually("the new certificate is shown", async || {
        connect(address, &new)
            .await
            .map(drop)
            .map_err(|error| error.to_string())
    })
    .await;
    assert!(connect(address, &old).await.is_err());
    assert!(
        echo(&mut open).await.ends_with("hi"),
        "an open connection goes on"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_that_is_not_there_is_named_where_the_operator_looks() {
    let lattice = one_host().await;
    let logs = lattice.logs().await;
    let tls = r#"tls = { cert = "/nowhere/web.pem", key = "/nowhere/web.key" }"#;
    lattice.try_apply(&manifest(tls)).await.unwrap();
    let line = logs.with("web", "/nowhere/web.pem").await;
    let line = line["message"].as_str().unwrap();
    assert!(line.contains("must be there, and readable"), "{line}");
    assert!(line.contains("[provider.web]"), "{line}");
}
