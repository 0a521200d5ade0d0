//! What operators ask, answered.
//!
//! ```text
//!   request ─► [`verbs`] ─► a handler ─► [`desk`] ─► state, by compare-and-swap ─► event, audit line
//!                             one file      what all of them work with
//! ```
//!
//! A request that changes an app is an *edit*: a function from what is declared to one app's new
//! state (`edit`). `commit` checks it, writes it, and makes it anew when somebody else was
//! first. The handlers know neither subjects nor NATS, so that another face can stand before them.

mod actor;
mod app;
mod artifact;
mod audit;
mod commit;
mod config;
mod desk;
mod edit;
mod host;
mod link;
mod placement;
mod provider;
mod request;
mod verbs;

use std::sync::Arc;
use std::time::Duration;

use lattice_client::{ControlRequest, Controls};
use lattice_protocol::control::{Problem, ProblemCode};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use audit::Asked;
pub use audit::trail::Trail;
pub use desk::{Desk, Leave};

/// How many requests are worked on at once: each reads and writes state a few times, and more at
/// once would only wait for the store.
const REQUESTS_MAX: usize = 64;
/// How long one request may take: less than callers wait, so that they are told.
const REQUEST_TIME_MAX: Duration = Duration::from_secs(8);

/// Answers requests until `stop`, then finishes those that have come.
pub async fn serve(mut controls: Controls, desk: Arc<Desk>, stop: CancellationToken) {
    let permits = Arc::new(Semaphore::new(REQUESTS_MAX));
    let tasks = TaskTracker::new();
    let mut is_draining = false;
    loop {
        let request = tokio::select! {
            () = stop.cancelled(), if !is_draining => {
                is_draining = true;
                controls.drain().await;
                continue;
            }
            request = controls.next() => request,
        };
        let Some(request) = request else { break };
        // Requests past the bound wait in the subscription, which is bounded too.
        let Ok(permit) = permits.clone().acquire_owned().await else {
            break;
        };
        let desk = desk.clone();
        tasks.spawn(async move {
            answer(&desk, request).await;
            drop(permit);
        });
    }
    tasks.close();
    tasks.wait().await;
    desk.trail.settled().await;
}

async fn answer(desk: &Desk, request: ControlRequest) {
    let asked = Asked {
        verb: &request.verb,
        for_host: request.for_host,
        by: request.by.clone(),
        payload: &request.payload,
    };
    let work = async {
        if request.for_host {
            verbs::answer_for_host(desk, &request.verb, &request.payload).await
        } else {
            verbs::answer(desk, &request.verb, &request.payload).await
        }
    };
    let result = tokio::time::timeout(REQUEST_TIME_MAX, work).await.unwrap_or_else(|_| {
        Err(Problem::new(
            ProblemCode::Unavailable,
            format!(
                "{} took more than {REQUEST_TIME_MAX:?}: the state is slow or can't be reached; \
                 what was done is not known, so look before trying again",
                request.verb
            ),
        ))
    });
    if let Err(problem) = &result {
        tracing::info!(verb = request.verb, code = %problem.code, problem.message, "refused");
    }
    // Before the answer: whoever has it finds its record, unless keeping takes long.
    if let Some((kind, record)) = audit::record(asked, &desk.host, &result) {
        desk.audit(kind, record).await;
    }
    request.reply(result).await;
}
