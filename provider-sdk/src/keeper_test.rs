use std::sync::atomic::{AtomicU32, Ordering};

use async_trait::async_trait;
use lattice_client::Reply;
use lattice_protocol::error::{CallError, ErrorCode};
use lattice_protocol::id::{LatticeId, ProviderName};
use lattice_protocol::interface::Endpoint;
use lattice_protocol::report::Refused;
use lattice_protocol::standard::health::Health;
use lattice_telemetry::Telemetry;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::endpoints::Endpoints;
use crate::shown::Shown;
use crate::{Call, Error};

/// Refuses settings as often as they say.
#[derive(Default)]
struct Picky {
    asked: AtomicU32,
}

#[async_trait]
impl Provider for Picky {
    fn endpoints(&self) -> Vec<Endpoint> {
        Vec::new()
    }

    async fn configure(&self, settings: &Settings) -> Result<(), Error> {
        let asked = self.asked.fetch_add(1, Ordering::SeqCst);
        match settings.config.get("refusals").and_then(|n| n.as_u64()) {
            Some(refusals) if u64::from(asked) < refusals => Err(Error::provider("no disk")),
            _ => Ok(()),
        }
    }

    async fn call(&self, _: Call) -> Result<Reply, CallError> {
        Err(CallError::refused(
            ErrorCode::NotFound,
            "it answers nothing",
        ))
    }
}

struct Bench {
    core: Arc<Core<Picky>>,
    said: Said,
    changes: mpsc::Sender<Settings>,
    links: watch::Receiver<Arc<Links>>,
}

fn bench() -> Bench {
    let (sender, links) = watch::channel(Arc::new(Links::default()));
    let name: ProviderName = "picky".parse().unwrap();
    let core = Arc::new(Core {
        endpoints: Endpoints::new(name.clone(), Vec::new()),
        shown: Shown::new(
            Telemetry::off(),
            LatticeId::default(),
            "picky".parse().unwrap(),
        ),
        name,
        provider: Picky::default(),
        links: links.clone(),
        abort: CancellationToken::new(),
    });
    let said = Said::default();
    let (changes, changed) = mpsc::channel(1);
    let keeper = Keeper {
        core: core.clone(),
        links: sender,
        said: said.clone(),
    };
    tokio::spawn(keeper.run(changed));
    Bench {
        core,
        said,
        changes,
        links,
    }
}

impl Bench {
    async fn until_refused(&self) -> Refused {
        loop {
            if let Some(refused) = self.said.get().refused {
                return refused;
            }
            tokio::task::yield_now().await;
        }
    }
}

fn taken(revision: &str) -> Health {
    Health {
        settings: Some(revision.to_owned()),
        refused: None,
    }
}

fn settings(revision: &str, refusals: u64) -> Settings {
    let mut settings = Settings {
        revision: revision.to_owned(),
        ..Settings::default()
    };
    settings.config.insert("refusals".into(), refusals.into());
    settings
}

#[tokio::test(start_paused = true)]
async fn settings_that_were_refused_are_tried_again_until_they_are_taken_and_meanwhile_told() {
    let mut bench = bench();
    bench.changes.send(settings("a", 5)).await.unwrap();
    let began = Instant::now();
    let refused = bench.until_refused().await;
    assert!(refused.reason.contains("no disk"));
    assert_eq!(refused.revision, "a");
    assert_eq!(bench.said.get().settings, None, "those before stay");
    bench.links.changed().await.unwrap();
    assert_eq!(bench.said.get(), taken("a"));
    assert_eq!(bench.core.provider.asked.load(Ordering::SeqCst), 6);
    // 1 + 2 + 4 + 8 + 16 seconds of a clock that only the pauses move.
    assert_eq!(began.elapsed().as_secs(), 31);
}

#[tokio::test(start_paused = true)]
async fn a_change_is_tried_at_once_whatever_was_refused_before() {
    let mut bench = bench();
    bench.changes.send(settings("a", u64::MAX)).await.unwrap();
    bench.until_refused().await;
    let began = Instant::now();
    bench.changes.send(settings("b", 0)).await.unwrap();
    bench.links.changed().await.unwrap();
    assert_eq!(began.elapsed(), Duration::ZERO);
    assert_eq!(bench.said.get(), taken("b"));
}
