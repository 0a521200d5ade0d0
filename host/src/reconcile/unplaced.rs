//! What the leader could not place: a record of its own in the state, so that any host can answer
//! `actor.list` with the reason. Key `unplaced`, written by the leader; hosts that don't know it
//! pass it over.

use std::collections::BTreeMap;

use lattice_client::{State, StateError};
use lattice_config::plan::Plan;
use lattice_config::state::{self, Record};
use lattice_protocol::id::TargetName;
use serde::{Deserialize, Serialize};

/// Where it is.
const KEY: &str = "unplaced";
/// The longest reason and the most of them: a person reads the first few, and all must fit in one
/// message.
const REASON_LEN_MAX: usize = 256;
const UNPLACED_MAX: usize = 1_000;

/// Actors and providers that are not placed as declared, with the reason.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unplaced {
    /// The lease under which it was written.
    pub epoch: u64,
    /// Why each is not placed, or not all of it.
    pub reasons: BTreeMap<TargetName, String>,
}

impl Record for Unplaced {
    const FIELD: &'static str = "unplaced";
}

impl Unplaced {
    /// What a plan leaves.
    pub fn of(plan: &Plan, epoch: u64) -> Self {
        let first = plan.unplaced.iter().take(UNPLACED_MAX);
        let cut = |reason: &str| reason.chars().take(REASON_LEN_MAX).collect();
        Self {
            epoch,
            reasons: first
                .map(|one| (one.name.clone(), cut(&one.reason)))
                .collect(),
        }
    }

    /// Reads what the leader wrote last; nothing if it never did.
    pub async fn read(state: &State) -> Result<Self, StateError> {
        let value = state.get(KEY).await?.and_then(|entry| entry.value);
        let Some(value) = value else {
            return Ok(Self::default());
        };
        state::decode(&value).map_err(|error| StateError::Corrupt {
            key: KEY.to_owned(),
            reason: error.to_string(),
        })
    }

    /// Writes it, unless the state has it already or a later leader's.
    pub async fn write(&self, state: &State) -> Result<(), StateError> {
        let before = state.get(KEY).await?;
        let kept = before.as_ref().and_then(|entry| entry.value.as_ref());
        let kept = kept
            .and_then(|value| state::decode::<Self>(value).ok())
            .unwrap_or_default();
        if kept.reasons == self.reasons || kept.epoch > self.epoch {
            return Ok(());
        }
        let bytes = state::encode(self).map_err(|error| StateError::Corrupt {
            key: KEY.to_owned(),
            reason: error.to_string(),
        })?;
        // A tombstone counts as absent: `put` takes 0 for both.
        let revision = before
            .filter(|entry| entry.value.is_some())
            .map_or(0, |entry| entry.revision);
        state.put(KEY, bytes.into(), revision).await.map(|_| ())
    }
}
