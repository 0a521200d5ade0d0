//! What a provider author writes.

use async_trait::async_trait;
use lattice_client::Reply;
use lattice_protocol::error::CallError;
use lattice_protocol::interface::Endpoint;

use crate::{Call, Error, Settings};

/// A process that answers interfaces.
#[async_trait]
pub trait Provider: Send + Sync + 'static {
    /// What it answers, in full form (`wasi:keyvalue/store.bucket.get`); nothing for a provider
    /// that only calls. Asked once.
    fn endpoints(&self) -> Vec<Endpoint>;

    /// Takes the settings: once before the first call, then at each change, one at a time, while
    /// calls run. An error at the start ends the process with that message; a later one is
    /// reported, the settings before stay, and the same ones are tried again after a pause: the
    /// reason may go away by itself.
    async fn configure(&self, settings: &Settings) -> Result<(), Error>;

    /// Answers one call to one of its endpoints. The future is dropped at the call's deadline; a
    /// panic in it costs this call only.
    async fn call(&self, call: Call) -> Result<Reply, CallError>;

    /// The last thing that happens, when no call runs any more.
    async fn stop(&self) {}
}
