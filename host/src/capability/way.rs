//! The way out of a guest.

use std::pin::pin;
use std::sync::Arc;

use bytes::Bytes;
use lattice_client::Reply;
use lattice_client::stream::Streams;
use lattice_config::Link;
use lattice_protocol::error::{CallError, ErrorCode};
use lattice_protocol::interface::Endpoint;
use tokio::runtime::Handle;

use super::threads::within;
use crate::outbox::Outbox;

/// The way out of the call that is served; between calls there is none. Shared by everything that the
/// guest calls while it serves this one.
#[derive(Clone)]
pub(super) struct Way {
    outbox: Option<Arc<Outbox>>,
    /// Where it leads out of, if the guest runs apart from the host.
    host: Option<Handle>,
}

impl Way {
    pub(super) fn new(outbox: Option<Outbox>, host: Option<&Handle>) -> Self {
        Self {
            outbox: outbox.map(Arc::new),
            host: host.cloned(),
        }
    }

    pub(super) fn none() -> Self {
        Self {
            outbox: None,
            host: None,
        }
    }

    /// Calls `endpoint` of the link's target; the arguments are MessagePack.
    pub(super) async fn call(
        &self,
        link: &Link,
        endpoint: Endpoint,
        payload: Bytes,
    ) -> Result<Bytes, CallError> {
        let reply = self.call_with(link, endpoint, payload, Streams::default());
        Ok(reply.await?.payload)
    }

    /// The same with streams.
    pub(super) async fn call_with(
        &self,
        link: &Link,
        endpoint: Endpoint,
        payload: Bytes,
        streams: Streams,
    ) -> Result<Reply, CallError> {
        match &self.outbox {
            Some(outbox) => {
                let call = pin!(outbox.call(link, endpoint, payload, streams));
                within(self.host.as_ref(), call).await
            }
            None => Err(CallError::refused(
                ErrorCode::Unavailable,
                format!("{endpoint} was called outside of a call"),
            )),
        }
    }
}
