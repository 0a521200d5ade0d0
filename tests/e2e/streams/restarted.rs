//! A server that goes away in the middle of a stream, and comes back.

use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_over_a_server_that_restarts_end_with_an_error_at_both_ends_and_the_next_call_works()
 {
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
    back.next().await.unwrap().unwrap();
    // Both ways are full of frames when the server goes.
    let writing = tokio::spawn(async move {
        loop {
            if let Err(error) = writer.write(pattern(16 * KIB)).await {
                return error;
            }
        }
    });
    for _ in 0..10 {
        back.next().await.unwrap().unwrap();
    }
    let reading = tokio::spawn(drain(back));
    pair.nats.restart().await;
    let cut_off = [
        ErrorCode::Unavailable,
        ErrorCode::Deadline,
        ErrorCode::Cancelled,
    ];
    let error = reading.await.unwrap().unwrap_err();
    assert!(
        cut_off.contains(&error.code),
        "the caller's reader: {error}"
    );
    let error = writing.await.unwrap();
    assert!(
        cut_off.contains(&error.code),
        "the caller's writer: {error}"
    );
    let error = ends.recv().await.unwrap().unwrap();
    assert!(
        cut_off.contains(&error.code),
        "the callee's reader: {error}"
    );
    eventually("the next call is answered", async || {
        pair.ask(pattern(3 * MIB), Vec::new()).await.map(drop)
    })
    .await;
}
