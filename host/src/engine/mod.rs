//! The WebAssembly engine: settings, ticks, and compiled components on disk.
//!
//! One engine serves every actor of a host, but for those with async functions: these have a second
//! one, made when the first of them comes, as several calls in one instance make each call dearer.
//! Nothing in wasmtime is bounded by default, so every
//! bound is set here or, for what differs by actor, in [`Guest`](crate::capability::Guest).

mod cache;
mod settings;
mod ticker;
mod tidy;

use std::collections::{BTreeSet, HashMap};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::time::{Duration, Instant};

use lattice_config::Limits;
use lattice_protocol::digest::Digest;
use tokio::sync::Semaphore;
use wasmtime::component::Component;

use crate::metrics::Compiled;
use cache::Cache;
use settings::Calls;
pub use settings::TICK;
use ticker::Ticker;

/// How many components are compiled at once: each compilation uses every core by itself.
const COMPILATIONS_MAX: usize = 1;
const MIB: u64 = 1024 * 1024;

/// Why there is no compiled component.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The engine itself could not be set up.
    #[error("failed to set up the WebAssembly engine: {0}")]
    Setup(String),
    /// It is over the actor's limit.
    #[error("the component has {mib} MiB and component_mib is {max}")]
    TooLarge {
        /// Its size.
        mib: u64,
        /// The limit.
        max: u64,
    },
    /// It is not a component, or not one this engine takes.
    #[error("the component does not compile: {0}")]
    Invalid(String),
    /// It took too long.
    #[error("compiling took longer than compile_ms ({0} ms)")]
    TimedOut(u64),
    /// The folder of compiled components can't be used.
    #[error("failed to {what} in the folder of compiled components: {source}")]
    Cache {
        /// What was tried.
        what: &'static str,
        /// What went wrong.
        source: std::io::Error,
    },
}

/// Compiles and holds components; clones share it.
#[derive(Clone)]
pub struct Engine {
    plain: Side,
    concurrent: Arc<OnceLock<Side>>,
    data: Arc<Path>,
    instances_max: u32,
    compiling: Arc<Semaphore>,
    idle: Arc<Semaphore>,
    idle_max: usize,
    compiled: Arc<Compiled>,
    /// What is in use: actors of one component share its code.
    in_use: Arc<Mutex<HashMap<Digest, Weak<Component>>>>,
}

/// An engine of wasmtime with what it compiled.
#[derive(Clone)]
struct Side {
    wasm: wasmtime::Engine,
    cache: Arc<Cache>,
    _ticker: Arc<Ticker>,
}

impl Side {
    fn new(data: &Path, instances_max: u32, calls: Calls) -> Result<Self, Error> {
        let wasm = settings::engine(instances_max, calls)?;
        let cache = Cache::open(data, &wasm)?;
        let ticker = Ticker::start(wasm.clone()).map_err(|e| Error::Setup(e.to_string()))?;
        Ok(Self {
            wasm,
            cache: Arc::new(cache),
            _ticker: Arc::new(ticker),
        })
    }

    fn load(&self, digest: &Digest) -> Option<Component> {
        self.cache.load(&self.wasm, digest)
    }

    fn compile(&self, digest: &Digest, bytes: &[u8]) -> Result<Component, Error> {
        let code = self
            .wasm
            .precompile_component(bytes)
            .map_err(|error| Error::Invalid(format!("{error:#}")))?;
        self.cache.store(digest, &code)?;
        self.load(digest)
            .ok_or_else(|| Error::Invalid("what was just compiled can't be loaded".into()))
    }
}

impl Engine {
    /// An engine for up to `instances_max` instances at once, with its compiled components in `data`.
    pub fn new(data: &Path, instances_max: u32) -> Result<Self, Error> {
        let idle = usize::try_from(settings::idle_max(instances_max)).unwrap_or(usize::MAX);
        let idle = idle.min(Semaphore::MAX_PERMITS);
        Ok(Self {
            plain: Side::new(data, instances_max, Calls::One)?,
            concurrent: Arc::default(),
            in_use: Arc::default(),
            data: data.into(),
            instances_max,
            compiling: Arc::new(Semaphore::new(COMPILATIONS_MAX)),
            idle: Arc::new(Semaphore::new(idle)),
            idle_max: idle,
            compiled: Arc::default(),
        })
    }

    /// The engine as wasmtime knows it; a component with async functions has another.
    pub fn wasm(&self) -> &wasmtime::Engine {
        &self.plain.wasm
    }

    /// A permit for each instance that may be idle, of whichever actor.
    pub fn idle(&self) -> &Arc<Semaphore> {
        &self.idle
    }

    /// How compilations went.
    pub fn compiled(&self) -> &Compiled {
        &self.compiled
    }

    /// How many instances are idle, of all actors.
    pub fn instances_idle(&self) -> u64 {
        let idle = self.idle_max.saturating_sub(self.idle.available_permits());
        u64::try_from(idle).unwrap_or(u64::MAX)
    }

    /// A component that was compiled before: as it is in use, else mapped from disk. It stays in use
    /// for as long as somebody holds it.
    pub async fn cached(&self, digest: &Digest) -> Option<Arc<Component>> {
        let in_use = self.in_use().get(digest).and_then(Weak::upgrade);
        if in_use.is_some() {
            return in_use;
        }
        let component = self.load(digest).await?;
        Some(self.share(digest, component))
    }

    async fn load(&self, digest: &Digest) -> Option<Component> {
        let (engine, digest) = (self.clone(), digest.clone());
        let load = move || match engine.plain.cache.is_passed_on(&digest) {
            true => engine.concurrent().ok()?.load(&digest),
            false => engine.plain.load(&digest),
        };
        tokio::task::spawn_blocking(load).await.ok().flatten()
    }

