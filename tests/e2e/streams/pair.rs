//! The vocabulary: two clients of one lattice, and what goes between them.

use std::sync::Arc;

use bytes::Bytes;
use lattice_client::stream::{Reader, Streams, pipe};
use lattice_client::{Call, Client, Options, Reply};
use lattice_protocol::call::Context;
use lattice_protocol::error::CallError;
use lattice_tests::Nats;

pub(super) const KIB: usize = 1024;
pub(super) const MIB: usize = 1024 * KIB;

/// Two clients of one lattice, on a server that takes messages of a size that tests can go over.
pub(super) struct Pair {
    pub(super) nats: Nats,
    pub(super) caller: Client,
    pub(super) callee: Client,
}

impl Pair {
    pub(super) async fn start() -> Self {
        let nats = Nats::start().await;
        let (caller, callee) = (connect(&nats.url()).await, connect(&nats.url()).await);
        Self {
            nats,
            caller,
            callee,
        }
    }

    /// Serves `echo` with what `answer` makes of each call.
    pub(super) async fn serve<F>(
        &self,
        answer: impl Fn(Bytes, Streams) -> F + Send + Sync + 'static,
    ) where
        F: Future<Output = Result<Reply, CallError>> + Send + 'static,
    {
        serve(&self.callee, answer).await;
    }

    pub(super) fn call(&self, payload: impl Into<Bytes>, streams: Vec<Reader>) -> Call {
        Call {
            target: "echo".parse().unwrap(),
            endpoint: "echo".parse().unwrap(),
            context: Context::default(),
            payload: payload.into(),
            streams: streams.into(),
        }
    }

    pub(super) async fn ask(
        &self,
        payload: impl Into<Bytes>,
        streams: Vec<Reader>,
    ) -> Result<Reply, CallError> {
        self.caller.call(self.call(payload, streams)).await
    }
}

pub(super) async fn connect(url: &str) -> Client {
    let options = Options {
        nats: url.to_owned(),
        creds: None,
        lattice: "default".parse().unwrap(),
        name: "streams".to_owned(),
    };
    Client::connect(options).await.unwrap()
}

pub(super) async fn serve<F>(
    callee: &Client,
    answer: impl Fn(Bytes, Streams) -> F + Send + Sync + 'static,
) where
    F: Future<Output = Result<Reply, CallError>> + Send + 'static,
{
    let mut serving = callee.serve(&"echo".parse().unwrap()).await.unwrap();
    callee.settle().await;
    let answer = Arc::new(answer);
    tokio::spawn(async move {
        while let Some(call) = serving.next().await {
            let work = answer(call.payload, call.streams);
            tokio::spawn(call.responder.answer(work));
        }
    });
}

/// Sends the first stream back.
pub(super) async fn send_back(_: Bytes, streams: Streams) -> Result<Reply, CallError> {
    let streams = vec![streams.take(1).unwrap()];
    Ok(Reply {
        streams,
        ..Reply::default()
    })
}

/// Bytes of which every stretch is different.
pub(super) fn pattern(bytes: usize) -> Bytes {
    (0..bytes)
        .map(|n| (n as u32).wrapping_mul(2_654_435_761).to_be_bytes()[0])
        .collect::<Vec<_>>()
        .into()
}

/// Writes all of it in pieces of odd sizes.
pub(super) fn feed(bytes: Bytes) -> Reader {
    let (mut writer, reader) = pipe(64 * KIB);
    tokio::spawn(async move {
        let mut rest = bytes;
        let mut size = 1;
        while !rest.is_empty() {
            let piece = rest.split_to(size.min(rest.len()));
            if writer.write(piece).await.is_err() {
                return;
            }
            size = size * 3 % 200_003 + 1;
        }
        writer.end(Bytes::from_static(b"the tail"));
    });
    reader
}

pub(super) async fn drain(mut reader: Reader) -> Result<(Vec<u8>, Bytes), CallError> {
    let mut all = Vec::new();
    while let Some(piece) = reader.next().await {
        all.extend_from_slice(&piece?);
    }
    Ok((all, reader.tail()))
}

/// A callee that goes with everything in it, like a process that is killed.
pub(super) struct OtherProcess {
    runtime: tokio::runtime::Runtime,
    callee: Client,
}

impl OtherProcess {
    /// Serves `echo` in place of the pair's own callee.
    pub(super) async fn start<F>(
        pair: &Pair,
        answer: impl Fn(Bytes, Streams) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = Result<Reply, CallError>> + Send + 'static,
    {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let url = pair.nats.url();
        let serving = runtime.spawn(async move {
            let callee = connect(&url).await;
            serve(&callee, answer).await;
            callee
        });
        let callee = serving.await.unwrap();
        Self { runtime, callee }
    }

    pub(super) fn kill(self) {
        drop(self.callee);
        self.runtime.shutdown_background();
    }
}
