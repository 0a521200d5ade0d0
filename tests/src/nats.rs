//! A nats-server of the test's own.

use std::path::PathBuf;
use std::time::Duration;

use lattice_cli::nats_server::{NatsServer, Options, Port, find};
use lattice_cli::ui::Progress;
use tempfile::TempDir;
use tokio::sync::OnceCell;

use crate::{eventually, free_port};

/// As seldom as servers ask by themselves: a process that the machine gives no time for seconds is not
/// cut off.
const PING_INTERVAL: Duration = Duration::from_secs(120);

/// How long a plain client tries to connect: a busy machine may take seconds to accept it.
const CONNECT_WITHIN: Duration = Duration::from_secs(60);
/// How often a start is tried, each on another port.
const STARTS_MAX: u32 = 5;

/// A server on a free port with its data in a folder that goes with it, or a cluster of them.
#[must_use = "the server is killed when it is dropped"]
pub struct Nats {
    servers: Vec<NatsServer>,
    /// Those that have not been started yet.
    later: Vec<Options>,
    _folder: TempDir,
}

impl Nats {
    /// A server as a lattice needs it.
    pub async fn start() -> Self {
        Self::with(|_| {}).await
    }

    /// A server that keeps nothing.
    pub async fn without_jetstream() -> Self {
        Self::with(|options| options.jetstream = false).await
    }

    /// A server that asks its clients as often as those that are shipped.
    pub async fn with_shipped_pings(extra: &str) -> Self {
        Self::with(|options| {
            let shipped = Options::new(options.program.clone(), options.folder.clone());
            options.ping_interval = shipped.ping_interval;
            options.extra = extra.to_owned();
        })
        .await
    }

    /// A server with other options.
    pub async fn with(change: impl FnOnce(&mut Options)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut options = patient(program().await, folder.path().join("nats"));
        change(&mut options);
        let mut failure = None;
        for _ in 0..STARTS_MAX {
            // Somebody else may take the port that was free.
            options.port = Port::Fixed(free_port());
            match NatsServer::start(options.clone()).await {
                Ok(server) => {
                    return Self {
                        servers: vec![server],
                        later: Vec::new(),
                        _folder: folder,
                    };
                }
                Err(error) => failure = Some(error),
            }
        }
        panic!("nats-server does not start: {failure:?}")
    }

    /// Servers that are one cluster with one JetStream, which keeps things on all of them.
    pub async fn cluster(size: usize) -> Self {
        Self::cluster_with(size, "").await
    }

    /// The same, with more in the config of each.
    pub async fn cluster_with(size: usize, extra: &str) -> Self {
        Self::clustered(0, size, extra).await
    }

    /// The same, of which so many have never been there yet: see [`Nats::start_rest`].
    pub async fn cluster_that_lacks(lacking: usize, size: usize) -> Self {
        Self::clustered(lacking, size, "").await
    }

    async fn clustered(lacking: usize, size: usize, extra: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let program = program().await;
        // They must be known before the servers start.
        let routes: Vec<_> = (0..size).map(|_| free_port()).collect();
        let list: Vec<_> = routes
            .iter()
            .map(|port| format!("\"nats://127.0.0.1:{port}\""))
            .collect();
        let first = size - lacking;
        let options = routes.iter().enumerate().map(|(number, port)| {
            let name = format!("n{number}");
            let mut options = patient(program.clone(), folder.path().join(&name));
            options.name = Some(name);
            options.extra = format!(
                "cluster {{ name: \"test\", listen: \"127.0.0.1:{port}\", routes: [{}] }}\n{extra}",
                // Those who come first elect a leader among those whom they know of.
                list[..first.max(number + 1)].join(", ")
            );
            options
        });
        let mut options: Vec<_> = options.collect();
        let later = options.split_off(first);
        let starts = options.into_iter().map(NatsServer::start);
        let servers = futures_util::future::try_join_all(starts);
        let cluster = Self {
            servers: servers.await.expect("the servers start"),
            later,
            _folder: folder,
        };
        cluster.keeps_on_all().await;
        cluster
    }

    /// Waits until a stream can be kept on each of those that are there.
    async fn keeps_on_all(&self) {
        let jetstream = async_nats::jetstream::new(self.plain_client().await);
        let probe = async_nats::jetstream::stream::Config {
            name: "probe".to_owned(),
            num_replicas: self.servers.len(),
            ..Default::default()
        };
        eventually("JetStream keeps a stream on all servers", async || {
            jetstream.get_or_create_stream(probe.clone()).await
        })
        .await;
        jetstream.delete_stream(probe.name).await.unwrap();
    }

    /// Its address, or their addresses.
    pub fn url(&self) -> String {
        let urls: Vec<_> = self.servers.iter().map(NatsServer::url).collect();
        urls.join(",")
    }

    /// Stops it in order and starts it again: same port, same data.
    pub async fn restart(&mut self) {
        self.start_again(0).await;
    }

    /// Starts those that have not been there yet.
    pub async fn start_rest(&mut self) {
        for options in self.later.drain(..) {
            let server = NatsServer::start(options).await;
            self.servers.push(server.expect("the server starts"));
        }
    }

    /// Kills one of them.
    pub async fn kill(&mut self, number: usize) {
        self.servers[number].kill().await;
    }

    /// Starts one of them again: same port, same data.
    pub async fn start_again(&mut self, number: usize) {
        self.servers[number]
            .restart()
            .await
            .expect("nats-server starts again");
    }

    /// A client of it that knows nothing of lattices.
    pub async fn plain_client(&self) -> async_nats::Client {
        self.plain_client_of(0).await
    }

    /// The same of each server. One that others serve prefers those who are connected to it: who calls by
    /// all of them reaches all who serve.
    pub async fn plain_clients(&self) -> Vec<async_nats::Client> {
        let clients = (0..self.servers.len()).map(|number| self.plain_client_of(number));
        futures_util::future::join_all(clients).await
    }

    /// Connected to one of them, while that is there.
    async fn plain_client_of(&self, number: usize) -> async_nats::Client {
        let mut urls: Vec<_> = self.servers.iter().map(NatsServer::url).collect();
        urls.rotate_left(number);
        async_nats::ConnectOptions::new()
            .retain_servers_order()
            .connection_timeout(CONNECT_WITHIN)
            .connect(urls)
            .await
            .expect("a plain client connects")
    }
}

/// It may be killed and started again: nobody else is given its port meanwhile, and what it has written
/// is there. No test cuts the power, and a busy disk may take seconds for a single message.
fn patient(program: PathBuf, folder: PathBuf) -> Options {
    Options {
        port: Port::Fixed(free_port()),
        sync_always: false,
        ping_interval: PING_INTERVAL,
        ..Options::new(program, folder)
    }
}

/// Found or fetched once.
async fn program() -> PathBuf {
    static PROGRAM: OnceCell<PathBuf> = OnceCell::const_new();
    let found = async || {
        find(&Progress::new())
            .await
            .expect("there is a nats-server")
    };
    PROGRAM.get_or_init(found).await.clone()
}
