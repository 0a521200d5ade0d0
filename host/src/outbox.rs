//! Calls that leave an actor through a link.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use lattice_client::stream::{Deadline, Streams};
use lattice_client::{Call, Reply};
use lattice_config::Link;
use lattice_protocol::call::{Context, Origin};
use lattice_protocol::error::{CallError, ErrorCode};
use lattice_protocol::id::ActorName;
use lattice_protocol::interface::Endpoint;
use lattice_telemetry::Calling;
use lattice_telemetry::metrics::ActorCounts;

use crate::route::Router;

/// The way out of one call that an actor serves: what it calls inherits deadline, hops and trace.
#[derive(Clone)]
pub struct Outbox {
    router: Router,
    source: ActorName,
    context: Context,
    deadline: Deadline,
    /// Where its calls are counted, if they are.
    counts: Option<Arc<ActorCounts>>,
}

impl Outbox {
    /// The way out of a call to `source` that ends at `deadline`.
    pub fn new(router: Router, source: ActorName, context: Context, deadline: Deadline) -> Self {
        Self {
            router,
            source,
            context,
            deadline,
            counts: None,
        }
    }

    /// Counts what goes out, if anybody reads that.
    pub fn counted(mut self, counts: Option<Arc<ActorCounts>>) -> Self {
        self.counts = counts;
        self
    }

    /// Calls `endpoint` of the link's target; the arguments are MessagePack.
    pub async fn call(
        &self,
        link: &Link,
        endpoint: Endpoint,
        payload: Bytes,
        streams: Streams,
    ) -> Result<Reply, CallError> {
        let remaining = self.remaining(link);
        if remaining.is_zero() {
            return Err(CallError::refused(
                ErrorCode::Deadline,
                format!("no time is left to call {}", link.to),
            ));
        }
        let origin = Origin {
            source: self.source.clone(),
            link: link.name.clone(),
        };
        let mut context = self.context.onward(remaining, origin)?;
        let target = link.to.clone();
        let mut calling = Calling::begin(
            self.router.telemetry().tracer(),
            self.counts.as_deref(),
            self.router.lattice(),
            &target,
            &endpoint,
            &mut context,
        );
        let call = Call {
            target,
            endpoint,
            context,
            payload,
            streams,
        };
        let reply = self.router.call(call, link.idempotent, &mut calling).await;
        calling.end(&reply);
        reply
    }

    /// What is left of the call's own time, or the link's if that is less.
    fn remaining(&self, link: &Link) -> Duration {
        let remaining = self
            .deadline
            .instant()
            .saturating_duration_since(Instant::now());
        match link.deadline_ms {
            Some(ms) => remaining.min(Duration::from_millis(ms)),
            None => remaining,
        }
    }
}
