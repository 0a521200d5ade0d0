//! The desired state in the store: which key holds what, and how it is written.
//!
//! | key | holds | written by |
//! |---|---|---|
//! | `app.<name>` | an [`App`](crate::App) | whoever answers control, by compare-and-swap |
//! | `config.<name>` | a [`Config`] | the same |
//! | `assign.<host>` | an [`Assignment`](crate::Assignment), or a [`head::Head`] that names its parts | the leader, by compare-and-swap |
//! | `part.<host>.<part>` | a [`head::Part`] of an assignment, once | the leader, before the head |
//! | `lease` | a [`Lease`] | whoever leads, by compare-and-swap |

pub mod head;
pub mod key;
mod lease;
mod record;

pub use key::Key;
pub use lease::{LEASE_TTL_MS, Lease, epoch_after};
pub use record::{Error, FORMAT, Record, decode, encode};

/// A named config: what `config.put` sets.
pub type Config = std::collections::BTreeMap<String, String>;