    /// Compiles a component within the limits, keeps it on disk, and maps it from there.
    pub async fn compile(
        &self,
        digest: &Digest,
        bytes: Vec<u8>,
        limits: &Limits,
    ) -> Result<Arc<Component>, Error> {
        let mib = (bytes.len() as u64).div_ceil(MIB);
        if mib > limits.component_mib {
            return Err(Error::TooLarge {
                mib,
                max: limits.component_mib,
            });
        }
        let (engine, wanted) = (self.clone(), digest.clone());
        let permit = self
            .compiling
            .clone()
            .acquire_owned()
            .await
            .map_err(|e| Error::Setup(e.to_string()))?;
        // Another may have compiled it while this one waited.
        if let Some(component) = self.cached(digest).await {
            return Ok(component);
        }
        let compiled = tokio::task::spawn_blocking(move || {
            // The permit goes with the work: a compilation past its time still holds its place.
            let _permit = permit;
            let begun = Instant::now();
            let result = engine.compile_now(&wanted, &bytes);
            engine.compiled.record(begun.elapsed(), &result);
            engine.tidy(&wanted);
            result
        });
        let limit = Duration::from_millis(limits.compile_ms);
        match tokio::time::timeout(limit, compiled).await {
            Ok(Ok(result)) => result.map(|component| self.share(digest, component)),
            Ok(Err(error)) => Err(Error::Invalid(error.to_string())),
            Err(_) => Err(Error::TimedOut(limits.compile_ms)),
        }
    }

    /// Removes compiled code past its bound that no actor uses, but never `newest`.
    fn tidy(&self, newest: &Digest) {
        let mut in_use: BTreeSet<_> = {
            let all = self.in_use();
            let used = all
                .iter()
                .filter(|(_, component)| component.strong_count() > 0);
            used.map(|(digest, _)| digest.clone()).collect()
        };
        in_use.insert(newest.clone());
        for side in [Some(&self.plain), self.concurrent.get()]
            .into_iter()
            .flatten()
        {
            tidy::tidy(side.cache.folder(), &in_use, tidy::UNUSED_BYTES_MAX);
        }
    }

    /// Lets others use the component as well; one that is in use already wins.
    fn share(&self, digest: &Digest, component: Component) -> Arc<Component> {
        let mut in_use = self.in_use();
        in_use.retain(|_, component| component.strong_count() > 0);
        if let Some(first) = in_use.get(digest).and_then(Weak::upgrade) {
            return first;
        }
        let component = Arc::new(component);
        in_use.insert(digest.clone(), Arc::downgrade(&component));
        component
    }

    fn in_use(&self) -> MutexGuard<'_, HashMap<Digest, Weak<Component>>> {
        // Nothing panics under this lock.
        self.in_use.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the plain engine refuses may have async functions. It refuses before it makes any code, so
    /// that asking it first costs little.
    fn compile_now(&self, digest: &Digest, bytes: &[u8]) -> Result<Component, Error> {
        let refusal = match self.plain.compile(digest, bytes) {
            Err(refusal @ Error::Invalid(_)) => refusal,
            result => return result,
        };
        match self.concurrent()?.compile(digest, bytes) {
            Ok(component) => {
                self.plain.cache.pass_on(digest)?;
                Ok(component)
            }
            Err(Error::Invalid(_)) => Err(refusal),
            Err(error) => Err(error),
        }
    }

    fn concurrent(&self) -> Result<&Side, Error> {
        if let Some(side) = self.concurrent.get() {
            return Ok(side);
        }
        let side = Side::new(&self.data, self.instances_max, Calls::Several)?;
        // Another may have been first: then this one goes.
        Ok(self.concurrent.get_or_init(|| side))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tiny() -> Vec<u8> {
        // The smallest component: the magic number and the component layer's version.
        vec![0x00, 0x61, 0x73, 0x6d, 0x0d, 0x00, 0x01, 0x00]
    }

    #[tokio::test]
    async fn a_component_is_compiled_once_and_then_mapped() {
        let data = tempfile::tempdir().unwrap();
        let engine = Engine::new(data.path(), 10).unwrap();
        let digest = Digest::of(&tiny());
        assert!(engine.cached(&digest).await.is_none());
        engine
            .compile(&digest, tiny(), &Limits::default())
            .await
            .unwrap();
        assert!(engine.cached(&digest).await.is_some());
    }

    #[tokio::test]
    async fn compiled_code_that_was_changed_on_disk_is_not_loaded() {
        let data = tempfile::tempdir().unwrap();
        let engine = Engine::new(data.path(), 10).unwrap();
        let digest = Digest::of(&tiny());
        engine
            .compile(&digest, tiny(), &Limits::default())
            .await
            .unwrap();
        let file = engine.plain.cache.path(&digest);
        let mut code = std::fs::read(&file).unwrap();
        let last = code.len() - 1;
        code[last] ^= 1;
        std::fs::write(&file, code).unwrap();
        assert!(engine.cached(&digest).await.is_none());
    }

    #[tokio::test]
    async fn what_is_no_component_or_too_large_is_refused_with_the_reason() {
        let data = tempfile::tempdir().unwrap();
        let engine = Engine::new(data.path(), 10).unwrap();
        let compile = async |bytes: Vec<u8>| {
            let digest = Digest::of(&bytes);
            let limits = Limits {
                component_mib: 1,
                ..Limits::default()
            };
            engine
                .compile(&digest, bytes, &limits)
                .await
                .unwrap_err()
                .to_string()
        };
        assert!(
            compile(b"not wasm".to_vec())
                .await
                .contains("does not compile")
        );
        assert!(
            compile(vec![0; 2 << 20])
                .await
                .contains("component_mib is 1")
        );
    }
}
