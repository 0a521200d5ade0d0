//! Processes that are killed in the middle of a body, and providers that are taken away.
//!
//! Where the provider runs inline, killing the host kills both ends: the client alone is left to notice.
//! A provider of its own process can be killed alone, and leave its calls behind.

use lattice_tests::{Lattice, eventually};
use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::edge::{Edge, HOUR_MS, read_out};
use crate::way::{Way, every_way};

every_way! {
    a_host_that_is_killed_in_the_middle_of_a_download_leaves_a_body_that_is_not_whole,
    a_host_that_is_killed_in_the_middle_of_an_upload_leaves_a_body_that_is_not_whole,
    a_provider_that_is_taken_away_in_the_middle_of_a_download_ends_it_and_frees_the_slot,
    a_provider_that_is_taken_away_in_the_middle_of_an_upload_ends_it_and_frees_the_slot,
}

/// Only the call's time can end what nobody ends; where that is an hour, only the server's word does.
fn config(timeout_ms: u64) -> String {
    format!("timeout_ms = {timeout_ms}, idle_timeout_ms = {HOUR_MS}, body_timeout_ms = {HOUR_MS}")
}

/// More than comes before anything is killed, and no more than an upload may have.
const BYTES: u64 = 8 << 30;

/// A download that has begun, and is read on.
async fn download(edge: &Edge) -> TcpStream {
    let request = format!("GET /big?n={BYTES} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
    let mut client = edge.send(&request).await;
    let mut some = vec![0; 1 << 20];
    client.read_exact(&mut some).await.unwrap();
    assert!(some.starts_with(b"HTTP/1.1 200 "));
    edge.until_busy(1).await;
    client
}

/// An upload that has begun, and comes back.
async fn upload(edge: &Edge) -> TcpStream {
    let head = format!("POST /echo HTTP/1.1\r\nhost: a\r\ncontent-length: {BYTES}\r\n\r\n");
    let mut client = edge.send(&head).await;
    client.write_all(&vec![b'x'; 100_000]).await.unwrap();
    let mut some = vec![0; 50_000];
    client.read_exact(&mut some).await.unwrap();
    assert!(some.starts_with(b"HTTP/1.1 200 "));
    edge.until_busy(1).await;
    client
}

/// Kills the provider's process, and waits until it runs again.
async fn kill_provider(lattice: &Lattice) {
    let killed = lattice.provider_pid("web").await;
    let pid = Pid::from_raw(i32::try_from(killed).unwrap()).unwrap();
    kill_process(pid, Signal::KILL).unwrap();
    eventually("there is another process", async || {
        match lattice.provider_pid("web").await {
            pid if pid == killed => Err(pid),
            _ => Ok(()),
        }
    })
    .await;
}

async fn a_host_that_is_killed_in_the_middle_of_a_download_leaves_a_body_that_is_not_whole(
    way: Way,
) {
    let edge = Edge::start(way, &config(HOUR_MS), 2).await;
    let mut client = download(&edge).await;
    edge.host.signal(Signal::KILL);
    let (came, last) = read_out(&mut client).await;
    assert!(
        came < BYTES && !last.ends_with(b"0\r\n\r\n"),
        "{came} bytes, {last:?}"
    );
}

async fn a_host_that_is_killed_in_the_middle_of_an_upload_leaves_a_body_that_is_not_whole(
    way: Way,
) {
    let edge = Edge::start(way, &config(HOUR_MS), 2).await;
    // Its length was announced: whatever comes less is not whole.
    let mut client = upload(&edge).await;
    edge.host.signal(Signal::KILL);
    let (came, _) = read_out(&mut client).await;
    assert!(came < BYTES, "{came} bytes came");
}

async fn a_provider_that_is_taken_away_in_the_middle_of_a_download_ends_it_and_frees_the_slot(
    way: Way,
) {
    // It may take its time for what runs, but not as much as the call has.
    let edge = Edge::start(way, &config(HOUR_MS), 2).await;
    let mut client = download(&edge).await;
    edge.take_provider_away(2).await;
    let (came, last) = read_out(&mut client).await;
    assert!(
        came < BYTES && !last.ends_with(b"0\r\n\r\n"),
        "{came} bytes, {last:?}"
    );
    edge.until_busy(0).await;
}

async fn a_provider_that_is_taken_away_in_the_middle_of_an_upload_ends_it_and_frees_the_slot(
    way: Way,
) {
    let edge = Edge::start(way, &config(HOUR_MS), 2).await;
    let mut client = upload(&edge).await;
    edge.take_provider_away(2).await;
    let (came, _) = read_out(&mut client).await;
    assert!(came < BYTES, "{came} bytes came");
    edge.until_busy(0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_provider_that_is_killed_in_the_middle_of_a_download_frees_the_slot_within_the_calls_time()
 {
    let edge = Edge::start(Way::Away, &config(10_000), 2).await;
    let client = download(&edge).await;
    kill_provider(&edge.lattice).await;
    edge.until_busy(0).await;
    drop(client);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_provider_that_is_killed_in_the_middle_of_an_upload_frees_the_slot_within_the_calls_time()
{
    let edge = Edge::start(Way::Away, &config(10_000), 2).await;
    let client = upload(&edge).await;
    kill_provider(&edge.lattice).await;
    edge.until_busy(0).await;
    drop(client);
}
