//! A server that goes away in the middle of a stream, and comes back.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use lattice_protocol::frame::SILENCE_MAX;
use lattice_tests::{END, Exchange, chunk};

use super::edge::{Edge, HOUR_MS};
use super::gate::Gate;
use super::*;
use crate::way::Way;

/// How often a test looks for the moment that it is about.
const TRIES: usize = 5;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_over_a_server_that_restarts_are_whole_or_an_error_and_the_next_call_works() {
    let mut pair = Pair::start().await;
    let (ended, mut ends) = mpsc::unbounded_channel();
    pair.serve(move |payload, streams| {
        let ended = ended.clone();
        async move {
            if let Some(mut reader) = streams.take(1) {
                let (mut writer, back) = pipe(64 * KIB);
                tokio::spawn(async move {
                    let end = loop {
                        match reader.next().await {
                            Some(Ok(piece)) => {
                                // The way back may have ended before.
                                let _ = writer.write(piece).await;
                            }
                            Some(Err(error)) => break Some(error),
                            None => break None,
                        }
                    };
                    ended.send(end).unwrap();
                });
                let streams = vec![back];
                return Ok(Reply {
                    streams,
                    ..Reply::default()
                });
            }
            Ok(payload.into())
        }
    })
    .await;
    let (mut writer, reader) = pipe(64 * KIB);
    writer.push(pattern(KIB));
    let mut call = pair.call("", vec![reader]);
    call.context.remaining = Duration::from_secs(3);
    let mut reply = pair.caller.call(call).await.unwrap();
    let mut back = reply.streams.remove(0);
    let mut read = back.next().await.unwrap().unwrap().len();
    // Both ways are full of frames when the server goes. Where it came back before a frame was lost, the
    // streams go on, to their end.
    let enough = Arc::new(AtomicBool::new(false));
    let stop = enough.clone();
    let writing = tokio::spawn(async move {
        let mut written = KIB;
        while !stop.load(Ordering::Relaxed) {
            writer.write(pattern(16 * KIB)).await?;
            written += 16 * KIB;
        }
        writer.end(Bytes::new());
        Ok::<_, CallError>(written)
    });
    for _ in 0..10 {
        read += back.next().await.unwrap().unwrap().len();
    }
    let reading = tokio::spawn(drain(back));
    pair.nats.restart().await;
    enough.store(true, Ordering::Relaxed);
    let (came, written) = (reading.await.unwrap(), writing.await.unwrap());
    let end = ends.recv().await.unwrap();
    match came {
        Ok((rest, _)) => assert_eq!(written.ok(), Some(read + rest.len())),
        Err(error) => assert!(is_cut_off(&error), "the caller's reader: {error}"),
    }
    if let Some(error) = end {
        assert!(is_cut_off(&error), "the callee's reader: {error}");
    }
    eventually("the next call is answered", async || {
        pair.ask(pattern(3 * MIB), Vec::new()).await.map(drop)
    })
    .await;
}

/// Sends the first stream back, or without one the payload.
async fn send_back_either(payload: Bytes, streams: Streams) -> Result<Reply, CallError> {
    match streams.take(1) {
        Some(stream) => Ok(Reply {
            streams: vec![stream],
            ..Reply::default()
        }),
        None => Ok(payload.into()),
    }
}

/// A call whose stream has come back once, and which only the server's word can end within an hour.
async fn idle(pair: &Pair) -> (Writer, Reader) {
    let (mut writer, reader) = pipe(64 * KIB);
    writer.push(pattern(KIB));
    let mut call = pair.call("", vec![reader]);
    call.context.remaining = Duration::from_millis(HOUR_MS);
    let mut reply = pair.caller.call(call).await.unwrap();
    let mut back = reply.streams.remove(0);
    assert_eq!(back.next().await.unwrap().unwrap(), pattern(KIB));
    (writer, back)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_idle_stream_outlives_a_restart_though_one_end_is_back_long_before_the_other() {
    for _ in 0..TRIES {
        if goes_on_after_a_restart().await {
            return;
        }
    }
    panic!("the callee was never back before the caller looked for it again");
}

/// Lets the callee be back after the caller has looked for it. Where it was not back before the caller
/// looked again, the stream has ended with good reason: then this shows nothing.
async fn goes_on_after_a_restart() -> bool {
    let nats = Nats::start().await;
    let (near, far) = (Gate::start(nats.url()).await, Gate::start(nats.url()).await);
    let (caller, callee) = (connect(&near.url()).await, connect(&far.url()).await);
    let mut pair = Pair {
        nats,
        caller,
        callee,
    };
    pair.serve(send_back_either).await;
    let (mut writer, back) = idle(&pair).await;
    far.shut();
    pair.nats.restart().await;
    let mut before = Instant::now();
    eventually(
        "the caller looks for the callee, which is not back",
        async || {
            let now = Instant::now();
            if near.missed() > 0 {
                return Ok(());
            }
            before = now;
            Err("nothing was missed")
        },
    )
    .await;
    far.open();
    eventually("the callee is back", async || {
        pair.ask("", Vec::new()).await.map(drop)
    })
    .await;
    if before.elapsed() >= SILENCE_MAX {
        return false;
    }
    writer.write(pattern(3 * MIB)).await.unwrap();
    writer.end(Bytes::from_static(b"the tail"));
    let (bytes, tail) = drain(back).await.unwrap();
    assert!(bytes == pattern(3 * MIB) && tail == "the tail");
    true
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_idle_stream_whose_other_end_died_while_the_server_was_away_ends_with_an_error() {
    let mut pair = Pair::start().await;
    let other = OtherProcess::start(&pair, send_back_either).await;
    let (mut writer, back) = idle(&pair).await;
    other.kill();
    pair.nats.restart().await;
    let error = drain(back).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::Unavailable, "{error}");
    assert_eq!(writer.closed().await.code, ErrorCode::Unavailable);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_that_is_held_open_goes_on_after_the_server_restarts() {
    let config =
        format!("timeout_ms = {HOUR_MS}, idle_timeout_ms = {HOUR_MS}, body_timeout_ms = {HOUR_MS}");
    let mut edge = Edge::start(Way::Away, &config, 2).await;
    let mut exchange = Exchange::post(edge.address, "/echo").await;
    exchange.send(&chunk("before")).await;
    exchange.accepted().await;
    exchange.until(&chunk("before")).await;
    edge.lattice.nats().restart().await;
    edge.until_served().await;
    exchange.send(&chunk("after")).await;
    exchange.until(&chunk("after")).await;
    exchange.send(END).await;
    assert_eq!(exchange.rest().await, END);
}

fn is_cut_off(error: &CallError) -> bool {
    matches!(
        error.code,
        ErrorCode::Unavailable | ErrorCode::Deadline | ErrorCode::Cancelled
    )
}
