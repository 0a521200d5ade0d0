//! What every process of a lattice has in common: where it is told to connect, and how it is told
//! to stop.

use std::env::{self, VarError};
use std::io::{self, Read as _};

use lattice_protocol::id::ProcessId;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// The variables that a host gives to the processes it starts; people may set them as well.
pub mod variable {
    /// The NATS server.
    pub const NATS: &str = "LATTICE_NATS";
    /// A NATS credentials file.
    pub const CREDS: &str = "LATTICE_CREDS";
    /// A file with the credentials of the NATS system account, for hosts.
    pub const SYSTEM_CREDS: &str = "LATTICE_SYSTEM_CREDS";
    /// On how many servers of a NATS cluster stores are kept, for hosts.
    pub const REPLICAS: &str = "LATTICE_REPLICAS";
    /// A folder with the credentials of each provider, for hosts.
    pub const PROVIDER_CREDS: &str = "LATTICE_PROVIDER_CREDS";
    /// The lattice.
    pub const LATTICE: &str = "LATTICE";
    /// Which declared provider a process is.
    pub const PROVIDER: &str = "LATTICE_PROVIDER";
    /// Which process of that provider it is.
    pub const PROCESS: &str = "LATTICE_PROCESS";
    /// `1` for a process whose standard input is held open by whoever started it.
    pub const SUPERVISED: &str = "LATTICE_SUPERVISED";
}

/// Where NATS is unless it is said.
pub const NATS_DEFAULT: &str = "nats://127.0.0.1:4222";
/// The status of a process that can't reach NATS.
pub const UNREACHABLE: u8 = 4;
/// The status of a process that was told twice to stop: what shells use for ctrl-c.
pub const INTERRUPTED: i32 = 130;

/// Why the environment can't be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A variable is not text.
    #[error("{0} is not valid UTF-8")]
    NotText(&'static str),
    /// `LATTICE_PROCESS` is no name.
    #[error("LATTICE_PROCESS: {0}")]
    Process(#[source] lattice_protocol::id::Error),
}

/// Which process of its provider this is, if a host started it.
pub fn own_id() -> Result<Option<ProcessId>, Error> {
    let text = read(variable::PROCESS)?;
    let id = text.map(|text| text.parse()).transpose();
    id.map_err(Error::Process)
}

/// A variable as text, if it is set.
fn read(name: &'static str) -> Result<Option<String>, Error> {
    match env::var(name) {
        Ok(value) => Ok(Some(value)),
        Err(VarError::NotPresent) => Ok(None),
        Err(VarError::NotUnicode(_)) => Err(Error::NotText(name)),
    }
}

/// Ctrl-c and SIGTERM.
pub struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    /// From here on they end nothing by themselves.
    pub fn listen() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    /// The next one; may be dropped and asked again.
    pub async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

/// Cancelled by ctrl-c or SIGTERM, or when supervised by the end of standard input: then whoever
/// started this process is gone. A second signal ends the process at once.
pub fn shutdown() -> io::Result<CancellationToken> {
    let mut signals = Signals::listen()?;
    let token = CancellationToken::new();
    let stop = token.clone();
    tokio::spawn(async move {
        signals.next().await;
        stop.cancel();
        signals.next().await;
        std::process::exit(INTERRUPTED);
    });
    if env::var_os(variable::SUPERVISED).is_some_and(|value| value == "1") {
        let stop = token.clone();
        // A thread of its own: the runtime would wait for a read of standard input at its end.
        let watch = move || {
            input_ends();
            stop.cancel();
        };
        std::thread::Builder::new()
            .name("stdin".into())
            .spawn(watch)?;
    }
    Ok(token)
}

fn input_ends() {
    let mut stdin = io::stdin().lock();
    let mut buffer = [0; 64];
    while stdin.read(&mut buffer).is_ok_and(|read| read > 0) {}
}
