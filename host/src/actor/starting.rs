//! What the starts of a host's actors have in common: components are fetched once, and few actors are
//! tried at a time.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use lattice_config::AssignedActor;
use lattice_protocol::digest::Digest;
use tokio::sync::{Semaphore, SemaphorePermit};
use wasmtime::component::Component;

use super::Context;
use super::code::Code;
use super::revision::Error;

/// How long a component may take from the lattice to this host: the largest one over a slow line.
const PULL_TIME: Duration = Duration::from_secs(120);
/// How many actors are linked and tried at once. More would not be done sooner, and each takes an
/// instance and other memory that the process keeps when thousands have started.
const STARTS_MAX: usize = 8;

/// Shared by all starts of a host.
pub struct Starting {
    /// One component at a time is mapped from disk.
    loads: tokio::sync::Mutex<()>,
    /// One component at a time is pulled and compiled.
    pulls: tokio::sync::Mutex<()>,
    turns: Semaphore,
    /// Code by component, for as long as an actor has it.
    in_use: Mutex<HashMap<Digest, Weak<Code>>>,
}

impl Default for Starting {
    fn default() -> Self {
        Self {
            loads: tokio::sync::Mutex::default(),
            pulls: tokio::sync::Mutex::default(),
            turns: Semaphore::new(STARTS_MAX),
            in_use: Mutex::default(),
        }
    }
}

impl Starting {
    /// The code of an actor: as it is in use, or from disk if it was compiled here before, else from
    /// the lattice.
    pub(super) async fn code(
        &self,
        cx: &Context,
        assigned: &AssignedActor,
    ) -> Result<Arc<Code>, Error> {
        let digest = &assigned.component;
        if let Some(code) = self.used(digest) {
            return Ok(code);
        }
        if let Some(code) = self.load(cx, digest).await {
            return Ok(code);
        }
        // One at a time: a host never holds more than one component that is not compiled.
        let _turn = self.pulls.lock().await;
        if let Some(code) = self.load(cx, digest).await {
            return Ok(code);
        }
        let pulled = tokio::time::timeout(PULL_TIME, cx.artifacts.pull(digest));
        let bytes = pulled.await.map_err(|_| Error::Slow(PULL_TIME))??;
        let limits = &assigned.spec.limits;
        let component = cx.engine.compile(digest, bytes, limits).await?;
        Ok(self.share(digest, component))
    }

    /// From disk, if it is there.
    async fn load(&self, cx: &Context, digest: &Digest) -> Option<Arc<Code>> {
        // One at a time: of thousands of actors of one component that start at once, one maps it.
        let _turn = self.loads.lock().await;
        if let Some(code) = self.used(digest) {
            return Some(code);
        }
        let component = cx.engine.cached(digest).await?;
        Some(self.share(digest, component))
    }

    fn used(&self, digest: &Digest) -> Option<Arc<Code>> {
        self.in_use().get(digest).and_then(Weak::upgrade)
    }

    /// Waits for the turn to be tried; over when the permit is dropped.
    pub(super) async fn turn(&self) -> Option<SemaphorePermit<'_>> {
        // Never closed.
        self.turns.acquire().await.ok()
    }

    /// Lets other actors use it as well; one that is in use already wins.
    fn share(&self, digest: &Digest, component: Arc<Component>) -> Arc<Code> {
        let code = Arc::new(Code::of(component));
        let mut in_use = self.in_use();
        in_use.retain(|_, code| code.strong_count() > 0);
        if let Some(first) = in_use.get(digest).and_then(Weak::upgrade) {
            return first;
        }
        in_use.insert(digest.clone(), Arc::downgrade(&code));
        code
    }

    fn in_use(&self) -> MutexGuard<'_, HashMap<Digest, Weak<Code>>> {
        // Nothing panics under this lock.
        self.in_use.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
