//! Heartbeats, decided: what a host says of itself each time, and what another knows by it.
//!
//! - [`telling`]: this host's reports in, heartbeats out;
//! - [`picture`]: the heartbeats of one host in, what is known of it out.
//!
//! [`lattice_protocol::heartbeat`] says what travels; [`crate::report`] and [`crate::peers`] carry it out.

pub mod picture;
pub mod telling;
#[cfg(test)]
pub(crate) mod testing;
