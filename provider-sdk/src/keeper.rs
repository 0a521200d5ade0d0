//! Hands changed settings to the provider, one at a time, beside the calls.

use std::future::pending;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until};
use tracing::{error, info};

use crate::health::Said;
use crate::links::Links;
use crate::service::Core;
use crate::{Provider, Settings};

/// The pause before refused settings are tried again: a port that is being given up is free by then.
const PAUSE: Duration = Duration::from_secs(1);
/// The longest pause, to which it doubles: what is wrong for long is most often the settings.
const PAUSE_MAX: Duration = Duration::from_secs(60);

/// Keeps a provider at the settings that are declared.
pub(crate) struct Keeper<P> {
    pub(crate) core: Arc<Core<P>>,
    pub(crate) links: watch::Sender<Arc<Links>>,
    /// What the provider takes and refuses: told to who asks for its health.
    pub(crate) said: Said,
}

/// Settings that were refused, and when they are tried again.
struct Refused {
    settings: Settings,
    pause: Duration,
    again: Instant,
}

impl<P: Provider> Keeper<P> {
    /// Applies each change, and those that were refused again and again, until the changes end.
    pub(crate) async fn run(self, mut changes: mpsc::Receiver<Settings>) {
        let mut refused: Option<Refused> = None;
        loop {
            let (settings, pause) = tokio::select! {
                changed = changes.recv() => match changed {
                    Some(settings) => (settings, PAUSE),
                    None => return,
                },
                (settings, pause) = due(&mut refused) => (settings, (pause * 2).min(PAUSE_MAX)),
            };
            refused = match self.apply(&settings).await {
                Ok(()) => None,
                Err(reason) => {
                    let provider = &self.core.name;
                    error!(%provider, reason, again_in = ?pause, "settings were refused: those before stay");
                    self.said.refused(&settings.revision, &reason);
                    let again = Instant::now() + pause;
                    Some(Refused {
                        settings,
                        pause,
                        again,
                    })
                }
            };
        }
    }

    /// The provider first: a call through a new link must find it configured.
    async fn apply(&self, settings: &Settings) -> Result<(), String> {
        let configured = AssertUnwindSafe(self.core.provider.configure(settings)).catch_unwind();
        match configured.await {
            Ok(Ok(())) => {
                info!(provider = %self.core.name, links = settings.links.len(), "settings changed");
                self.links
                    .send_replace(Arc::new(Links::new(&settings.links)));
                // Last: who hears this may call through those links.
                self.said.taken(&settings.revision);
                Ok(())
            }
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err("it panicked".to_owned()),
        }
    }
}

/// Waits until refused settings are to be tried again.
async fn due(refused: &mut Option<Refused>) -> (Settings, Duration) {
    let Some(waiting) = refused else {
        return pending().await;
    };
    sleep_until(waiting.again).await;
    (waiting.settings.clone(), waiting.pause)
}

#[cfg(test)]
#[path = "keeper_test.rs"]
mod tests;
