use std::sync::atomic::{AtomicU32, Ordering};

use async_trait::async_trait;
use lattice_client::Reply;
use lattice_protocol::error::{CallError, ErrorCode};
use lattice_protocol::id::{LatticeId, ProviderName};
use lattice_protocol::interface::Endpoint;
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
    complaint: Complaint,
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
    let complaint = Complaint::default();
    let (changes, changed) = mpsc::channel(1);
    let keeper = Keeper {
        core: core.clone(),
        links: sender,
        complaint: complaint.clone(),
    };
    tokio::spawn(keeper.run(changed));
    Bench {
        core,
        complaint,
        changes,
        links,
    }
}

fn settings(refusals: u64) -> Settings {
    let mut settings = Settings::default();
    settings.config.insert("refusals".into(), refusals.into());
    settings
}

#[tokio::test(start_paused = true)]
async fn settings_that_were_refused_are_tried_again_until_they_are_taken_and_meanwhile_told() {
    let mut bench = bench();
    bench.changes.send(settings(5)).await.unwrap();
    let began = Instant::now();
    while bench.complaint.get().is_none() {
        tokio::task::yield_now().await;
    }
    assert!(bench.complaint.get().unwrap().contains("no disk"));
    bench.links.changed().await.unwrap();
    assert_eq!(bench.complaint.get(), None);
    assert_eq!(bench.core.provider.asked.load(Ordering::SeqCst), 6);
    // 1 + 2 + 4 + 8 + 16 seconds of a clock that only the pauses move.
    assert_eq!(began.elapsed().as_secs(), 31);
}

#[tokio::test(start_paused = true)]
async fn a_change_is_tried_at_once_whatever_was_refused_before() {
    let mut bench = bench();
    bench.changes.send(settings(u64::MAX)).await.unwrap();
    while bench.complaint.get().is_none() {
        tokio::task::yield_now().await;
    }
    let began = Instant::now();
    bench.changes.send(settings(0)).await.unwrap();
    bench.links.changed().await.unwrap();
    assert_eq!(began.elapsed(), Duration::ZERO);
    assert_eq!(bench.complaint.get(), None);
}
