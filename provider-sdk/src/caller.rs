//! The calls that a provider makes itself.

use lattice_client::{Call, Client, Reply};
use lattice_protocol::error::CallError;
use lattice_telemetry::{Calling, Way};

use crate::Out;

/// Calls actors: straight into those of the host in whose process the provider runs, else over NATS.
#[derive(Clone)]
pub struct Caller {
    client: Client,
    out: Option<Out>,
}

impl Caller {
    /// Calls go by `out` if there is such a way: [`Options::out`](crate::Options::out).
    pub fn new(client: Client, out: Option<Out>) -> Self {
        Self { client, out }
    }

    /// Whether there is a connection to NATS.
    pub fn is_connected(&self) -> bool {
        self.client.is_connected()
    }

    /// Makes a call, and tells `calling` which way it goes. Dropping the future cancels the call.
    pub async fn call(&self, call: Call, calling: &mut Calling<'_>) -> Result<Reply, CallError> {
        match &self.out {
            Some(out) => out(call, calling).await,
            None => {
                calling.goes(Way::Queue);
                self.client.call(call).await
            }
        }
    }
}
