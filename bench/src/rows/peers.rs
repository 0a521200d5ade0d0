//! What peers of the lattice reach, as shares of what a native hyper server answers on the same machine: so
//! they can be compared with where they can't be run. All of one run on two shared cores, by 32 connections.

use crate::figure::Target;

/// The limit that peers are shares of.
pub(super) const HYPER: &str = "a native hyper server";

/// What that server answered a second.
const HYPER_PER_S: f64 = 139_000.0;
/// Hello of wasmCloud 1.9, through its HTTP provider in a process of its own.
const WASMCLOUD_HELLO_PER_S: f64 = 5_500.0;
/// Its counter in Redis.
const WASMCLOUD_COUNTER_PER_S: f64 = 1_400.0;
/// The counter of `wash` 2.10, in one process: in Redis, in JetStream KV.
const WASH_REDIS_PER_S: f64 = 7_000.0;
const WASH_JETSTREAM_PER_S: f64 = 5_500.0;

/// Four times wasmCloud's hello.
pub(super) const HELLO_FRESH: Target = share(4.0 * WASMCLOUD_HELLO_PER_S);
/// Five times, with instances that are used again.
pub(super) const HELLO_REUSE: Target = share(5.0 * WASMCLOUD_HELLO_PER_S);
/// Five times wasmCloud's counter in Redis, and as much as `wash` counts.
pub(super) const COUNTER_REDIS: Target =
    share((5.0 * WASMCLOUD_COUNTER_PER_S).max(WASH_REDIS_PER_S));
/// As much as `wash` counts in JetStream KV.
pub(super) const COUNTER_JETSTREAM: Target = share(WASH_JETSTREAM_PER_S);

const fn share(per_s: f64) -> Target {
    // Three digits: more than the peers' own figures have.
    Target::RatioAtLeast((per_s / HYPER_PER_S * 1000.0).round() / 1000.0)
}
