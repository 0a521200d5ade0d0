//! Ports that must be known before somebody listens on them, or stay one's own while nobody does.

use std::collections::BTreeSet;
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::net::{Ipv4Addr, TcpListener};
use std::ops::Range;
use std::sync::Mutex;

/// Below those that the system hands out by itself, from 32768 on: no connection and no listener without a
/// wish takes one of these.
const RANGE: Range<u16> = 20_000..32_000;

/// A port of the loopback interface on which nobody listens now, and which is given to no other test.
///
/// # Panics
/// If all are given.
pub fn free_port() -> u16 {
    static GIVEN: Mutex<BTreeSet<u16>> = Mutex::new(BTreeSet::new());
    // At random, as other processes draw as well.
    let drawn = RandomState::new().build_hasher().finish();
    let start = usize::try_from(drawn % RANGE.len() as u64).unwrap();
    let mut given = GIVEN.lock().unwrap();
    let mut all = RANGE.cycle().skip(start).take(RANGE.len());
    let port = all.find(|port| {
        !given.contains(port) && TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok()
    });
    let port = port.expect("there is a free port");
    given.insert(port);
    port
}
