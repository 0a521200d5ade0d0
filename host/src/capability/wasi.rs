//! WASI itself: clocks, randomness, output to the log, and of the host what was granted.
//!
//! Components built on a standard library import environment, standard input, files and sockets
//! even if they use none: these exist, are empty, and refuse everything that is not granted.

use std::future::ready;
use std::sync::Arc;

use lattice_config::app::Use;
use wasmtime::component::Linker;
use wasmtime_wasi::{WasiCtx, WasiView as _, p2, p3};

use super::granted::Granted;
use super::voice::{Stream, Voice};
use super::{Guest, files, random, sockets};

/// How many host resources a guest may hold that was granted files or sockets: each may be an open
/// file of the host, of which a process has a few thousand for all its guests and itself.
pub(super) const OPEN_MAX: usize = 256;

/// The engine of components with async functions has version 0.3 as well.
pub(super) fn define(linker: &mut Linker<Guest>, concurrent: bool) -> wasmtime::Result<()> {
    p2::add_to_linker_async(linker)?;
    if concurrent {
        p3::add_to_linker(linker)?;
    } else {
        without_async(linker)?;
    }
    // What is bounded or granted by more than a switch of wasmtime is answered here instead.
    linker.allow_shadowing(true);
    random::define(linker)?;
    files::define(linker)?;
    sockets::define(linker, concurrent)?;
    linker.allow_shadowing(false);
    Ok(())
}

/// The interfaces of version 0.3 that have no async function: a component that imports no other of
/// that version runs beside those of version 0.2.
fn without_async(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    use p3::bindings::{cli, clocks};
    use wasmtime_wasi::cli::{WasiCli, WasiCliView as _};
    use wasmtime_wasi::clocks::{WasiClocks, WasiClocksView as _};
    p3::random::add_to_linker(linker)?;
    cli::environment::add_to_linker::<_, WasiCli>(linker, Guest::cli)?;
    cli::exit::add_to_linker::<_, WasiCli>(linker, Guest::cli)?;
    clocks::system_clock::add_to_linker::<_, WasiClocks>(linker, Guest::clocks)
}

/// What a guest sees of the world.
pub(super) fn context(voice: &Voice, granted: &Arc<Granted>) -> WasiCtx {
    let mut wasi = WasiCtx::builder();
    wasi.stdout(voice.stream(Stream::Stdout))
        .stderr(voice.stream(Stream::Stderr))
        // Bounded by call, in `random`.
        .max_random_size(u64::MAX)
        .args(&granted.given_arguments())
        .envs(granted.environment())
        .allow_blocking_current_thread(false)
        .allow_tcp(granted.may_use([Use::Tcp, Use::TcpListen]))
        .allow_udp(granted.may_use([Use::Udp, Use::UdpListen]))
        .allow_ip_name_lookup(granted.may_look_anything_up());
    if granted.reaches_out() {
        let (granted, voice) = (granted.clone(), voice.clone());
        wasi.socket_addr_check(move |address, wanted| {
            Box::pin(ready(granted.may_reach(wanted, address, &voice)))
        });
    }
    let mut wasi = wasi.build();
    if let Some(files) = granted.files() {
        *wasi.filesystem() = files;
    }
    wasi
}

impl Guest {
    /// Makes the guest a program that was called with these arguments.
    pub fn set_arguments(&mut self, more: Vec<String>) {
        let (granted, voice) = (self.granted(), self.output());
        let mut program = WasiCtx::builder();
        program
            .stdout(voice.stream(Stream::Stdout))
            .stderr(voice.stream(Stream::Stderr))
            .args(&granted.arguments(more))
            .envs(granted.environment());
        std::mem::swap(program.build().cli(), self.ctx().ctx.cli());
    }
}
