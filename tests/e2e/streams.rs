//! Streams and large payloads over NATS, between two clients that know nothing of each other but the
//! lattice; and what becomes of them when something in between fails.
//!
//! - `by_hand`: answers that no callee of ours gives;
//! - `faulty`: a transport that drops, repeats and reorders;
//! - `restarted`: a server that goes away and comes back;
//! - `edge`, `aborted`, `stalled`, `killed`: over HTTP, with hosts and providers that are processes.

mod aborted;
mod by_hand;
mod edge;
mod faulty;
mod killed;
mod restarted;
mod stalled;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use lattice_client::stream::{Reader, Streams, pipe};
use lattice_client::{Call, Client, Options, Reply};
use lattice_protocol::call::Context;
use lattice_protocol::error::{CallError, ErrorCode, Executed};
use lattice_tests::{Nats, eventually};
use tokio::sync::{Semaphore, mpsc};

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;

/// Two clients of one lattice, on a server that takes messages of a size that tests can go over.
struct Pair {
    nats: Nats,
    caller: Client,
    callee: Client,
}

impl Pair {
    async fn start() -> Self {
        let nats = Nats::start().await;
        let (caller, callee) = (connect(&nats.url()).await, connect(&nats.url()).await);
        Self {
            nats,
            caller,
            callee,
        }
    }

