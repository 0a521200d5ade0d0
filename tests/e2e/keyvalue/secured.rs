//! A Redis behind TLS that asks for a certificate and a password: what reaches it, and what never does.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;

use lattice_tests::{Lattice, Redis};
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use serde_json::json;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use crate::edge::https::certify;
use crate::one_host;

const PASSWORD: &str = "s3cret";

/// Ends TLS before a server that speaks none: what each passes on is the protocol as it is. As Redis does,
/// it asks who comes, and lets in whom `clients` vouches for.
async fn tls_before(server: u16, cert: &Path, key: &Path, clients: &Path) -> SocketAddr {
    let chain = vec![CertificateDer::from_pem_file(cert).unwrap()];
    let key = PrivateKeyDer::from_pem_file(key).unwrap();
    let crypto = Arc::new(ring::default_provider());
    let mut known = RootCertStore::empty();
    known
        .add(CertificateDer::from_pem_file(clients).unwrap())
        .unwrap();
    let known = WebPkiClientVerifier::builder_with_provider(Arc::new(known), crypto.clone());
    let config = ServerConfig::builder_with_provider(crypto)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(known.build().unwrap())
        .with_single_cert(chain, key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                // A client that does not believe the certificate ends it here.
                let Ok(mut outside) = acceptor.accept(stream).await else {
                    return;
                };
                let inside = TcpStream::connect((Ipv4Addr::LOCALHOST, server)).await;
                let _ = copy_bidirectional(&mut outside, &mut inside.unwrap()).await;
            });
        }
    });
    address
}

/// A provider by the names of its files: its password, whom it trusts, and who it is.
fn provider(lattice: &Lattice, front: SocketAddr, words: [&str; 4]) -> String {
    let [name, password, ca, client] = words;
    let path = |name: &str| lattice.folder().join(name).display().to_string();
    let identity = match client {
        "" => String::new(),
        _ => format!(
            "cert = \"{}\"\nkey = \"{}-key\"\n",
            path(client),
            path(client)
        ),
    };
    format!(
        "[provider.{name}]\nkind = \"keyvalue\"\n[provider.{name}.config]\n\
         backend = \"redis\"\nurl = \"rediss://localhost:{}\"\n\
         password_file = \"{}\"\nca = \"{}\"\n{identity}",
        front.port(),
        path(password),
        path(ca)
    )
}

/// Providers of one server: `kv` has all that it needs, the others lack one thing each.
struct Secured {
    lattice: Lattice,
    _redis: Redis,
}

impl Secured {
    async fn start() -> Self {
        let (lattice, redis) = tokio::join!(one_host(), Redis::start());
        let lock = format!("CONFIG SET requirepass {PASSWORD}\r\n");
        assert_eq!(redis.say(&lock).await.unwrap(), "+OK\r\n");
        let path = |name: &str| lattice.folder().join(name);
        certify(&path("cert"), &path("key"));
        certify(&path("client"), &path("client-key"));
        certify(&path("other"), &path("other-key"));
        std::fs::write(path("password"), format!("{PASSWORD}\n")).unwrap();
        std::fs::write(path("wrong"), "wrong\n").unwrap();
        let port = redis.url().rsplit_once(':').unwrap().1.parse().unwrap();
        let front = tls_before(port, &path("cert"), &path("key"), &path("client")).await;
        let manifest = format!(
            "name = \"stores\"\n{}{}{}{}{}",
            provider(&lattice, front, ["kv", "password", "cert", "client"]),
            provider(&lattice, front, ["stranger", "password", "other", "client"]),
            provider(&lattice, front, ["guesser", "wrong", "cert", "client"]),
            provider(&lattice, front, ["impostor", "password", "cert", "other"]),
            provider(&lattice, front, ["masked", "password", "cert", ""]),
        );
        lattice.apply(&manifest).await;
        Self {
            lattice,
            _redis: redis,
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn values_reach_a_redis_over_tls_with_a_certificate_and_a_password_that_stand_in_no_manifest()
{
    let secured = Secured::start().await;
    let lattice = &secured.lattice;
    let set = lattice
        .call("kv.bucket.set", json!(["b", "k", [118]]))
        .await;
    assert_eq!(set.json(), json!({"ok": null}));
    let sum = lattice.call("kv.increment", json!(["b", "n", 2])).await;
    assert_eq!(sum.json(), json!({"ok": 2}));
    let exported = lattice
        .control("app.export", json!({"name": "stores"}))
        .await;
    assert_eq!(exported["ok"], true, "{exported}");
    assert!(!exported.to_string().contains(PASSWORD), "{exported}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_is_not_trusted_or_that_refuses_the_password_or_the_certificate_gets_nothing()
{
    let secured = Secured::start().await;
    let lattice = &secured.lattice;
    for (provider, why) in [
        ("stranger", "invalid peer certificate"),
        ("guesser", "assword"),
        ("impostor", "received fatal alert"),
        ("masked", "received fatal alert: CertificateRequired"),
    ] {
        let set = format!("{provider}.bucket.set");
        let failure = lattice.call(&set, json!(["b", "k", [118]])).await.failure();
        assert!(failure.is("unavailable", 503), "{failure:?}");
        assert_eq!(failure.executed, "no", "{failure:?}");
        assert!(failure.message.contains(why), "{failure:?}");
        assert!(!failure.message.contains(PASSWORD), "{failure:?}");
    }
    let found = lattice.call("kv.bucket.exists", json!(["b", "k"])).await;
    assert_eq!(found.json(), json!({"ok": false}));
}
