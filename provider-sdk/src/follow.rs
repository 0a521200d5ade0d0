//! Settings as they change: the lattice's state, watched for as long as the provider runs.

use std::time::Duration;

use lattice_client::{Client, DeclaredWatch, StateError};
use lattice_config::Declared;
use lattice_protocol::id::ProviderName;
use tokio::sync::mpsc;
use tracing::{info, warn};

use crate::Settings;

/// The pause before a watch that ended is begun anew; doubles up to the longest.
const RETRY_DELAY: Duration = Duration::from_millis(100);
/// The longest such pause: settings are then at most so much behind a state that came back.
const RETRY_DELAY_MAX: Duration = Duration::from_secs(5);

/// Watches what is declared of one provider.
pub(crate) struct Follow {
    client: Client,
    name: ProviderName,
    watch: DeclaredWatch,
    seen: Option<Settings>,
    waiting: bool,
}

impl Follow {
    /// Begins the watch.
    pub(crate) async fn open(client: Client, name: ProviderName) -> Result<Self, StateError> {
        let watch = client.state().await?.watch_declared().await?;
        Ok(Self {
            client,
            name,
            watch,
            seen: None,
            waiting: false,
        })
    }

    /// The settings when they are first known, then each time that they have changed.
    ///
    /// A provider that is not declared, or not any more, keeps waiting: what it was told last holds
    /// until it is told otherwise, and stopping it is up to who started it.
    pub(crate) async fn next(&mut self) -> Settings {
        loop {
            let Some(declared) = self.watch.next().await else {
                self.watch = self.reopen().await;
                continue;
            };
            if let Some(settings) = self.news(&declared) {
                return settings;
            }
        }
    }

    /// Passes changed settings on, for as long as somebody takes them.
    pub(crate) async fn run(mut self, changes: mpsc::Sender<Settings>) {
        while changes.send(self.next().await).await.is_ok() {}
    }

    fn news(&mut self, declared: &Declared) -> Option<Settings> {
        let Some(settings) = Settings::of(declared, &self.name) else {
            if !std::mem::replace(&mut self.waiting, true) {
                let (provider, lattice) = (&self.name, self.client.lattice());
                info!(%provider, %lattice, "no app declares this provider: waiting until one does");
            }
            return None;
        };
        self.waiting = false;
        if self.seen.as_ref() == Some(&settings) {
            return None;
        }
        self.seen = Some(settings.clone());
        Some(settings)
    }

    async fn reopen(&mut self) -> DeclaredWatch {
        let mut delay = RETRY_DELAY;
        loop {
            tokio::time::sleep(delay).await;
            let opened = async { self.client.state().await?.watch_declared().await };
            match opened.await {
                Ok(watch) => return watch,
                Err(error) => warn!(%error, "failed to watch what is declared, trying again"),
            }
            delay = (delay * 2).min(RETRY_DELAY_MAX);
        }
    }
}