    /// Serves `echo` with what `answer` makes of each call.
    async fn serve<F>(&self, answer: impl Fn(Bytes, Streams) -> F + Send + Sync + 'static)
    where
        F: Future<Output = Result<Reply, CallError>> + Send + 'static,
    {
        serve(&self.callee, answer).await;
    }

    fn call(&self, payload: impl Into<Bytes>, streams: Vec<Reader>) -> Call {
        Call {
            target: "echo".parse().unwrap(),
            endpoint: "echo".parse().unwrap(),
            context: Context::default(),
            payload: payload.into(),
            streams: streams.into(),
        }
    }

    async fn ask(
        &self,
        payload: impl Into<Bytes>,
        streams: Vec<Reader>,
    ) -> Result<Reply, CallError> {
        self.caller.call(self.call(payload, streams)).await
    }
}

async fn connect(url: &str) -> Client {
    let options = Options {
        nats: url.to_owned(),
        creds: None,
        lattice: "default".parse().unwrap(),
        name: "streams".to_owned(),
    };
    Client::connect(options).await.unwrap()
}

async fn serve<F>(callee: &Client, answer: impl Fn(Bytes, Streams) -> F + Send + Sync + 'static)
where
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
async fn send_back(_: Bytes, streams: Streams) -> Result<Reply, CallError> {
    let streams = vec![streams.take(1).unwrap()];
    Ok(Reply {
        streams,
        ..Reply::default()
    })
}

/// Bytes of which every stretch is different.
fn pattern(bytes: usize) -> Bytes {
    (0..bytes)
        .map(|n| (n as u32).wrapping_mul(2_654_435_761).to_be_bytes()[0])
        .collect::<Vec<_>>()
        .into()
}

/// Writes all of it in pieces of odd sizes.
fn feed(bytes: Bytes) -> Reader {
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

async fn drain(mut reader: Reader) -> Result<(Vec<u8>, Bytes), CallError> {
    let mut all = Vec::new();
    while let Some(piece) = reader.next().await {
        all.extend_from_slice(&piece?);
    }
    Ok((all, reader.tail()))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_payload_over_the_size_of_a_message_comes_whole_both_ways() {
    let pair = Pair::start().await;
    pair.serve(|payload, _| async move { Ok(payload.into()) })
        .await;
    for bytes in [10, MIB - 200, MIB, MIB + 1, 5 * MIB + 7] {
        let sent = pattern(bytes);
        let reply = pair.ask(sent.clone(), Vec::new()).await.unwrap();
        assert!(reply.payload == sent, "{bytes} bytes");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plain_client_is_told_that_a_result_is_too_large_for_it() {
    let pair = Pair::start().await;
    pair.serve(|_, _| async { Ok(pattern(2 * MIB).into()) })
        .await;
    let plain = pair.nats.plain_client().await;
    let reply = plain
        .request("lattice.default.call.echo.echo", Bytes::new())
        .await
        .unwrap();
    let code = reply
        .headers
        .unwrap()
        .get("Lattice-Error")
        .unwrap()
        .to_string();
    assert_eq!(code, "too-large");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_go_both_ways_at_once_and_keep_every_byte_and_the_tail() {
    let pair = Pair::start().await;
    pair.serve(|payload, streams| async move {
        let streams = (1..=2).map(|n| streams.take(n).unwrap()).collect();
        Ok(Reply { payload, streams })
    })
    .await;
    let sent = [pattern(3 * MIB + 1), pattern(700 * KIB)];
    let streams = sent.iter().cloned().map(feed).collect();
    let reply = pair.ask("hello", streams).await.unwrap();
    assert_eq!(reply.payload, "hello");
    let mut readers = reply.streams.into_iter();
    let (first, second) = (readers.next().unwrap(), readers.next().unwrap());
    let (first, second) = tokio::join!(drain(first), drain(second));
    for (came, sent) in [first.unwrap(), second.unwrap()].iter().zip(&sent) {
        assert!(came.0 == *sent);
        assert_eq!(came.1, "the tail");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_reader_slows_the_writer_and_holds_little() {
    let pair = Pair::start().await;
    pair.serve(send_back).await;
    let (mut writer, reader) = pipe(64 * KIB);
    let (count, mut counted) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while writer.write(pattern(64 * KIB)).await.is_ok() {
            count.send(64 * KIB).unwrap();
        }
    });
    let mut reply = pair.ask("", vec![reader]).await.unwrap();
    let mut back = reply.streams.remove(0);
    back.next().await.unwrap().unwrap();
    // What is under way settles at the windows of both legs and the pipes between: until a whole call
    // on the same connection has been answered, nothing more was written.
    let mut written = 0;
    loop {
        let before = written;
        for _ in 0..3 {
            pair.caller.settle().await;
            pair.callee.settle().await;
        }
        while let Ok(bytes) = counted.try_recv() {
            written += bytes;
        }
        if written == before && written > 0 {
            break;
        }
    }
    assert!(
        written < 4 * MIB,
        "{written} bytes were written and one piece read"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_that_goes_away_is_heard_of_by_whoever_reads_its_stream() {
    let pair = Pair::start().await;
    let (ended, mut ends) = mpsc::unbounded_channel();
    pair.serve(move |_, streams| {
        let (ended, reader) = (ended.clone(), streams.take(1).unwrap());
        async move {
            // Beside the call, so that nobody drops it when the call is cancelled.
            tokio::spawn(async move { ended.send(drain(reader).await).unwrap() });
            std::future::pending().await
        }
    })
    .await;
    let (mut writer, reader) = pipe(KIB);
    writer.push(pattern(10));
    let call = pair.call("", vec![reader]);
    let caller = pair.caller.clone();
    let call = tokio::spawn(async move { caller.call(call).await });
    eventually("the callee reads", async || {
        match writer.write(pattern(10)).await {
            Ok(()) => Ok(()),
            Err(error) => Err(error),
        }
    })
    .await;
    call.abort();
    let error = ends.recv().await.unwrap().unwrap_err();
    assert_eq!(error.code, ErrorCode::Cancelled, "{error}");
    assert_eq!(writer.closed().await.code, ErrorCode::Cancelled);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reply_that_nobody_reads_any_more_stops_its_writer() {
    let pair = Pair::start().await;
    let (ended, mut ends) = mpsc::unbounded_channel();
    pair.serve(move |_, _| {
        let ended = ended.clone();
        async move {
            let (mut writer, reader) = pipe(KIB);
            tokio::spawn(async move {
                while writer.write(pattern(KIB)).await.is_ok() {}
                ended.send(writer.closed().await).unwrap();
            });
            let streams = vec![reader];
            Ok(Reply {
                streams,
                ..Reply::default()
            })
        }
    })
    .await;
    let mut reply = pair.ask("", Vec::new()).await.unwrap();
    reply.streams[0].next().await.unwrap().unwrap();
    drop(reply);
    assert_eq!(ends.recv().await.unwrap().code, ErrorCode::Cancelled);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_is_refused_has_lost_nothing_of_its_streams() {
    let pair = Pair::start().await;
    let turns = Arc::new(Semaphore::new(1));
    pair.serve(move |_, streams| {
        let first = turns.clone().try_acquire_owned().is_ok_and(|turn| {
            turn.forget();
            true
        });
        async move {
            match first {
                true => Err(CallError::refused(ErrorCode::Overloaded, "full")),
                false => {
                    let (bytes, _) = drain(streams.take(1).unwrap()).await?;
                    Ok(Bytes::from(bytes).into())
                }
            }
        }
    })
    .await;
    let sent = pattern(100 * KIB);
    let call = pair.call("", vec![feed(sent.clone())]);
    let refused = pair.caller.call(call.clone()).await.unwrap_err();
    assert_eq!(refused.executed, Executed::No);
    assert!(call.streams.are_whole());
    let reply = pair.caller.call(call).await.unwrap();
    assert!(reply.payload == sent);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_that_breaks_off_is_an_error_at_the_other_end_with_its_words() {
    let pair = Pair::start().await;
    pair.serve(|_, _| async {
        let (mut writer, reader) = pipe(KIB);
        writer.push(pattern(10));
        writer.fail(CallError::begun(ErrorCode::Trapped, "half-way"));
        let streams = vec![reader];
        Ok(Reply {
            streams,
            ..Reply::default()
        })
    })
    .await;
    let mut reply = pair.ask("", Vec::new()).await.unwrap();
    let error = drain(reply.streams.remove(0)).await.unwrap_err();
    assert_eq!(
        (error.code, &*error.message),
        (ErrorCode::Trapped, "half-way")
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn silence_for_the_whole_time_of_a_call_ends_its_streams_at_both_ends() {
    let pair = Pair::start().await;
    let (ended, mut ends) = mpsc::unbounded_channel();
    pair.serve(move |_, _| {
        let ended = ended.clone();
        async move {
            let (mut writer, reader) = pipe(KIB);
            writer.push(pattern(10));
            tokio::spawn(async move { ended.send(writer.closed().await).unwrap() });
            let streams = vec![reader];
            Ok(Reply {
                streams,
                ..Reply::default()
            })
        }
    })
    .await;
    let mut call = pair.call("", Vec::new());
    call.context.remaining = Duration::from_millis(300);
    let mut reply = pair.caller.call(call).await.unwrap();
    let error = drain(reply.streams.remove(0)).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::Deadline);
    assert_eq!(ends.recv().await.unwrap().code, ErrorCode::Deadline);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_is_gone_is_noticed_by_the_next_frame() {
    let pair = Pair::start().await;
    // A runtime of its own, which goes with everything in it, like a process that is killed.
    let process = tokio::runtime::Runtime::new().unwrap();
    let url = pair.nats.url();
    let serving = process.spawn(async move {
        let callee = connect(&url).await;
        serve(&callee, send_back).await;
        callee
    });
    let callee = serving.await.unwrap();
    let (mut writer, reader) = pipe(KIB);
    writer.push(pattern(10));
    let mut reply = pair.ask("", vec![reader]).await.unwrap();
    reply.streams[0].next().await.unwrap().unwrap();
    drop(callee);
    process.shutdown_background();
    let gone = loop {
        if let Err(error) = writer.write(pattern(KIB)).await {
            break error;
        }
    };
    assert_eq!(gone.code, ErrorCode::Unavailable, "{gone}");
    let error = drain(reply.streams.remove(0)).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::Unavailable, "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_that_the_callee_does_not_read_is_given_up_when_it_answers() {
    let pair = Pair::start().await;
    let (keep, kept) = mpsc::unbounded_channel();
    pair.serve(move |_, streams| {
        let keep = keep.clone();
        async move {
            let (writer, reader) = pipe(KIB);
            // The answer goes on for as long as the test likes.
            keep.send(writer).unwrap();
            drop(streams.take(1));
            let streams = vec![reader];
            Ok(Reply {
                streams,
                ..Reply::default()
            })
        }
    })
    .await;
    let (mut writer, reader) = pipe(KIB);
    writer.push(pattern(10));
    let mut call = pair.call("", vec![reader]);
    call.context.remaining = Duration::from_secs(3600);
    let reply = pair.caller.call(call.clone()).await.unwrap();
    assert_eq!(writer.closed().await.code, ErrorCode::Cancelled);
    drop((reply, call, kept));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_streams_than_are_allowed_are_refused_with_their_number() {
    let pair = Pair::start().await;
    pair.serve(|_, _| async {
        let streams = (0..17).map(|_| pipe(KIB).1).collect();
        Ok(Reply {
            streams,
            ..Reply::default()
        })
    })
    .await;
    let streams = (0..17).map(|_| pipe(KIB).1).collect();
    let error = pair.ask("", streams).await.unwrap_err();
    assert_eq!(
        (error.code, error.executed),
        (ErrorCode::BadRequest, Executed::No)
    );
    assert!(error.message.contains("17 streams"), "{error}");
    for streams in [Vec::new(), vec![pipe(KIB).1]] {
        let error = pair.ask("", streams).await.unwrap_err();
        assert_eq!(error.code, ErrorCode::Internal, "{error}");
        assert!(error.message.contains("17 streams"), "{error}");
    }
}
