//! Calls that leave an actor through a link.

use std::time::{Duration, Instant};

use bytes::Bytes;
use lattice_client::Call;
use lattice_config::Link;
use lattice_protocol::call::{Context, Origin};
use lattice_protocol::error::{CallError, ErrorCode};
use lattice_protocol::id::ActorName;
use lattice_protocol::interface::Endpoint;

use crate::route::Router;

/// The way out of one call that an actor serves: what it calls inherits deadline, hops and trace.
#[derive(Clone)]
pub struct Outbox {
    router: Router,
    source: ActorName,
    context: Context,
    deadline: Instant,
}

impl Outbox {
    /// The way out of a call to `source` that ends at `deadline`.
    pub fn new(router: Router, source: ActorName, context: Context, deadline: Instant) -> Self {
        Self {
            router,
            source,
            context,
            deadline,
        }
    }

    /// Calls `endpoint` of the link's target; the arguments are MessagePack.
    pub async fn call(
        &self,
        link: &Link,
        endpoint: Endpoint,
        payload: Bytes,
    ) -> Result<Bytes, CallError> {
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
        let context = self.context.onward(remaining, origin)?;
        let target = link.to.clone();
        let call = Call {
            target,
            endpoint,
            context,
            payload,
        };
        self.router.call(call, link.idempotent).await
    }

    /// What is left of the call's own time, or the link's if that is less.
    fn remaining(&self, link: &Link) -> Duration {
        let remaining = self.deadline.saturating_duration_since(Instant::now());
        match link.deadline_ms {
            Some(ms) => remaining.min(Duration::from_millis(ms)),
            None => remaining,
        }
    }
}
