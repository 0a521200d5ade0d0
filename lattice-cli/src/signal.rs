//! Being told to stop.

use std::io::Read as _;

use anyhow::Context as _;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Set for a process whose standard input is held by whoever started it.
pub(crate) const SUPERVISED_VARIABLE: &str = "LATTICE_SUPERVISED";
/// The status of a process that was told twice to stop: what shells use for ctrl-c.
pub(crate) const INTERRUPTED: i32 = 130;

/// Ctrl-c and SIGTERM.
pub(crate) struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    pub(crate) fn listen() -> anyhow::Result<Self> {
        let listen = |kind| signal(kind).context("failed to listen to signals");
        Ok(Self {
            interrupt: listen(SignalKind::interrupt())?,
            terminate: listen(SignalKind::terminate())?,
        })
    }

    /// The next one; may be dropped and asked again.
    pub(crate) async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

/// For a process that serves: cancelled at the first signal, or at the end of standard input when
/// supervised. The second signal ends the process at once.
pub(crate) fn shutdown() -> anyhow::Result<CancellationToken> {
    let mut signals = Signals::listen()?;
    let token = CancellationToken::new();
    let stop = token.clone();
    tokio::spawn(async move {
        signals.next().await;
        stop.cancel();
        signals.next().await;
        std::process::exit(INTERRUPTED);
    });
    if std::env::var_os(SUPERVISED_VARIABLE).is_some_and(|value| value == "1") {
        let stop = token.clone();
        // A thread of its own: the runtime would wait for a read of standard input at its end.
        std::thread::Builder::new()
            .name("stdin".into())
            .spawn(move || {
                input_ends();
                stop.cancel();
            })
            .context("failed to watch standard input")?;
    }
    Ok(token)
}

fn input_ends() {
    let mut stdin = std::io::stdin().lock();
    let mut buffer = [0; 64];
    while stdin.read(&mut buffer).is_ok_and(|read| read > 0) {}
}
