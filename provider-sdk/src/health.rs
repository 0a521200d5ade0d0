//! `lattice:provider/health.check`: the question that every provider answers.
//!
//! It takes no arguments and answers `null`, as soon as the provider takes calls and for as long
//! as it does, however busy it is. Hosts ask it to know when a process that they started is ready.

use lattice_protocol::interface::Endpoint;

/// The endpoint, in full form.
pub const CHECK: &str = "lattice:provider/health.check";
const INTERFACE: &str = "lattice:provider/health";
const FUNCTION: &str = "check";

/// Whether a call asks for health. The short form is the provider's own to use.
pub(crate) fn is_check(endpoint: &Endpoint) -> bool {
    endpoint.function.as_str() == FUNCTION
        && endpoint
            .interface
            .as_ref()
            .is_some_and(|interface| interface.as_str() == INTERFACE)
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
