//! The parts of WASI that every actor is given: clocks, randomness, and output to the log.
//!
//! Components built on a standard library import environment, standard input, files and sockets
//! even if they use none: these exist, are empty, and refuse everything.

use wasmtime::component::Linker;
use wasmtime_wasi::WasiCtx;

use super::Guest;
use super::voice::{Stream, Voice};

/// The most random bytes that one request gets: a key is 32, and each byte costs the host time.
const RANDOM_BYTES_MAX: u64 = 64 * 1024;

pub(super) fn define(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    wasmtime_wasi::p2::add_to_linker_async(linker)
}

pub(super) fn context(voice: &Voice) -> WasiCtx {
    let mut wasi = WasiCtx::builder();
    wasi.stdout(voice.stream(Stream::Stdout))
        .stderr(voice.stream(Stream::Stderr))
        .max_random_size(RANDOM_BYTES_MAX)
        .allow_blocking_current_thread(false)
        .allow_tcp(false)
        .allow_udp(false)
        .allow_ip_name_lookup(false);
    wasi.build()
}
