//! `lattice:provider/health.check`: the question that every provider answers.
//!
//! It takes no arguments and answers [`Health`], as soon as the provider takes calls and for as long
//! as it does, however busy it is. Hosts ask it to know when a process that they started is ready, by
//! which settings it works, and which it refuses.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lattice_protocol::interface::Endpoint;
use lattice_protocol::report::Refused;
use lattice_protocol::standard::health::Health;

/// The endpoint, in full form.
pub const CHECK: &str = lattice_protocol::standard::HEALTH_CHECK;

/// Whether a call asks for health. The short form is the provider's own to use.
pub(crate) fn is_check(endpoint: &Endpoint) -> bool {
    endpoint.interface.as_ref().is_some_and(|interface| {
        CHECK
            .strip_prefix(interface.as_str())
            .and_then(|rest| rest.strip_prefix('.'))
            == Some(endpoint.function.as_str())
    })
}

/// What a provider says of its settings; clones share it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Said(Arc<Mutex<Health>>);

impl Said {
    /// The settings of that revision are taken.
    pub(crate) fn taken(&self, revision: &str) {
        *self.lock() = Health {
            settings: Some(revision.to_owned()),
            refused: None,
        };
    }

    /// The settings of that revision are refused, those before stay.
    pub(crate) fn refused(&self, revision: &str, reason: &str) {
        self.lock().refused = Some(Refused {
            revision: revision.to_owned(),
            reason: reason.to_owned(),
            may_pass: false,
        });
    }

    /// What is so.
    pub(crate) fn get(&self) -> Health {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Health> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_full_form_asks_for_health() {
        assert!(is_check(&CHECK.parse().unwrap()));
        assert!(!is_check(&"check".parse().unwrap()));
        assert!(!is_check(&"test:kit/health.check".parse().unwrap()));
    }
}
