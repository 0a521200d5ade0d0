//! How punctually a guest that computes without end is stopped: from its deadline to the answer, in the
//! host's own call path. One at a time, and one for each core.

use std::time::{Duration, Instant};

use anyhow::ensure;
use bytes::Bytes;
use lattice_protocol::error::ErrorCode;
use tokio::task::JoinSet;

use super::Bench;
use crate::figure::{Figure, Target, Unit};
use crate::inside::{Caller, Inside};
use crate::report::Report;
use crate::world::World;

/// The time that each call has.
const DEADLINE: Duration = Duration::from_millis(50);
/// How many calls each caller makes in a round.
const CALLS_PER_ROUND: u32 = 20;
/// No arguments, as MessagePack.
const NOTHING: &[u8] = &[0x90];
/// How far from its deadline a call may end.
const PUNCTUAL: Target = Target::AtMost(10.0);

pub(super) async fn run(bench: &Bench) -> anyhow::Result<Report> {
    let world = World::start(bench).await?;
    let digest = world.push(&bench.guests.read("misbehave")?).await?;
    let manifest = format!("name = \"bench\"\n[actor.spinner]\ncomponent = \"{digest}\"\n");
    let inside = Inside::start(&world, &manifest).await?;
    let cores = std::thread::available_parallelism().map_or(1, usize::from);

    let mut report = Report::default();
    for callers in [1, cores] {
        let calls = bench.plan.rounds * CALLS_PER_ROUND;
        let mut tasks = JoinSet::new();
        for _ in 0..callers {
            let one = || inside.call(("spinner", "spin"), Bytes::from_static(NOTHING), DEADLINE);
            let calls: Vec<_> = (0..calls).map(|_| one()).collect::<anyhow::Result<_>>()?;
            tasks.spawn(lateness(calls));
        }
        let mut late = Vec::new();
        while let Some(measured) = tasks.join_next().await {
            late.extend(measured??);
        }
        late.sort_by(f64::total_cmp);
        let what = format!("a spinning guest is stopped, {callers} at a time");
        let farthest = late.iter().copied().map(f64::abs).fold(0.0, f64::max);
        let figure = |which: &str, millis, target| {
            let what = format!("{what}: after its deadline, {which}");
            Figure::plain(what, Unit::Millis, millis, target)
        };
        report.add([
            figure("p50", quantile(&late, 0.50), Target::None),
            figure("p99", quantile(&late, 0.99), Target::None),
            figure("at the most, or before", farthest, PUNCTUAL),
        ]);
        let first = late.first().copied().unwrap_or_default();
        report.note(format!(
            "{what}: {} calls, the earliest {first:.2} ms after",
            late.len()
        ));
    }
    inside.stop().await;
    Ok(report)
}

/// How many milliseconds after its deadline each call ended, one after another.
async fn lateness(calls: Vec<Caller>) -> anyhow::Result<Vec<f64>> {
    let mut late = Vec::new();
    for call in calls {
        let began = Instant::now();
        let ended = call.answered().await?;
        let took = began.elapsed();
        let in_time = matches!(&ended, Err(error) if error.code == ErrorCode::Deadline);
        ensure!(in_time, "it ended with {ended:?}");
        late.push((took.as_secs_f64() - DEADLINE.as_secs_f64()) * 1000.0);
    }
    Ok(late)
}

/// The value that this share of sorted values does not exceed.
fn quantile(sorted: &[f64], share: f64) -> f64 {
    let last = sorted.len().saturating_sub(1);
    let at = (last as f64 * share).ceil() as usize;
    sorted.get(at.min(last)).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantile_is_one_of_the_values() {
        let values: Vec<_> = (1..=100).map(f64::from).collect();
        assert_eq!(quantile(&values, 0.5), 51.0);
        assert_eq!(quantile(&values, 0.99), 100.0);
        assert_eq!(quantile(&[7.0], 0.99), 7.0);
        assert_eq!(quantile(&[], 0.5), 0.0);
    }
}
