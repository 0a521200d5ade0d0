//! Tries what it was granted of its host, and what it was not.

mod bindings {
    wit_bindgen::generate!({
        path: ["../../../wit", "../../../wit/drafts", "wit"],
        world: "lattice:worlds/worlds",
        generate_all,
    });
}

use std::io::Read as _;
use std::net::{TcpListener, TcpStream, ToSocketAddrs as _, UdpSocket};

use bindings::wasi::clocks::monotonic_clock;
use bindings::wasi::config0_2_0_draft::{runtime, store as draft};
use bindings::wasi::config0_2_0_rc_1::store;
use bindings::wasi::logging::logging::{self, Level};
use bindings::wasi::random::{insecure, random};

/// The largest datagram that is expected.
const DATAGRAM_BYTES: usize = 1024;
const NS_PER_MS: u64 = 1_000_000;
/// When what is held would be over: never, for a test.
const FAR_NS: u64 = 3_600_000_000_000;

struct Worlds;

bindings::export!(Worlds with_types_in bindings);

impl bindings::exports::lattice::worlds::tries::Guest for Worlds {
    fn read(path: String) -> Result<String, String> {
        std::fs::read_to_string(path).map_err(text)
    }

    fn write(path: String, content: String) -> Result<(), String> {
        std::fs::write(path, content).map_err(text)
    }

    fn names(path: String) -> Result<Vec<String>, String> {
        let entries = std::fs::read_dir(path).map_err(text)?;
        let name = |entry: std::io::Result<std::fs::DirEntry>| {
            entry.map(|entry| entry.file_name().to_string_lossy().into_owned())
        };
        entries.map(name).collect::<Result<_, _>>().map_err(text)
    }

    fn symlink(target: String, path: String) -> Result<(), String> {
        // The one way that a standard library has on every system.
        #[allow(deprecated, reason = "the others are of one system each")]
        std::fs::soft_link(target, path).map_err(text)
    }

    fn hold_files(path: String, count: u32) -> u32 {
        let mut held = Vec::new();
        for got in 0..count {
            match std::fs::File::open(&path) {
                Ok(file) => held.push(file),
                Err(_) => return got,
            }
        }
        count
    }

    fn connect(address: String) -> Result<String, String> {
        let mut stream = TcpStream::connect(address).map_err(text)?;
        let mut read = String::new();
        stream.read_to_string(&mut read).map_err(text)?;
        Ok(read)
    }

    fn listen(address: String) -> Result<String, String> {
        let listener = TcpListener::bind(address).map_err(text)?;
        let address = listener.local_addr().map_err(text)?;
        Ok(address.to_string())
    }

    fn send(address: String, message: String) -> Result<String, String> {
        let socket = UdpSocket::bind("0.0.0.0:0").map_err(text)?;
        socket.send_to(message.as_bytes(), address).map_err(text)?;
        let mut datagram = [0; DATAGRAM_BYTES];
        let (bytes, _) = socket.recv_from(&mut datagram).map_err(text)?;
        Ok(String::from_utf8_lossy(&datagram[..bytes]).into_owned())
    }

    fn lookup(name: String) -> Result<Vec<String>, String> {
        let addresses = (name.as_str(), 0).to_socket_addrs().map_err(text)?;
        Ok(addresses.map(|address| address.ip().to_string()).collect())
    }

    fn args() -> Vec<String> {
        std::env::args().collect()
    }

    fn env() -> Vec<(String, String)> {
        std::env::vars().collect()
    }

    fn config(key: String) -> Vec<Option<String>> {
        let store = store::get(&key).unwrap_or_default();
        let draft = draft::get(&key).unwrap_or_default();
        let runtime = runtime::get(&key).unwrap_or_default();
        vec![store, draft, runtime]
    }

    fn config_twice(key: String, ms: u32) -> (Option<String>, Option<String>) {
        let before = store::get(&key).unwrap_or_default();
        monotonic_clock::subscribe_duration(u64::from(ms) * NS_PER_MS).block();
        (before, store::get(&key).unwrap_or_default())
    }

    fn config_all() -> Vec<(String, String)> {
        let mut all = store::get_all().unwrap_or_default();
        all.sort();
        all
    }

    fn log(message: String) {
        logging::log(Level::Critical, "worlds", &message);
    }

    fn log_bytes(bytes: u32) {
        logging::log(Level::Debug, "", &"x".repeat(bytes as usize));
    }

    fn random(times: u32, bytes: u64) {
        for _ in 0..times {
            std::hint::black_box(random::get_random_bytes(bytes));
        }
    }

    fn insecure_random(bytes: u64) -> u32 {
        u32::try_from(insecure::get_insecure_random_bytes(bytes).len()).unwrap_or(u32::MAX)
    }

    fn hold(handles: u32) {
        let mut held = Vec::new();
        for _ in 0..handles {
            held.push(monotonic_clock::subscribe_duration(FAR_NS));
        }
        std::hint::black_box(held);
    }

    fn exit(well: bool) {
        std::process::exit(if well { 0 } else { 1 });
    }
}

fn text(error: std::io::Error) -> String {
    error.to_string()
}
