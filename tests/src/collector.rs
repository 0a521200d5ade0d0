//! A collector of telemetry: OTLP over gRPC, read without any code of ours or of OpenTelemetry.

mod protobuf;

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use futures_util::stream::{self, Iter};
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use protobuf::Message;

const TRACES: &str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
const METRICS: &str = "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export";
/// What stands before each message: whether it is compressed, and its length.
const PREFIX: usize = 5;

/// Attributes, as text.
pub type Attributes = BTreeMap<String, String>;

/// A span that was sent.
#[derive(Debug, Clone)]
pub struct Span {
    /// What its process says of itself.
    pub resource: Attributes,
    /// Its trace, in hex.
    pub trace: String,
    /// Its id, in hex.
    pub id: String,
    /// The span above it; empty if there is none.
    pub parent: String,
    /// Its name.
    pub name: String,
    /// `server`, `client`, or a number.
    pub kind: String,
    /// What it says.
    pub attributes: Attributes,
    /// Whether it failed.
    pub failed: bool,
}

/// A number that was sent: the last of its series.
#[derive(Debug, Clone, PartialEq)]
pub struct Point {
    /// What is counted.
    pub name: String,
    /// What tells it from others, with the process's `service.name` and `service.instance.id`.
    pub attributes: Attributes,
    /// The number; how many there are if it is a histogram.
    pub value: f64,
}

/// A collector that keeps what it is sent.
#[must_use = "the collector ends when it is dropped"]
pub struct Collector {
    address: SocketAddr,
    kept: Arc<Mutex<Kept>>,
    task: JoinHandle<()>,
}

#[derive(Default)]
struct Kept {
    spans: Vec<Span>,
    points: Vec<Point>,
}

impl Collector {
    /// A collector on a free port.
    pub async fn start() -> Self {
        let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        let kept = Arc::<Mutex<Kept>>::default();
        let all = kept.clone();
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = socket.accept().await {
                let kept = all.clone();
                let answer = service_fn(move |request| answer(kept.clone(), request));
                let connection = http2::Builder::new(TokioExecutor::new())
                    .serve_connection(TokioIo::new(stream), answer);
                tokio::spawn(connection);
            }
        });
        Self {
            address,
            kept,
            task,
        }
    }

    /// What `OTEL_EXPORTER_OTLP_ENDPOINT` should say.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The spans of one trace.
    pub fn trace(&self, trace: &str) -> Vec<Span> {
        let mut spans = self.spans();
        spans.retain(|span| span.trace == trace);
        spans
    }

    /// All spans.
    pub fn spans(&self) -> Vec<Span> {
        self.kept.lock().unwrap().spans.clone()
    }

    /// The last number of a series: the one that has these attributes, whatever else it has.
    pub fn point(&self, name: &str, attributes: &[(&str, &str)]) -> Option<f64> {
        let kept = self.kept.lock().unwrap();
        let fits = |point: &&Point| {
            point.name == name
                && attributes
                    .iter()
                    .all(|(key, value)| point.attributes.get(*key).is_some_and(|v| v == value))
        };
        kept.points.iter().rev().find(fits).map(|point| point.value)
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        self.task.abort();
    }
}

type Frames = Iter<std::array::IntoIter<Result<Frame<Bytes>, Infallible>, 2>>;

async fn answer(
    kept: Arc<Mutex<Kept>>,
    request: Request<Incoming>,
) -> Result<Response<StreamBody<Frames>>, Infallible> {
    let path = request.uri().path().to_owned();
    let body = request.into_body().collect().await.unwrap().to_bytes();
    let message = Message(&body[PREFIX..]);
    match path.as_str() {
        TRACES => kept.lock().unwrap().spans.extend(spans(message)),
        METRICS => kept.lock().unwrap().points.extend(points(message)),
        other => panic!("nobody exports {other}"),
    }
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", HeaderValue::from_static("0"));
    let frames = [
        Ok(Frame::data(Bytes::from_static(&[0; PREFIX]))),
        Ok(Frame::trailers(trailers)),
    ];
    let mut response = Response::new(StreamBody::new(stream::iter(frames)));
    let kind = HeaderValue::from_static("application/grpc");
    response.headers_mut().insert("content-type", kind);
    Ok(response)
}

fn spans(request: Message<'_>) -> Vec<Span> {
    let mut found = Vec::new();
    for of_process in request.messages(1) {
        let resource = attributes(of_process.message(1), 1);
        let scopes = of_process.messages(2);
        for span in scopes.flat_map(|scope| scope.messages(2).collect::<Vec<_>>()) {
            found.push(Span {
                resource: resource.clone(),
                trace: span.hex(1),
                id: span.hex(2),
                parent: span.hex(4),
                name: span.text(5),
                kind: match span.number(6) {
                    2 => "server".to_owned(),
                    3 => "client".to_owned(),
                    other => other.to_string(),
                },
                attributes: attributes(span, 9),
                failed: span.message(15).number(3) == 2,
            });
        }
    }
    found
}

fn points(request: Message<'_>) -> Vec<Point> {
    let mut found = Vec::new();
    for of_process in request.messages(1) {
        let resource = attributes(of_process.message(1), 1);
        let scopes = of_process.messages(2);
        for metric in scopes.flat_map(|scope| scope.messages(2).collect::<Vec<_>>()) {
            let plain = [5, 7].into_iter().flat_map(|field| metric.messages(field));
            let plain = plain.flat_map(|data| data.messages(1).collect::<Vec<_>>());
            let plain = plain.map(|point| (attributes(point, 7), point.double(4)));
            let histograms = metric.messages(9);
            let histograms = histograms.flat_map(|data| data.messages(1).collect::<Vec<_>>());
            let histograms = histograms.map(|point| (attributes(point, 9), point.fixed(4) as f64));
            for (mut attributes, value) in plain.chain(histograms) {
                attributes.extend(resource.clone());
                found.push(Point {
                    name: metric.text(1),
                    attributes,
                    value,
                });
            }
        }
    }
    found
}

fn attributes(message: Message<'_>, field: u64) -> Attributes {
    let pairs = message.messages(field);
    pairs
        .map(|pair| {
            let value = pair.message(2);
            let text = match value.number(3) {
                0 => value.text(1),
                number => number.to_string(),
            };
            (pair.text(1), text)
        })
        .collect()
}
