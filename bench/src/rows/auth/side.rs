//! One of the two that are compared: its callers, its processes, and what it came to.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::AUTHORIZATION;
use http_body_util::Empty;

use crate::load::{self, Sample, Work};
use crate::measure::Plan;
use crate::usage::{Used, Watch, resident_kib};
use crate::web::Connection;

/// How long a process is left alone before its memory is read: several heartbeats.
pub(super) const REST: Duration = Duration::from_secs(3);

/// How callers call.
#[derive(Debug, Clone, Copy)]
pub(super) enum Load {
    /// Each as soon as it was answered.
    Closed,
    /// So many a second, over all of them.
    Paced(u32),
}

/// One side.
pub(super) struct Side {
    callers: Vec<Validate>,
    processes: Vec<(&'static str, u32)>,
    samples: Vec<Sample>,
    used: Option<Used>,
    peak_kib: f64,
}

impl Side {
    pub(super) async fn new(
        address: SocketAddr,
        keys: &Arc<[String]>,
        connections: usize,
        processes: &[(&'static str, u32)],
    ) -> anyhow::Result<Self> {
        let mut callers = Vec::new();
        for caller in 0..connections {
            callers.push(Validate {
                connection: Connection::open(address).await?,
                keys: Arc::clone(keys),
                next: caller,
            });
        }
        Ok(Self {
            callers,
            processes: processes.to_vec(),
            samples: Vec::new(),
            used: None,
            peak_kib: 0.0,
        })
    }

    /// One number of each round.
    pub(super) fn numbers(&self, number: fn(&Sample) -> f64) -> Vec<f64> {
        self.samples.iter().map(number).collect()
    }

    /// The most memory that all its processes held together in the middle of a round.
    pub(super) fn peak_mib(&self) -> f64 {
        self.peak_kib / 1024.0
    }

    /// Processor time for each answer, by process.
    pub(super) fn spent(&self) -> String {
        let answered = self.samples.iter().map(Sample::answered).sum();
        let used = self.used.as_ref();
        used.map_or_else(String::new, |used| used.by_answer(answered))
    }

    async fn turn(&mut self, how: Load, time: Duration) -> anyhow::Result<Sample> {
        let callers = &mut self.callers;
        let work = async {
            match how {
                Load::Closed => load::closed(callers, time).await,
                Load::Paced(per_second) => load::paced(callers, per_second, time).await,
            }
        };
        let memory = async {
            tokio::time::sleep(time / 2).await;
            resident(&self.processes)
        };
        let (sample, kib) = tokio::join!(work, memory);
        self.peak_kib = self.peak_kib.max(kib?);
        sample?.clean()
    }

    async fn round(&mut self, how: Load, time: Duration, watch: &Watch) -> anyhow::Result<()> {
        let mine = self.processes.iter();
        let watch = mine.fold(watch.clone(), |watch, (name, pid)| watch.and(name, *pid));
        let mut used = self.used.take().unwrap_or_else(|| watch.nothing());
        let sample = used.during(&watch, self.turn(how, time)).await?;
        self.samples.push(sample);
        self.used = Some(used);
        Ok(())
    }
}

/// Loads both sides by turns, what they came to before forgotten; each begins every second round.
pub(super) async fn by_turns(
    plan: Plan,
    how: Load,
    watch: &Watch,
    ours: &mut Side,
    theirs: Option<&mut Side>,
) -> anyhow::Result<()> {
    let mut sides: Vec<_> = std::iter::once(ours).chain(theirs).collect();
    for side in &mut sides {
        side.samples.clear();
        side.used = None;
        // A whole slice, not less: a just-in-time compiler needs it.
        side.turn(how, plan.slice).await?;
    }
    for _ in 0..plan.rounds {
        for side in &mut sides {
            side.round(how, plan.slice, watch).await?;
        }
        sides.reverse();
    }
    Ok(())
}

fn resident(processes: &[(&'static str, u32)]) -> anyhow::Result<f64> {
    processes
        .iter()
        .map(|(_, pid)| resident_kib(*pid).map(|(all, _)| all))
        .sum()
}

/// Validates key after key over one connection.
pub(super) struct Validate {
    connection: Connection,
    keys: Arc<[String]>,
    next: usize,
}

impl Validate {
    pub(super) async fn open(address: SocketAddr, keys: &Arc<[String]>) -> anyhow::Result<Self> {
        Ok(Self {
            connection: Connection::open(address).await?,
            keys: Arc::clone(keys),
            next: 0,
        })
    }
}

impl Work for Validate {
    async fn once(&mut self) -> anyhow::Result<()> {
        let key = &self.keys[self.next % self.keys.len()];
        self.next += 1;
        let request = http::Request::post("/auth/validate")
            .header(AUTHORIZATION, format!("Bearer {key}"))
            .body(Empty::<Bytes>::new())?;
        self.connection.send(request).await.map(drop)
    }
}
