//! A nats-server of the test's own.

use std::path::PathBuf;

use lattice_cli::nats_server::{NatsServer, Options, find};
use lattice_cli::ui::Progress;
use tempfile::TempDir;
use tokio::sync::OnceCell;

/// A server on a free port with its data in a folder that goes with it.
#[must_use = "the server is killed when it is dropped"]
pub struct Nats {
    server: NatsServer,
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

    /// A server with other options.
    pub async fn with(change: impl FnOnce(&mut Options)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut options = Options::new(program().await, folder.path().join("nats"));
        change(&mut options);
        let server = NatsServer::start(options)
            .await
            .expect("nats-server starts");
        Self {
            server,
            _folder: folder,
        }
    }

    /// Its address.
    pub fn url(&self) -> String {
        self.server.url()
    }

    /// Stops it in order and starts it again: same port, same data.
    pub async fn restart(&mut self) {
        self.server
            .restart()
            .await
            .expect("nats-server starts again");
    }

    /// A client of it that knows nothing of lattices.
    pub async fn plain_client(&self) -> async_nats::Client {
        async_nats::connect(self.url())
            .await
            .expect("a plain client connects")
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
