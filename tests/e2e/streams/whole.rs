//! What comes whole, and in bounds.

use super::*;

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
