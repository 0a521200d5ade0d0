//! Clients that stop reading.

use tokio::io::AsyncReadExt as _;

use super::edge::{Edge, HOUR_MS, read_out};
use crate::way::{Way, every_way};

every_way! {
    clients_that_stop_reading_cost_little_memory_and_are_cut_off_after_their_idle_time,
}

/// How many stop.
const CLIENTS: u32 = 8;
/// What each asks for: more than any memory that a test may take.
const BYTES: u64 = 4 << 30;
/// What a stream may take of all processes together: its windows on either side, twice for what the
/// allocator rounds up, and an instance.
const EACH_MAX: u64 = 6 << 20;

async fn clients_that_stop_reading_cost_little_memory_and_are_cut_off_after_their_idle_time(
    way: Way,
) {
    // Only the idle time can end it; in that all of them must have begun.
    let config = format!("timeout_ms = {HOUR_MS}, idle_timeout_ms = 15_000");
    let edge = Edge::start(way, &config, CLIENTS).await;
    edge.until_served().await;
    let rest = edge.resident_bytes();
    let request = format!("GET /big?n={BYTES} HTTP/1.1\r\nhost: a\r\n\r\n");
    let mut clients = Vec::new();
    for _ in 0..CLIENTS {
        let mut client = edge.send(&request).await;
        let mut first = [0; 100];
        client.read_exact(&mut first).await.unwrap();
        clients.push(client);
    }
    edge.until_busy(u64::from(CLIENTS)).await;
    let full = edge.resident_bytes();
    edge.until_busy(0).await;
    let grew = full.max(edge.resident_bytes()).saturating_sub(rest);
    eprintln!("{way:?}: {CLIENTS} clients that stopped took {grew} bytes");
    assert!(grew < EACH_MAX * u64::from(CLIENTS), "{grew} bytes");
    for mut client in clients {
        let (came, last) = read_out(&mut client).await;
        assert!(
            came < BYTES && !last.ends_with(b"0\r\n\r\n"),
            "{came} bytes came"
        );
    }
    edge.until_served().await;
}
