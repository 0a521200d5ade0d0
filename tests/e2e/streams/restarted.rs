//! A server that goes away in the middle of a stream, and comes back.

use std::sync::atomic::{AtomicBool, Ordering};

use super::*;

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

fn is_cut_off(error: &CallError) -> bool {
    matches!(
        error.code,
        ErrorCode::Unavailable | ErrorCode::Deadline | ErrorCode::Cancelled
    )
}
