//! Requests read, values written, and the problems of what lies below in an operator's words.

use lattice_client::{ArtifactError, ControlError, StateError};
use lattice_protocol::control::{Problem, ProblemCode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// What a handler answers.
pub(super) type Answer<T> = Result<T, Problem>;

/// Reads a request; an empty one is `{}`.
pub(super) fn decode<T: DeserializeOwned>(payload: &[u8]) -> Answer<T> {
    let payload = if payload.is_empty() { b"{}" } else { payload };
    serde_json::from_slice(payload)
        .map_err(|error| bad(format!("the request is not valid: {error}")))
}

/// Writes a value.
pub(super) fn encode<T: Serialize>(value: T) -> Answer<Value> {
    serde_json::to_value(value)
        .map_err(|error| internal(format!("the answer can't be written: {error}")))
}

pub(super) fn bad(message: impl Into<String>) -> Problem {
    Problem::new(ProblemCode::BadRequest, message)
}

pub(super) fn not_found(message: impl Into<String>) -> Problem {
    Problem::new(ProblemCode::NotFound, message)
}

pub(super) fn conflict(message: impl Into<String>) -> Problem {
    Problem::new(ProblemCode::Conflict, message)
}

pub(super) fn unavailable(message: impl Into<String>) -> Problem {
    Problem::new(ProblemCode::Unavailable, message)
}

pub(super) fn internal(message: impl Into<String>) -> Problem {
    Problem::new(ProblemCode::Internal, message)
}

/// The state said no.
pub(super) fn state_problem(error: StateError) -> Problem {
    match error {
        StateError::Conflict { .. } => conflict(error.to_string()),
        StateError::NoJetStream | StateError::Unavailable { .. } => unavailable(error.to_string()),
        StateError::Corrupt { .. } => internal(error.to_string()),
    }
}

/// The store of components said no.
pub(super) fn artifact_problem(error: ArtifactError) -> Problem {
    match error {
        ArtifactError::NotFound(_) => not_found(error.to_string()),
        ArtifactError::TooLarge(_) => bad(error.to_string()),
        ArtifactError::Tampered { .. } => internal(error.to_string()),
        ArtifactError::Unavailable { .. } => unavailable(error.to_string()),
    }
}

/// Another host said no, or nothing.
pub(super) fn forward_problem(error: ControlError) -> Problem {
    match error {
        ControlError::Refused(problem) => problem,
        error => unavailable(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use lattice_protocol::control::{ActorScale, Nothing};

    use super::*;

    #[test]
    fn an_empty_request_says_nothing() {
        assert_eq!(decode::<Nothing>(b""), Ok(Nothing {}));
        assert_eq!(decode::<Nothing>(b"{}"), Ok(Nothing {}));
    }

    #[test]
    fn what_is_wrong_with_a_request_is_named() {
        for (payload, part) in [
            (r#"{"name":"a","instance":3}"#, "unknown field `instance`"),
            (r#"{"name":"A b","instances":3}"#, "use 1 to 63 of a-z"),
            (r#"{"name":"a"}"#, "missing field `instances`"),
            ("3", "invalid type"),
            ("{", "EOF"),
        ] {
            let problem = decode::<ActorScale>(payload.as_bytes()).unwrap_err();
            assert_eq!(problem.code, ProblemCode::BadRequest);
            assert!(
                problem.message.contains(part),
                "{payload}: {}",
                problem.message
            );
        }
    }
}
