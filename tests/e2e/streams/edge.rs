//! HTTP to the actor `bad-http` on the host `a`, which is a process: through the provider `web` in a
//! process of its own, or inline.

use std::net::SocketAddr;
use std::time::Duration;

use lattice_tests::process::{Running, command};
use lattice_tests::{Lattice, Nats, eventually};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::program;
use crate::way::Way;

/// Longer than any test: what has this for its time ends by something else.
pub(super) const HOUR_MS: u64 = 3_600_000;
/// When an end is waited for no longer: far above what any takes.
const GIVE_UP_AFTER: Duration = Duration::from_secs(60);
/// An account for the lattice, and one that is told how the server is.
const ACCOUNTS: &str = r#"
accounts {
  LATTICE { jetstream: enabled, users: [{ user: "lattice", password: "l" }] }
  SYSTEM { users: [{ user: "system", password: "s" }] }
}
system_account: SYSTEM
no_auth_user: "lattice"
"#;

/// A lattice whose every part is a process that can be killed.
pub(super) struct Edge {
    pub(super) lattice: Lattice,
    /// The host of the actor.
    pub(super) host: Running,
    pub(super) address: SocketAddr,
    /// The host's process, and the provider's if it has its own.
    processes: Vec<u32>,
}

impl Edge {
    /// Starts it; the provider has this config beside where it listens, the actor so many instances.
    pub(super) async fn start(way: Way, config: &str, instances: u32) -> Self {
        let nats = Nats::with(|options| options.extra = ACCOUNTS.to_owned()).await;
        let mut lattice = Lattice::on(nats, program()).await;
        if way == Way::Away {
            // In this process: a host that is killed takes its providers with it.
            lattice.host_with("p", &[("side", "p")]).await;
        }
        let nats = lattice.nats().url();
        let words = [
            "host",
            "--capacity",
            "100",
            "--id",
            "a",
            "--label",
            "side=a",
            "--nats",
            &nats,
            "--data",
            "a",
        ];
        let mut host = Running::start(command(program(), lattice.folder(), &words));
        host.prints("joined").await;
        lattice.apply(&manifest(way, config, instances)).await;
        let address = lattice.address("web").await;
        let mut processes = vec![host.pid()];
        if way == Way::Away {
            processes.push(lattice.provider_pid("web").await);
        }
        Self {
            lattice,
            host,
            address,
            processes,
        }
    }

    /// Sends the head of a request and what is given of its body.
    pub(super) async fn send(&self, request: &str) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        stream
    }

    /// Waits until so many calls of the actor run, and none waits.
    pub(super) async fn until_busy(&self, busy: u64) {
        let subject = "lattice.default.host.a.ctl.inventory";
        eventually(&format!("{busy} calls run"), async || {
            let report = self.lattice.request(subject, "{}").await.json();
            let actor = &report["value"]["actors"]["bad-http"];
            let fits = actor["busy"] == busy && actor["waiting"] == 0;
            if fits { Ok(()) } else { Err(actor.clone()) }
        })
        .await;
    }

    /// Waits until the provider answers, and the actor behind it.
    pub(super) async fn until_served(&self) {
        eventually("a request is answered", async || {
            let page = lattice_tests::web::get(self.address, "/status?code=204").await;
            match page {
                Ok(page) if page.status == 204 => Ok(()),
                other => Err(format!("{other:?}")),
            }
        })
        .await;
    }

    /// Takes the provider away, and leaves the actor as it is.
    pub(super) async fn take_provider_away(&self, instances: u32) {
        self.lattice.apply(&without_provider(instances)).await;
    }

    /// What the host and the provider have of memory.
    pub(super) fn resident_bytes(&self) -> u64 {
        self.processes.iter().copied().map(resident_bytes).sum()
    }

    /// How many files and sockets each of them has open.
    pub(super) fn open_files(&self) -> Vec<usize> {
        let open = |pid: &u32| {
            std::fs::read_dir(format!("/proc/{pid}/fd"))
                .unwrap()
                .count()
        };
        self.processes.iter().map(open).collect()
    }

    /// How many subscriptions the lattice has, by the server's count.
    pub(super) async fn subscriptions(&mut self) -> u64 {
        let system = async_nats::ConnectOptions::new()
            .user_and_password("system".into(), "s".into())
            .connect(self.lattice.nats().url())
            .await
            .unwrap();
        let asked = json!({"acc": "LATTICE"}).to_string();
        let listed = system
            .request("$SYS.REQ.SERVER.PING.CONNZ", asked.into())
            .await;
        let listed: Value = serde_json::from_slice(&listed.unwrap().payload).unwrap();
        let connections = listed["data"]["connections"].as_array().unwrap();
        let each = connections.iter().map(|one| one["subscriptions"].as_u64());
        each.sum::<Option<u64>>().unwrap()
    }
}

/// The app with the actor alone.
fn without_provider(instances: u32) -> String {
    format!(
        r#"
        name = "edge"
        [actor.bad-http]
        component = "bad-http"
        instances = {instances}
        require = {{ side = "a" }}
        limits = {{ time_ms = {HOUR_MS} }}
        "#
    )
}

fn manifest(way: Way, config: &str, instances: u32) -> String {
    let (side, inline) = match way {
        Way::Here => ("a", true),
        Way::Away => ("p", false),
    };
    let app = without_provider(instances);
    format!(
        r#"{app}
        [provider.web]
        kind = "http"
        inline = {inline}
        require = {{ side = "{side}" }}
        config = {{ listen = "127.0.0.1:0", {config} }}
        [[provider.web.route]]
        path = "/"
        actor = "bad-http"
        "#
    )
}

/// How much memory a process has, by the system's count.
fn resident_bytes(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line
        .and_then(|line| line.trim().strip_suffix(" kB"))
        .unwrap();
    kib.parse::<u64>().unwrap() * 1024
}

/// Reads until the other side ends; how it ends is no matter. The last bytes are what is answered too.
pub(super) async fn read_out(stream: &mut TcpStream) -> (u64, Vec<u8>) {
    let (mut all, mut last) = (0, Vec::new());
    let mut buffer = vec![0; 64 * 1024];
    let read = async {
        while let Ok(bytes @ 1..) = stream.read(&mut buffer).await {
            all += bytes as u64;
            last.extend_from_slice(&buffer[..bytes]);
            let kept = last.len().saturating_sub(16);
            last.drain(..kept);
        }
    };
    let ended = tokio::time::timeout(GIVE_UP_AFTER, read).await;
    assert!(
        ended.is_ok(),
        "the connection did not end: {all} bytes came"
    );
    (all, last)
}
