//! What is asked of the state, and what it answers: data, so that who decides does not do.

use std::time::Duration;

use bytes::Bytes;
use lattice_client::{State, StateEntry, StateError, StateRevision};

/// One thing to do in the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ask {
    /// Read a key.
    Get {
        /// The key.
        key: String,
    },
    /// Read all that is kept of a key.
    History {
        /// The key.
        key: String,
    },
    /// Write a key that is still at `over`; 0: not there, or deleted.
    Put {
        /// The key.
        key: String,
        /// The value.
        value: Bytes,
        /// Over which revision.
        over: u64,
    },
    /// Delete a key that is still at `over`, with its history.
    Purge {
        /// The key.
        key: String,
        /// Over which revision.
        over: u64,
    },
    /// Remove a key without a trace. Only for one that is written once and never again.
    Erase {
        /// The key.
        key: String,
    },
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// The key as it stands; none if it was never written.
    Entry(Option<StateEntry>),
    /// All that is kept of the key, oldest first.
    History(Vec<StateRevision>),
    /// It was written.
    Written {
        /// Its new revision.
        revision: u64,
    },
    /// It was deleted.
    Deleted,
    /// Somebody else wrote first: nothing was done.
    Conflict,
    /// It can't be done, or whether it was done is not known.
    Failed {
        /// Why.
        reason: String,
    },
}

/// Does it, within a time.
pub async fn perform(state: &State, ask: Ask, within: Duration) -> Answer {
    let answer = tokio::time::timeout(within, answer(state, ask)).await;
    let late = || Answer::Failed {
        reason: format!("the state did not answer within {within:?}"),
    };
    answer.unwrap_or_else(|_| late())
}

async fn answer(state: &State, ask: Ask) -> Answer {
    let answer = match ask {
        Ask::Get { key } => state.get(&key).await.map(Answer::Entry),
        Ask::History { key } => state.history(&key).await.map(Answer::History),
        Ask::Put { key, value, over } => {
            let revision = state.put(&key, value, over).await;
            revision.map(|revision| Answer::Written { revision })
        }
        Ask::Purge { key, over } => state.purge(&key, over).await.map(|()| Answer::Deleted),
        Ask::Erase { key } => state.erase(&key).await.map(|()| Answer::Deleted),
    };
    answer.unwrap_or_else(|error| match error {
        StateError::Conflict { .. } => Answer::Conflict,
        error => Answer::Failed {
            reason: error.to_string(),
        },
    })
}
