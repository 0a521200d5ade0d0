//! What these tests share: a real server that behaves by path, and an actor's link to send through.

mod actor;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Empty, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use rcgen::{CertificateParams, KeyPair};
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

pub(super) use actor::{Actor, Got, request, with_headers};

type Answered = http::Response<UnsyncBoxBody<Bytes, std::io::Error>>;

/// Longer than anything here takes; what waits for it has failed.
pub(super) const LONG: Duration = Duration::from_secs(30);

/// A server on a free port.
pub(super) struct Site {
    pub(super) address: SocketAddr,
    /// Connections that were accepted.
    pub(super) accepted: Arc<AtomicUsize>,
    /// What is open now: connections, requests to `/never`, and bodies that are being sent.
    pub(super) open: watch::Receiver<usize>,
    folder: TempDir,
}

/// One more that is open.
struct Open(watch::Sender<usize>);

impl Open {
    fn new(count: &watch::Sender<usize>) -> Self {
        count.send_modify(|open| *open += 1);
        Self(count.clone())
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.send_modify(|open| *open -= 1);
    }
}

impl Site {
    /// Without TLS.
    pub(super) async fn plain() -> Self {
        Self::start(None).await
    }

    /// With TLS, of a certificate for `localhost`.
    pub(super) async fn secure(alpn: &[&str]) -> Self {
        Self::start(Some(alpn)).await
    }

    async fn start(alpn: Option<&[&str]>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (count, open) = watch::channel(0);
        let accepted = Arc::new(AtomicUsize::new(0));
        let acceptor = alpn.map(|alpn| acceptor(&folder, alpn));
        let counter = accepted.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                counter.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(connection(stream, acceptor.clone(), count.clone()));
            }
        });
        Self {
            address,
            accepted,
            open,
            folder,
        }
    }

    /// `localhost` with its port.
    pub(super) fn authority(&self) -> String {
        format!("localhost:{}", self.address.port())
    }

    pub(super) fn accepted(&self) -> usize {
        self.accepted.load(Ordering::SeqCst)
    }

    /// The config that trusts it.
    pub(super) fn trusted(&self) -> Value {
        json!({"ca": self.ca()})
    }

    fn ca(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// Returns when so much is open.
    pub(super) async fn has_open(&mut self, wanted: usize) {
        let open = self.open.wait_for(|open| *open == wanted);
        let open = tokio::time::timeout(LONG, open).await;
        assert!(open.is_ok(), "{wanted} should be open");
    }
}

fn acceptor(folder: &TempDir, alpn: &[&str]) -> TlsAcceptor {
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let cert = params.self_signed(&key).unwrap().pem();
    std::fs::write(folder.path().join("ca.pem"), &cert).unwrap();
    let chain = vec![CertificateDer::from_pem_slice(cert.as_bytes()).unwrap()];
    let key = PrivateKeyDer::from_pem_slice(key.serialize_pem().as_bytes()).unwrap();
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
    TlsAcceptor::from(Arc::new(config))
}

async fn connection(stream: TcpStream, acceptor: Option<TlsAcceptor>, count: watch::Sender<usize>) {
    let _open = Open::new(&count);
    match acceptor {
        None => serve(stream, &count).await,
        Some(acceptor) => {
            if let Ok(stream) = acceptor.accept(stream).await {
                serve(stream, &count).await;
            }
        }
    }
}

async fn serve<S>(stream: S, count: &watch::Sender<usize>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = service_fn(|request| {
        let count = count.clone();
        async move { Ok::<_, Infallible>(answer(request, &count).await) }
    });
    let server = auto::Builder::new(TokioExecutor::new());
    let _ = server.serve_connection(TokioIo::new(stream), service).await;
}

async fn answer(request: http::Request<Incoming>, count: &watch::Sender<usize>) -> Answered {
    let query = request.uri().query().unwrap_or_default().to_owned();
    let number: usize = query.parse().unwrap_or(0);
    match request.uri().path() {
        "/saw" => whole(saw(&request).to_string()),
        "/echo" => http::Response::new(request.into_body().map_err(other).boxed_unsync()),
        "/count" => {
            let body = request.into_body().collect().await;
            whole(body.map_or("broken".into(), |body| body.to_bytes().len().to_string()))
        }
        "/sum" => {
            let body = request.into_body().collect().await.ok();
            let trailers = body.and_then(|body| body.trailers().cloned());
            let sum = trailers.and_then(|trailers| trailers.get("x-sum").cloned());
            whole(sum.map_or("none".into(), |sum| Bytes::copy_from_slice(sum.as_bytes())))
        }
        "/never" => {
            let _open = Open::new(count);
            std::future::pending().await
        }
        "/pieces" => pieces(number, End::Never, count),
        "/breaks" => pieces(number, End::Broken(request.into_body()), count),
        "/big" => whole(vec![b'x'; number]),
        "/early" => whole("no more, please"),
        "/trailers" => pieces(1, End::Trailers, count),
        "/moved" => built(|response| {
            response
                .status(302)
                .header("location", "http://169.254.169.254/")
        }),
        "/close" => built(|response| response.header("connection", "close")),
        "/head" => built(|response| response.header("x-large", "x".repeat(number))),
        _ => built(|response| response.status(404)),
    }
}

fn saw(request: &http::Request<Incoming>) -> Value {
    let header = |(name, value): (&http::HeaderName, &http::HeaderValue)| {
        (name.to_string(), value.to_str().unwrap().into())
    };
    let headers: serde_json::Map<String, Value> = request.headers().iter().map(header).collect();
    json!({
        "version": format!("{:?}", request.version()),
        "method": request.method().as_str(),
        "uri": request.uri().to_string(),
        "headers": headers,
    })
}

enum End {
    Never,
    /// Once the request has ended.
    Broken(Incoming),
    Trailers,
}

/// So many pieces of 1 KiB, and then an end.
fn pieces(count: usize, end: End, open: &watch::Sender<usize>) -> Answered {
    let open = Open::new(open);
    let piece = |_| Ok(Frame::data(Bytes::from(vec![b'x'; 1024])));
    let begin = futures_util::stream::iter((0..count).map(piece).collect::<Vec<_>>());
    let end = futures_util::stream::once(async move {
        let _open = open;
        match end {
            End::Never => std::future::pending().await,
            End::Broken(request) => {
                let _ = request.collect().await;
                Err(std::io::Error::other("half-way"))
            }
            End::Trailers => {
                let trailers = http::HeaderMap::from_iter([(
                    http::HeaderName::from_static("x-sum"),
                    http::HeaderValue::from_static("42"),
                )]);
                Ok(Frame::trailers(trailers))
            }
        }
    });
    let body = StreamBody::new(futures_util::StreamExt::chain(begin, end));
    let response = http::Response::builder().header("trailer", "x-sum");
    response.body(body.boxed_unsync()).unwrap()
}

fn whole(bytes: impl Into<Bytes>) -> Answered {
    let body = Full::new(bytes.into()).map_err(|never| match never {});
    http::Response::new(body.boxed_unsync())
}

fn built(with: impl FnOnce(http::response::Builder) -> http::response::Builder) -> Answered {
    let body = Empty::new().map_err(|never| match never {});
    with(http::Response::builder())
        .body(body.boxed_unsync())
        .unwrap()
}

fn other(error: hyper::Error) -> std::io::Error {
    std::io::Error::other(error)
}
