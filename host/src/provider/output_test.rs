use lattice_protocol::log::{Level, Record};
use tokio::io::AsyncWriteExt as _;

use super::super::outbox::{Mail, Post};
use super::*;

fn outbox() -> (Outbox, Mail) {
    let (post, mail) = Post::new("h1".parse().unwrap());
    (post.outbox(&"kv".parse().unwrap()), mail)
}

async fn pumped(input: impl AsRef<[u8]>) -> (Vec<String>, Vec<Record>) {
    let (outbox, mut mail) = outbox();
    let tail = Tail::default();
    pump(input.as_ref(), Stream::Stderr, tail.clone(), outbox).await;
    let mut records = Vec::new();
    while let Some(record) = mail.records.recv().await {
        records.push(record);
    }
    (tail.lines(), records)
}

fn messages(records: &[Record]) -> Vec<&str> {
    records
        .iter()
        .map(|record| record.message.as_str())
        .collect()
}

#[tokio::test]
async fn each_line_becomes_a_record_and_the_last_needs_no_break() {
    let (tail, records) = pumped("one\r\n\ntwo\nthree").await;
    assert_eq!(messages(&records), ["one", "", "two", "three"]);
    assert_eq!(tail, ["one", "", "two", "three"]);
    assert_eq!(records[0].stream, Stream::Stderr);
    assert_eq!(records[0].target.as_str(), "kv");
}

#[tokio::test]
async fn a_line_without_end_is_cut_and_the_next_is_whole() {
    let (_, records) = pumped(format!("{}\nnext\n", "x".repeat(1 << 20))).await;
    assert_eq!(records[0].message.len(), LINE_LEN_MAX + CUT.len());
    assert!(records[0].message.ends_with(CUT));
    assert_eq!(records[1].message, "next");
}

#[tokio::test]
async fn bytes_that_are_no_text_are_passed_on_as_far_as_they_are() {
    let (_, records) = pumped(b"a\xffb\n").await;
    assert_eq!(messages(&records), ["a\u{fffd}b"]);
}

#[tokio::test]
async fn the_tail_keeps_the_last_lines_however_many_came() {
    let all: String = (0..5_000).map(|n| format!("{n}\n")).collect();
    let (tail, records) = pumped(all).await;
    assert_eq!(tail.len(), TAIL_LINES);
    assert_eq!(tail.last().unwrap(), "4999");
    assert!(records.len() < 5_000);
}

#[tokio::test]
async fn a_flood_is_cut_and_says_by_how_much() {
    let (outbox, mut mail) = outbox();
    let start = Instant::now();
    let mut rate = Rate::new(start);
    for _ in 0..LINES_MAX + 7 {
        if !rate.admit(start) {
            rate.left_out += 1;
        }
    }
    rate.settle(start, &outbox);
    assert!(
        mail.records.try_recv().is_err(),
        "told before the window was over"
    );
    rate.settle(start + WINDOW, &outbox);
    let record = mail.records.try_recv().unwrap();
    assert!(
        record.message.starts_with("7 lines were left out"),
        "{}",
        record.message
    );
    assert_eq!((record.level, record.stream), (Level::Warn, Stream::Host));
    assert!(rate.admit(start + WINDOW), "a new window is open");
}

#[tokio::test]
async fn a_read_that_is_given_up_loses_nothing() {
    let (mut writer, reader) = tokio::io::duplex(64);
    let mut lines = Lines::new(reader);
    writer.write_all(b"ab").await.unwrap();
    tokio::select! {
        biased;
        _ = lines.next() => panic!("there was no line yet"),
        () = std::future::ready(()) => {}
    }
    writer.write_all(b"cd\n").await.unwrap();
    assert_eq!(lines.next().await.unwrap(), "abcd");
}
