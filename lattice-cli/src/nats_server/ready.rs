//! Where a server listens, and whether it does.

use std::path::Path;
use std::time::Duration;

use serde::Deserialize;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};
use tokio::net::TcpStream;

/// The longest first line that is read: the server's is about 500 bytes.
const INFO_LEN_MAX: u64 = 16 * 1024;
/// How long a server may take for its first line, before it is asked again.
const INFO_TIMEOUT: Duration = Duration::from_millis(500);

/// What a server says of itself to whoever connects.
#[derive(Debug, Deserialize)]
pub(super) struct Info {
    pub(super) server_name: String,
    #[serde(default)]
    pub(super) jetstream: bool,
}

/// The first line of the server on this port of the loopback interface.
pub(super) async fn info(port: u16) -> Option<Info> {
    tokio::time::timeout(INFO_TIMEOUT, read_info(port))
        .await
        .ok()
        .flatten()
}

async fn read_info(port: u16) -> Option<Info> {
    let stream = TcpStream::connect(("127.0.0.1", port)).await.ok()?;
    let mut line = String::new();
    BufReader::new(stream)
        .take(INFO_LEN_MAX)
        .read_line(&mut line)
        .await
        .ok()?;
    serde_json::from_str(line.strip_prefix("INFO ")?).ok()
}

#[derive(Deserialize)]
struct Ports {
    nats: Vec<String>,
}

/// The port that a server was given by the system, once it has written it down. Half of the file
/// reads as nothing.
pub(super) fn port_of(folder: &Path, program: &Path, pid: u32) -> Option<u16> {
    let program = program.file_name()?.to_string_lossy();
    let text = std::fs::read(folder.join(format!("{program}_{pid}.ports"))).ok()?;
    let ports: Ports = serde_json::from_slice(&text).ok()?;
    ports.nats.first()?.rsplit_once(':')?.1.parse().ok()
}
