use std::time::Duration;

use futures_util::FutureExt as _;

use super::*;

fn bytes(count: usize) -> Bytes {
    vec![7; count].into()
}

async fn read_all(reader: &mut Reader) -> Result<usize, CallError> {
    let mut all = 0;
    while let Some(piece) = reader.next().await {
        all += piece?.len();
    }
    Ok(all)
}

#[tokio::test]
async fn what_is_written_comes_in_order_and_then_the_tail() {
    let (mut writer, mut reader) = pipe(10);
    writer.write(Bytes::from_static(b"one")).await.unwrap();
    writer.push(Bytes::from_static(b""));
    writer.push(Bytes::from_static(b"two"));
    writer.end(Bytes::from_static(b"tail"));
    assert_eq!(reader.next().await.unwrap().unwrap(), "one");
    assert!(reader.tail().is_empty());
    assert_eq!(reader.next().await.unwrap().unwrap(), "two");
    assert!(reader.next().await.is_none() && reader.next().await.is_none());
    assert_eq!(reader.tail(), "tail");
}

#[tokio::test]
async fn a_writer_waits_while_the_window_is_full() {
    let (mut writer, mut reader) = pipe(4096);
    writer.write(bytes(4096)).await.unwrap();
    assert!(writer.write(bytes(1)).now_or_never().is_none());
    reader.next().await.unwrap().unwrap();
    writer.write(bytes(1)).await.unwrap();
}

#[tokio::test]
async fn a_reader_that_goes_away_is_an_error_for_the_writer() {
    let (mut writer, reader) = pipe(1);
    writer.write(bytes(1)).await.unwrap();
    drop(reader);
    let error = writer.write(bytes(1)).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::Cancelled);
    let (mut writer, reader) = pipe(1);
    reader.refuse(CallError::begun(ErrorCode::TooLarge, "enough"));
    assert_eq!(writer.closed().await.message, "enough");
}

#[tokio::test]
async fn a_writer_that_goes_away_is_an_error_for_the_reader_never_an_end() {
    let (mut writer, mut reader) = pipe(10);
    writer.push(bytes(3));
    drop(writer);
    let error = read_all(&mut reader).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::Cancelled);
    let (writer, mut reader) = pipe(10);
    writer.fail(CallError::begun(ErrorCode::Trapped, "split"));
    assert_eq!(read_all(&mut reader).await.unwrap_err().message, "split");
}

#[tokio::test]
async fn a_writer_hears_when_the_stream_is_begun_and_what_was_taken() {
    let (mut writer, mut reader) = pipe(1 << 20);
    assert!(
        poll_fn(|cx| writer.poll_taken(false, cx))
            .now_or_never()
            .is_none()
    );
    assert!(reader.next().now_or_never().is_none());
    assert_eq!(poll_fn(|cx| writer.poll_taken(false, cx)).await, 0);
    writer.push(bytes(5000));
    writer.push(bytes(1));
    for _ in 0..2 {
        reader.next().await.unwrap().unwrap();
    }
    let taken = poll_fn(|cx| writer.poll_taken(true, cx)).await;
    assert_eq!(taken, 5000 + frame::FRAME_COST_MIN);
}

#[tokio::test]
async fn a_piece_that_is_read_in_parts_costs_what_it_cost_whole() {
    let (mut writer, mut reader) = pipe(1 << 20);
    writer.push(bytes(10_000));
    let mut parts = Vec::new();
    for _ in 0..4 {
        let part = poll_fn(|cx| reader.poll_up_to(3000, cx)).await;
        parts.push(part.unwrap().unwrap().len());
    }
    assert_eq!(parts, [3000, 3000, 3000, 1000]);
    let taken = poll_fn(|cx| writer.poll_taken(true, cx)).await;
    assert_eq!(taken, 10_000);
    assert_eq!(writer.pipe.lock().held, 0);
}

#[tokio::test(start_paused = true)]
async fn silence_is_counted_from_the_last_movement() {
    let (mut writer, reader) = pipe(10);
    writer.push(bytes(1));
    let progress = reader.progress();
    progress.silence(Duration::from_millis(1)).await;
}

#[tokio::test]
async fn a_watch_hears_of_the_end_and_of_a_reader_that_gives_up_while_another_waits_for_room() {
    let (writer, reader) = pipe(10);
    let mut watch = writer.watch();
    writer.end(Bytes::new());
    assert!(!watch.given_up().await);
    drop(reader);
    assert!(!watch.given_up().await);

    let (mut writer, reader) = pipe(10);
    writer.push(Bytes::from_static(b"more than fits"));
    let mut watch = writer.watch();
    let waits = tokio::spawn(async move { writer.write(Bytes::from_static(b"x")).await });
    let hears = tokio::spawn(async move { watch.given_up().await });
    tokio::task::yield_now().await;
    drop(reader);
    assert!(waits.await.unwrap().is_err() && hears.await.unwrap());
}
