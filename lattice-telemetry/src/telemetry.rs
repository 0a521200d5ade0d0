//! The handle that everything else is given.

use std::fmt;
use std::sync::{Arc, OnceLock};

use crate::metrics::Registry;
use crate::trace::Tracer;

type Check = Box<dyn Fn() -> bool + Send + Sync>;

/// Where a process shows what it does; clones are the same, and cheap.
#[derive(Clone, Default)]
pub struct Telemetry(Option<Arc<Inner>>);

struct Inner {
    registry: Option<Arc<Registry>>,
    tracer: Tracer,
    health: OnceLock<Check>,
}

static NO_TRACER: Tracer = Tracer::none();

impl Telemetry {
    /// Shows nothing, at no cost.
    pub fn off() -> Self {
        Self::default()
    }

    pub(crate) fn new(registry: Option<Arc<Registry>>, tracer: Tracer) -> Self {
        Self(Some(Arc::new(Inner {
            registry,
            tracer,
            health: OnceLock::new(),
        })))
    }

    /// Where metrics are; none if nobody reads any.
    pub fn registry(&self) -> Option<&Arc<Registry>> {
        self.0.as_ref()?.registry.as_ref()
    }

    /// What makes spans.
    pub fn tracer(&self) -> &Tracer {
        self.0.as_ref().map_or(&NO_TRACER, |inner| &inner.tracer)
    }

    /// Says from here on that the process is well while `check` says so. The first word holds.
    pub fn healthy_while(&self, check: impl Fn() -> bool + Send + Sync + 'static) {
        if let Some(inner) = &self.0 {
            let _ = inner.health.set(Box::new(check));
        }
    }

    /// Whether the process is well; none before anybody could say.
    pub(crate) fn is_healthy(&self) -> Option<bool> {
        self.0.as_ref()?.health.get().map(|check| check())
    }
}

impl fmt::Debug for Telemetry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Telemetry").finish_non_exhaustive()
    }
}
