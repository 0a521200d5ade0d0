//! nats-server: found or fetched, started and stopped.
//!
//! - [`find()`]: from `$LATTICE_NATS_SERVER`, PATH or the cache, else fetched;
//! - `fetch`: the pinned one, checked against its hash;
//! - [`Version`]: which are good enough;
//! - [`Options`]: how one is run, written as its config file;
//! - [`NatsServer`]: one that runs; `watcher`: ends it when this process is killed;
//! - `ready`: where it listens, and whether it does.

mod fetch;
mod find;
mod options;
mod ready;
mod server;
mod version;
mod watcher;

pub use find::find;
pub use options::{Options, Port};
pub use server::NatsServer;
pub use version::{VERSION_MIN, Version};
