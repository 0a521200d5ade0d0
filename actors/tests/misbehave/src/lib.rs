//! Does on request what a sandbox must contain: traps, loops, memory, output, and attempts to get out.

mod bindings {
    wit_bindgen::generate!({
        path: ["../../../wit", "wit"],
        world: "lattice:misbehave/misbehave",
        generate_all,
    });
}

use std::io::Write;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

const MIB: usize = 1 << 20;

static COUNT: AtomicU32 = AtomicU32::new(0);

struct Misbehave;

bindings::export!(Misbehave with_types_in bindings);

impl bindings::Guest for Misbehave {
    fn panic(message: String) {
        panic!("{message}");
    }

    fn spin() {
        loop {
            std::hint::spin_loop();
        }
    }

    fn grow(mib: u32) -> u32 {
        let mut held = Vec::new();
        for got in 0..mib {
            let mut chunk: Vec<u8> = Vec::new();
            if chunk.try_reserve_exact(MIB).is_err() {
                return got;
            }
            // Not zeroes: every page must really be there.
            chunk.resize(MIB, 1);
            held.push(std::hint::black_box(chunk));
        }
        mib
    }

    fn print(lines: u32, bytes: u32) {
        write_lines(std::io::stdout(), "o", lines, bytes);
        write_lines(std::io::stderr(), "e", lines, bytes);
    }

    fn sleep_ms(ms: u32) {
        std::thread::sleep(Duration::from_millis(ms.into()));
    }

    fn random(n: u32) -> Vec<u8> {
        bindings::wasi::random::random::get_random_bytes(n.into())
    }

    fn env() -> Vec<(String, String)> {
        std::env::vars().collect()
    }

    fn read_file(path: String) -> Result<String, String> {
        std::fs::read_to_string(path).map_err(|error| error.to_string())
    }

    fn connect(address: String) -> Result<(), String> {
        std::net::TcpStream::connect(address)
            .map(drop)
            .map_err(|error| error.to_string())
    }

    fn count() -> u32 {
        COUNT.fetch_add(1, Ordering::Relaxed) + 1
    }
}

fn write_lines(mut to: impl Write, letter: &str, lines: u32, bytes: u32) {
    let line = letter.repeat(bytes as usize) + "\n";
    for _ in 0..lines {
        // A host may close the stream of a guest that prints too much; that is no reason to trap.
        let _ = to.write_all(line.as_bytes());
    }
}
