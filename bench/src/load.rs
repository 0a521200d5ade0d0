//! Callers: so many at a time, each with its next call when the last was answered, or so many calls
//! a second whatever the answers do.

use std::time::{Duration, Instant};

use anyhow::Context as _;
use hdrhistogram::Histogram;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

/// Three digits are far finer than the noise.
const DIGITS: u8 = 3;
/// How many ticks may wait for one caller of a paced load: a stall of seconds is still recorded.
const TICKS_WAITING_MAX: usize = 4096;

/// What one caller does again and again.
pub(crate) trait Work: Send + 'static {
    /// One call, to its answer.
    fn once(&mut self) -> impl Future<Output = anyhow::Result<()>> + Send;
}

/// What a load came to.
pub(crate) struct Sample {
    time: Duration,
    latencies: Histogram<u64>,
    failed: u64,
    fault: Option<anyhow::Error>,
}

impl Sample {
    fn empty() -> anyhow::Result<Self> {
        Ok(Self {
            time: Duration::ZERO,
            latencies: Histogram::new(DIGITS)?,
            failed: 0,
            fault: None,
        })
    }

    fn record(&mut self, began: Instant, result: anyhow::Result<()>) {
        let nanos = u64::try_from(began.elapsed().as_nanos()).unwrap_or(u64::MAX);
        match result {
            Ok(()) => self.latencies += nanos,
            Err(error) => {
                self.failed += 1;
                self.fault.get_or_insert(error);
            }
        }
    }

    fn add(&mut self, other: Self) -> anyhow::Result<()> {
        self.latencies.add(other.latencies)?;
        self.failed += other.failed;
        self.fault = self.fault.take().or(other.fault);
        Ok(())
    }

    /// The sample, or the first fault if any call failed: a figure over failed calls says nothing.
    pub(crate) fn clean(self) -> anyhow::Result<Self> {
        match self.fault {
            Some(fault) => Err(fault.context(format!("{} calls failed", self.failed))),
            None => Ok(self),
        }
    }

    /// How many calls were answered.
    pub(crate) fn answered(&self) -> u64 {
        self.latencies.len()
    }

    /// How many calls failed.
    pub(crate) fn failed(&self) -> u64 {
        self.failed
    }

    /// Answers a second.
    pub(crate) fn per_second(&self) -> f64 {
        self.answered() as f64 / self.time.as_secs_f64()
    }

    /// The time that this share of the calls did not exceed, in microseconds.
    pub(crate) fn micros(&self, quantile: f64) -> f64 {
        self.latencies.value_at_quantile(quantile) as f64 / 1000.0
    }
}

/// Every worker calls as soon as it was answered, until the time is over.
pub(crate) async fn closed<W: Work>(
    workers: &mut Vec<W>,
    time: Duration,
) -> anyhow::Result<Sample> {
    let began = Instant::now();
    let end = began + time;
    let mut tasks = JoinSet::new();
    for mut worker in workers.drain(..) {
        let mut sample = Sample::empty()?;
        tasks.spawn(async move {
            while Instant::now() < end {
                let began = Instant::now();
                let result = worker.once().await;
                sample.record(began, result);
            }
            (worker, sample)
        });
    }
    let mut sample = gather(tasks, workers).await?;
    sample.time = began.elapsed();
    Ok(sample)
}

/// So many calls a second, dealt out in turn. A latency counts from when the call was due: one that
/// had to wait for the answer before it is not flattered.
pub(crate) async fn paced<W: Work>(
    workers: &mut Vec<W>,
    per_second: u32,
    time: Duration,
) -> anyhow::Result<Sample> {
    let mut tasks = JoinSet::new();
    let mut lanes = Vec::new();
    for mut worker in workers.drain(..) {
        let mut sample = Sample::empty()?;
        let (lane, mut ticks) = mpsc::channel::<Instant>(TICKS_WAITING_MAX);
        lanes.push(lane);
        tasks.spawn(async move {
            while let Some(due) = ticks.recv().await {
                let result = worker.once().await;
                sample.record(due, result);
            }
            (worker, sample)
        });
    }
    let began = Instant::now();
    let pacer = std::thread::spawn(move || pace(&lanes, Duration::from_secs(1) / per_second, time));
    let mut sample = gather(tasks, workers).await?;
    sample.time = began.elapsed();
    let left_out = pacer.join().ok().context("the pacing thread panicked")?;
    anyhow::ensure!(left_out == 0, "{left_out} calls could not even be queued");
    Ok(sample)
}

/// A thread of its own: the timers of an async runtime are as coarse as what is measured.
fn pace(lanes: &[mpsc::Sender<Instant>], interval: Duration, time: Duration) -> u64 {
    let began = Instant::now();
    let mut due = began;
    let mut left_out = 0;
    for lane in lanes.iter().cycle() {
        due += interval;
        if due.duration_since(began) > time {
            break;
        }
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        left_out += u64::from(lane.try_send(due).is_err());
    }
    left_out
}

async fn gather<W: Work>(
    mut tasks: JoinSet<(W, Sample)>,
    workers: &mut Vec<W>,
) -> anyhow::Result<Sample> {
    let mut whole = Sample::empty()?;
    while let Some(joined) = tasks.join_next().await {
        let (worker, sample) = joined?;
        whole.add(sample)?;
        workers.push(worker);
    }
    Ok(whole)
}
