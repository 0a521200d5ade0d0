//! HTTP over two processes: a host `a` with the actor `bad-http`, and the provider `web` of another host.

use std::net::SocketAddr;

use lattice_tests::process::{Running, command};
use lattice_tests::{Lattice, eventually};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::program;

/// Longer than any test: what has this for its time ends by something else.
pub(super) const HOUR_MS: u64 = 3_600_000;

/// A lattice whose every part is a process that can be killed.
pub(super) struct Edge {
    pub(super) lattice: Lattice,
    /// The host of the actor.
    pub(super) host: Running,
    pub(super) address: SocketAddr,
}

impl Edge {
    /// Starts it; the provider has this config beside where it listens, the actor so many instances.
    pub(super) async fn start(config: &str, instances: u32) -> Self {
        let mut lattice = Lattice::start(program()).await;
        // The provider's host is in this process: one that is killed takes its providers with it.
        lattice.host_with("p", &[("side", "p")]).await;
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
        lattice.apply(&manifest(config, instances)).await;
        let address = lattice.address("web").await;
        Self {
            lattice,
            host,
            address,
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

    /// What the host and the provider have of memory.
    pub(super) fn resident_bytes(&self, provider: u32) -> u64 {
        self.host.resident_bytes() + resident_bytes(provider)
    }
}

fn manifest(config: &str, instances: u32) -> String {
    format!(
        r#"
        name = "edge"
        [actor.bad-http]
        component = "bad-http"
        instances = {instances}
        require = {{ side = "a" }}
        limits = {{ time_ms = {HOUR_MS} }}
        [provider.web]
        kind = "http"
        require = {{ side = "p" }}
        config = {{ listen = "127.0.0.1:0", {config} }}
        [[provider.web.route]]
        path = "/"
        actor = "bad-http"
        "#
    )
}

/// How much memory a process has, by the system's count.
pub(super) fn resident_bytes(pid: u32) -> u64 {
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
    while let Ok(bytes @ 1..) = stream.read(&mut buffer).await {
        all += bytes as u64;
        last.extend_from_slice(&buffer[..bytes]);
        let kept = last.len().saturating_sub(16);
        last.drain(..kept);
    }
    (all, last)
}
