//! How calls with streams end before they are whole.

use async_nats::HeaderMap;
use futures_util::StreamExt as _;

use super::*;

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
    pair.serve(move |payload, _| {
        let ended = ended.clone();
        async move {
            let (mut writer, reader) = pipe(KIB);
            writer.push(pattern(10));
            tokio::spawn(async move { ended.send((payload, writer.closed().await)).unwrap() });
            let streams = vec![reader];
            Ok(Reply {
                streams,
                ..Reply::default()
            })
        }
    })
    .await;
    // The same time is the call's: one that had no answer within it is made again, with another payload.
    let mut attempt = 0;
    let (mut reply, answered) = eventually("a call is answered", async || {
        attempt += 1;
        let payload = Bytes::from(format!("{attempt}"));
        let mut call = pair.call(payload.clone(), Vec::new());
        call.context.remaining = Duration::from_secs(2);
        let reply = pair.caller.call(call).await?;
        Ok::<_, CallError>((reply, payload))
    })
    .await;
    let error = drain(reply.streams.remove(0)).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::Deadline);
    let closed = loop {
        let (payload, closed) = ends.recv().await.unwrap();
        if payload == answered {
            break closed;
        }
    };
    assert_eq!(closed.code, ErrorCode::Deadline);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_is_gone_is_noticed_by_the_next_frame() {
    let pair = Pair::start().await;
    let gone = OtherProcess::start(&pair, send_back).await;
    let (mut writer, reader) = pipe(KIB);
    writer.push(pattern(10));
    let mut reply = pair.ask("", vec![reader]).await.unwrap();
    reply.streams[0].next().await.unwrap().unwrap();
    gone.kill();
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
async fn a_process_that_is_gone_is_noticed_while_nothing_moves() {
    let pair = Pair::start().await;
    let (ended, mut ends) = mpsc::unbounded_channel();
    let gone = OtherProcess::start(&pair, move |_, streams| {
        let ended = ended.clone();
        async move {
            let (mut writer, reader) = pipe(KIB);
            writer.push(pattern(10));
            // What is kept here goes with the process.
            ended.send(()).unwrap();
            tokio::spawn(
                async move { (writer.closed().await, drain(streams.take(1).unwrap()).await) },
            );
            let streams = vec![reader];
            Ok(Reply {
                streams,
                ..Reply::default()
            })
        }
    })
    .await;
    let (writer, reader) = pipe(KIB);
    let mut call = pair.call("", vec![reader]);
    // Only the server can end it before that.
    call.context.remaining = Duration::from_secs(3600);
    let mut reply = pair.caller.call(call).await.unwrap();
    ends.recv().await.unwrap();
    let piece = reply.streams[0].next().await.unwrap().unwrap();
    assert_eq!(piece, pattern(10));
    gone.kill();
    let error = drain(reply.streams.remove(0)).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::Unavailable, "{error}");
    drop(writer);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_that_is_gone_is_noticed_while_its_call_is_worked_on() {
    let pair = Pair::start().await;
    let (begun, mut begins) = mpsc::unbounded_channel();
    let (ended, mut ends) = mpsc::unbounded_channel();
    pair.serve(move |_, streams| {
        let (begun, ended) = (begun.clone(), ended.clone());
        async move {
            begun.send(()).unwrap();
            // Beside the call, so that nobody drops it when the call is cancelled.
            let reader = streams.take(1).unwrap();
            tokio::spawn(async move { ended.send(drain(reader).await).unwrap() });
            std::future::pending().await
        }
    })
    .await;
    let plain = pair.nats.plain_client().await;
    let inbox = plain.new_inbox();
    let mut frames = plain.subscribe(inbox.clone()).await.unwrap();
    let mut headers = HeaderMap::new();
    headers.insert("Lattice-Frame", "0 open 1 0");
    // Only the server can end it before that.
    headers.insert("Lattice-Deadline-Ms", "3600000");
    let subject = "lattice.default.call.echo.echo";
    plain
        .publish_with_reply_and_headers(subject, inbox, headers, Bytes::new())
        .await
        .unwrap();
    begins.recv().await.unwrap();
    frames.next().await.unwrap();
    drop((frames, plain));
    let error = ends.recv().await.unwrap().unwrap_err();
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
