//! The server: a listener and the settings it works by, both changed while it runs.

use std::net::SocketAddr;
use std::sync::Arc;

use lattice_config::Route;
use serde_json::{Map, Value};
use tokio::net::TcpListener;
use tokio::sync::{Mutex, watch};
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;
use tracing::{error, warn};

use crate::backend::{self, Backend};
use crate::config::Config;
use crate::error::Error;
use crate::listener::{self, Listener};
use crate::live::Live;
use crate::route::Table;
use crate::service::Service;
use crate::shown::Shown;
use crate::tls::Tls;

/// An HTTP server; it listens once it has settings.
pub(crate) struct Server<B> {
    service: Arc<Service<B>>,
    live: watch::Sender<Arc<Live>>,
    stage: Mutex<Stage>,
    tasks: TaskTracker,
    kill: CancellationToken,
    /// What still runs when the server is dropped ends with it.
    _killed: DropGuard,
}

enum Stage {
    /// No settings came yet.
    Fresh,
    /// With the address as it was written: port 0 is not taken anew at each change.
    Listening { listen: String, listener: Listener },
    /// For good: settings that come late start nothing.
    Stopped,
}

/// A socket for a new listener.
type Bound = (TcpListener, SocketAddr);

impl<B: Backend> Server<B> {
    /// A server that calls `backend`, with its first settings still to come.
    #[cfg(test)]
    pub(crate) fn new(backend: B) -> Result<Self, Error> {
        Self::shown(backend, Shown::default())
    }

    /// The same, and shows its requests.
    pub(crate) fn shown(backend: B, shown: Shown) -> Result<Self, Error> {
        let handle = backend::handle().map_err(|error| Error::Config(error.to_string()))?;
        let config = Config::read(&Map::new())?;
        let first = Live::new(config, Table::default(), None);
        let (live, later) = watch::channel(Arc::new(first));
        let kill = CancellationToken::new();
        Ok(Self {
            service: Arc::new(Service::new(backend, handle, later, shown)),
            live,
            stage: Mutex::new(Stage::Fresh),
            tasks: TaskTracker::new(),
            _killed: kill.clone().drop_guard(),
            kill,
        })
    }

    /// Takes new settings, all of them or none.
    pub(crate) async fn apply(
        &self,
        config: &Map<String, Value>,
        routes: &[Route],
    ) -> Result<(), Error> {
        let config = Config::read(config)?;
        let table = Table::build(routes)?;
        if routes.is_empty() {
            warn!("there are no routes: every request is answered 404");
        }
        let mut stage = self.stage.lock().await;
        let tls = self.tls(&config).await?;
        let listen = config.listen.clone();
        let live = Live::new(config, table, tls);
        let old = std::mem::replace(&mut *stage, Stage::Fresh);
        let old = match old {
            Stage::Stopped => {
                *stage = Stage::Stopped;
                return Ok(());
            }
            Stage::Fresh => None,
            Stage::Listening {
                listen: same,
                listener,
            } if same == listen => {
                *stage = Stage::Listening { listen, listener };
                self.live.send_replace(Arc::new(live));
                return Ok(());
            }
            Stage::Listening { listen, listener } => Some((listen, listener)),
        };
        match self.bind(&listen, old.as_ref()).await {
            Ok(bound) => {
                self.live.send_replace(Arc::new(live));
                *stage = Stage::Listening {
                    listen,
                    listener: self.listen(bound),
                };
                if let Some((_, listener)) = old {
                    listener.stop().await;
                }
                Ok(())
            }
            Err(error) => {
                *stage = self.back_to(old).await;
                Err(error)
            }
        }
    }

    /// What new connections speak TLS with: what they do already, if it is of the same files.
    async fn tls(&self, config: &Config) -> Result<Option<Arc<Tls>>, Error> {
        let Some(files) = &config.tls else {
            return Ok(None);
        };
        let now = self.live.borrow().tls.clone();
        match now.filter(|tls| tls.is_of(files)) {
            Some(tls) => Ok(Some(tls)),
            None => Ok(Some(Arc::new(Tls::load(files).await?))),
        }
    }

    /// Takes an address. On the port that the old listener holds, the old one has to go first.
    async fn bind(&self, listen: &str, old: Option<&(String, Listener)>) -> Result<Bound, Error> {
        let refused = match listener::bind(listen).await {
            Ok(bound) => return Ok(bound),
            Err(refused) => refused,
        };
        let Some((_, old)) = old.filter(|(_, old)| ends_with_port(listen, old.address())) else {
            return Err(refused);
        };
        old.stop().await;
        listener::bind(listen).await
    }

    /// After a refused change: the old listener as it was, or anew if it had to make way.
    async fn back_to(&self, old: Option<(String, Listener)>) -> Stage {
        let Some((listen, listener)) = old else {
            return Stage::Fresh;
        };
        if !listener.is_stopped() {
            return Stage::Listening { listen, listener };
        }
        match listener::bind(&listener.address().to_string()).await {
            Ok(bound) => Stage::Listening {
                listen,
                listener: self.listen(bound),
            },
            Err(error) => {
                error!(%error, "the address before was lost with the refused change");
                Stage::Fresh
            }
        }
    }

    fn listen(&self, (socket, address): Bound) -> Listener {
        Listener::start(
            socket,
            address,
            self.service.clone(),
            &self.tasks,
            self.kill.clone(),
        )
    }

    /// Where it listens, with the port that was really taken.
    pub(crate) async fn address(&self) -> Option<SocketAddr> {
        match &*self.stage.lock().await {
            Stage::Listening { listener, .. } => Some(listener.address()),
            Stage::Fresh | Stage::Stopped => None,
        }
    }

    #[cfg(test)]
    pub(crate) fn tls_now(&self) -> Option<Arc<Tls>> {
        self.live.borrow().tls.clone()
    }

    /// Listens no more, until settings come that want it.
    pub(crate) async fn rest(&self) {
        let mut stage = self.stage.lock().await;
        if let Stage::Listening { listener, .. } = &*stage {
            listener.stop().await;
            *stage = Stage::Fresh;
        }
    }

    /// Closes the socket, lets requests in flight finish for as long as a connection may drain,
    /// and returns when nothing runs any more.
    pub(crate) async fn stop(&self) {
        let stage = std::mem::replace(&mut *self.stage.lock().await, Stage::Stopped);
        if let Stage::Listening { listener, .. } = stage {
            listener.stop().await;
        }
        self.tasks.close();
        self.tasks.wait().await;
    }
}

fn ends_with_port(listen: &str, address: SocketAddr) -> bool {
    listen
        .rsplit_once(':')
        .is_some_and(|(_, port)| port.parse() == Ok(address.port()))
}

#[cfg(test)]
#[path = "server_test.rs"]
mod tests;
