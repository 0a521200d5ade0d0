//! How a nats-server is run.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A frozen client is a black hole until its pings are missed: with these two it is found within
/// 2.5 seconds, with the server's own settings only after minutes. A healthy one may be late by 1.5
/// seconds, as by its heartbeats; hosts say something every half second, so they are hardly asked.
const PING_INTERVAL: Duration = Duration::from_millis(500);
const PING_MAX: u32 = 3;
/// The server begins a new log file at this size and keeps as many old ones: a data folder that
/// lives for years stays small.
const LOG_BYTES_MAX: u32 = 10 * 1024 * 1024;
const LOG_FILES_MAX: u32 = 2;

/// How a nats-server is run: on the loopback interface, with everything in one folder.
#[derive(Debug, Clone)]
pub struct Options {
    /// The program: see [`super::find()`].
    pub program: PathBuf,
    /// The folder for its data, config, log and pid.
    pub folder: PathBuf,
    /// Where it listens.
    pub port: Port,
    /// What it calls itself: in a cluster the same at each start, else any that is new.
    pub name: Option<String>,
    /// Whether it has JetStream, as a lattice needs.
    pub jetstream: bool,
    /// Whether what it acknowledges is on the disk, where a power cut leaves it: else it is with the system,
    /// which keeps it when the server is killed.
    pub sync_always: bool,
    /// How often it asks a silent client whether it is there.
    pub ping_interval: Duration,
    /// More of a config file, in the server's own words: accounts, permissions, limits.
    pub extra: String,
}

/// A port of the loopback interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Port {
    /// This one.
    Fixed(u16),
    /// This one if it is free, else any.
    Preferred(u16),
    /// One that is free: the system picks it, so nobody can take it in between.
    Free,
}

impl Port {
    /// The port to try: whether a preferred one is free is found out here.
    pub(super) fn settled(self) -> Self {
        match self {
            Self::Preferred(port) => match std::net::TcpListener::bind(("127.0.0.1", port)) {
                Ok(_) => Self::Fixed(port),
                Err(_) => Self::Free,
            },
            settled => settled,
        }
    }
}

impl Options {
    /// A server for a lattice on a free port.
    pub fn new(program: PathBuf, folder: PathBuf) -> Self {
        Self {
            program,
            folder,
            port: Port::Free,
            name: None,
            jetstream: true,
            sync_always: true,
            ping_interval: PING_INTERVAL,
            extra: String::new(),
        }
    }

    pub(super) fn config_path(&self) -> PathBuf {
        self.folder.join("nats-server.conf")
    }

    pub(super) fn pid_path(&self) -> PathBuf {
        self.folder.join("nats-server.pid")
    }

    /// Its log.
    pub fn log_path(&self) -> PathBuf {
        self.folder.join("nats-server.log")
    }

    /// The config file; `name` is how the server calls itself.
    pub(super) fn config(&self, name: &str) -> String {
        let port = match self.port {
            Port::Fixed(port) => i32::from(port),
            Port::Preferred(_) | Port::Free => -1,
        };
        let mut text = String::from("# Written by lattice at each start: changes are lost.\n");
        let mut line = |key: &str, value: String| {
            let _ = writeln!(text, "{key}: {value}");
        };
        line("server_name", quoted(name));
        line("host", quoted("127.0.0.1"));
        line("port", port.to_string());
        line("pid_file", path(&self.pid_path()));
        line("ports_file_dir", path(&self.folder));
        line("log_file", path(&self.log_path()));
        line("logfile_size_limit", LOG_BYTES_MAX.to_string());
        line("logfile_max_num", LOG_FILES_MAX.to_string());
        line(
            "ping_interval",
            quoted(&format!("{}ms", self.ping_interval.as_millis())),
        );
        line("ping_max", PING_MAX.to_string());
        if self.jetstream {
            // What was acknowledged must survive a power cut: desired state is written rarely and
            // believed always.
            let store = path(&self.folder.join("jetstream"));
            let sync = if self.sync_always {
                ", sync_interval: always"
            } else {
                ""
            };
            line("jetstream", format!("{{ store_dir: {store}{sync} }}"));
        }
        text.push_str(&self.extra);
        text
    }
}

fn path(path: &Path) -> String {
    quoted(&path.to_string_lossy())
}

/// A text as the config's grammar reads it back.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_config_keeps_to_loopback_and_one_folder() {
        let options = Options {
            port: Port::Fixed(4222),
            extra: "max_payload: 1MB\n".into(),
            ..Options::new("nats-server".into(), "/data/na \"ts\"".into())
        };
        insta::assert_snapshot!(options.config("one"), @r##"
        # Written by lattice at each start: changes are lost.
        server_name: "one"
        host: "127.0.0.1"
        port: 4222
        pid_file: "/data/na \"ts\"/nats-server.pid"
        ports_file_dir: "/data/na \"ts\""
        log_file: "/data/na \"ts\"/nats-server.log"
        logfile_size_limit: 10485760
        logfile_max_num: 2
        ping_interval: "500ms"
        ping_max: 3
        jetstream: { store_dir: "/data/na \"ts\"/jetstream", sync_interval: always }
        max_payload: 1MB
        "##);
    }

    #[test]
    fn a_preferred_port_is_given_up_for_any_only_if_it_is_taken() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        assert_eq!(Port::Preferred(port).settled(), Port::Free);
        assert_eq!(Port::Fixed(port).settled(), Port::Fixed(port));
    }

    #[test]
    fn a_free_port_is_picked_by_the_system_and_jetstream_can_be_left_out() {
        let options = Options {
            jetstream: false,
            ..Options::new("n".into(), "/d".into())
        };
        let config = options.config("one");
        assert!(
            config.contains("port: -1\n") && !config.contains("jetstream"),
            "{config}"
        );
    }
}
