//! Calls from actor to actor: one suite over every way that they can go.
//!
//! The actor `caller` is linked to the actor `callee`. Either both are on one host, or each is on a
//! host that the other can't be on; the promises are the same, and each test shows by what was seen
//! on NATS that its calls went the way it says.

mod abandoned;
mod confirmed;
mod deadlines;
mod examples;
mod failures;
mod faults;
mod flows;
mod malformed;
mod messages;
mod overload;
mod pair;
mod relinked;
mod removed;
mod stores;
mod values;

pub(crate) use pair::Wire;
