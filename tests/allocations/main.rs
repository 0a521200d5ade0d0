//! How many allocations a small call takes of the host that serves it.
//!
//! `cargo test -p lattice-cli --test allocations -- --nocapture` prints the figures. The host runs in this
//! process, whose every thread is counted but one: the caller's, which speaks just enough of NATS.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "tests say what must hold by these"
)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use lattice_tests::Lattice;

/// Calls of one batch: of many batches the least counts, so that heartbeats and timers don't.
const BATCH: usize = 50;
const BATCHES: usize = 40;

struct Counting;

static MADE: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    static IS_CALLER: Cell<bool> = const { Cell::new(false) };
}

// SAFETY: everything is the system's allocator's, and a number is counted beside it.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // A thread that ends may still allocate.
        if !IS_CALLER.try_with(Cell::get).unwrap_or(true) {
            MADE.fetch_add(1, Ordering::Relaxed);
        }
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        unsafe { System.dealloc(place, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

/// A connection that makes one call after another.
struct Caller {
    from: BufReader<TcpStream>,
    to: TcpStream,
    line: Vec<u8>,
    request: Vec<u8>,
}

const INBOX: &str = "_INBOX.counted";

impl Caller {
    fn connect(url: &str, subject: &str, payload: &[u8]) -> Self {
        let to = TcpStream::connect(url.trim_start_matches("nats://")).unwrap();
        to.set_nodelay(true).unwrap();
        let mut request = format!("PUB {subject} {INBOX} {}\r\n", payload.len()).into_bytes();
        request.extend(payload);
        request.extend(b"\r\n");
        let mut caller = Self {
            from: BufReader::new(to.try_clone().unwrap()),
            to,
            line: Vec::new(),
            request,
        };
        let hello = format!("CONNECT {{\"verbose\":false}}\r\nSUB {INBOX} 1\r\nPING\r\n");
        caller.to.write_all(hello.as_bytes()).unwrap();
        while caller.line() != "PONG" {}
        caller
    }

    /// The next line but for what keeps the connection alive.
    fn line(&mut self) -> String {
        loop {
            self.line.clear();
            self.from.read_until(b'\n', &mut self.line).unwrap();
            let line = String::from_utf8_lossy(&self.line).trim_end().to_owned();
            match line.as_str() {
                "PING" => self.to.write_all(b"PONG\r\n").unwrap(),
                _ => return line,
            }
        }
    }

    /// Calls and has the reply, which is one message without headers.
    fn call(&mut self, reply: &[u8]) {
        self.to.write_all(&self.request).unwrap();
        let line = self.line();
        let head = format!("MSG {INBOX} 1 {}", reply.len());
        assert_eq!(line, head);
        let mut came = vec![0; reply.len() + 2];
        std::io::Read::read_exact(&mut self.from, &mut came).unwrap();
        assert_eq!(came[..reply.len()], *reply);
    }
}

/// How many allocations a call takes at least.
async fn least(lattice: &mut Lattice, subject: &'static str) -> f64 {
    let url = lattice.nats().url();
    let counted = tokio::task::spawn_blocking(move || {
        IS_CALLER.set(true);
        // Sixteen bytes, and the same again.
        let mut payload = vec![0x91, 0xc4, 16];
        payload.extend([7; 16]);
        let mut caller = Caller::connect(&url, subject, &payload);
        (0..BATCHES)
            .map(|_| {
                let before = MADE.load(Ordering::Relaxed);
                (0..BATCH).for_each(|_| caller.call(&payload[1..]));
                MADE.load(Ordering::Relaxed) - before
            })
            .min()
            .unwrap()
    });
    counted.await.unwrap() as f64 / BATCH as f64
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_small_call_allocates_no_more_than_before_there_were_streams() {
    let mut lattice = Lattice::start(Path::new(env!("CARGO_BIN_EXE_lattice"))).await;
    lattice.host("a").await;
    let manifest = "name = \"app\"\n[actor.types]\ncomponent = \"types\"\n\
                    [actor.relay]\ncomponent = \"relay\"\n\
                    [actor.relay.link.\"lattice:test\"]\nto = \"types\"\n\
                    [actor.again]\ncomponent = \"types\"\ninstance = \"reuse\"\n";
    lattice.apply(manifest).await;
    // At most as many as before there were streams: only who needs them pays for them.
    for (what, most, subject) in [
        (
            "over NATS, in a fresh instance",
            57.0,
            "lattice.default.call.types.lattice:test/types.echo-bytes",
        ),
        (
            "over NATS, in one that is used again",
            16.0,
            "lattice.default.call.again.lattice:test/types.echo-bytes",
        ),
        (
            "over NATS and to another actor of the host",
            117.0,
            "lattice.default.call.relay.lattice:relay/types.echo-bytes",
        ),
    ] {
        let made = least(&mut lattice, subject).await;
        eprintln!("{made:>8.2} allocations: a call {what}");
        assert!(made <= most, "a call {what} made {made} allocations");
    }
}
