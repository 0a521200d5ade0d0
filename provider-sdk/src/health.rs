//! `lattice:provider/health.check`: the question that every provider answers.
//!
//! It takes no arguments and answers `null`, as soon as the provider takes calls and for as long
//! as it does, however busy it is. Hosts ask it to know when a process that they started is ready.
//! While something is wrong that doesn't keep it from answering, it answers what that is, as text.

use std::sync::{Arc, Mutex, PoisonError};

use lattice_protocol::interface::Endpoint;

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

/// What a provider complains of; clones share it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Complaint(Arc<Mutex<Option<String>>>);

impl Complaint {
    /// What is wrong from now on.
    pub(crate) fn set(&self, complaint: Option<String>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = complaint;
    }

    /// What is wrong.
    pub(crate) fn get(&self) -> Option<String> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
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
