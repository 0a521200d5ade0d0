//! What any NATS client, and any component, can ask of a key-value provider, whatever keeps the data.
//!
//! - `bucket`: the vocabulary, over every backend;
//! - `semantics`: the one suite that all backends pass;
//! - `counters`, `swaps`: exact with many clients at once;
//! - `components`: the same components over each backend, and a backend changed under them;
//! - `opened`: what is not asked twice;
//! - `times`: what is kept for a time;
//! - `outages`: stores that are killed;
//! - `secured`: a Redis over TLS, with a password;
//! - `watch`: actors that hear of changes.

mod bucket;
mod components;
mod counters;
mod opened;
mod outages;
mod secured;
mod semantics;
mod swaps;
mod times;
mod watch;

const STORE: &str = "name = \"store\"\n[provider.kv]\nkind = \"keyvalue\"\n";
