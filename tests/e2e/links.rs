//! Calls from actor to actor: one suite over every way that they can go.
//!
//! The actor `caller` is linked to the actor `callee`. Either both are on one host, or each is on a
//! host that the other can't be on; the promises are the same, and each test shows by what was seen
//! on NATS that its calls went the way it says.

mod abandoned;
mod deadlines;
mod examples;
mod failures;
mod faults;
mod flows;
mod malformed;
mod overload;
mod pair;
mod relinked;
mod stores;
mod values;

/// The way of the calls from `caller` to `callee`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// Both are on one host.
    Here,
    /// Each is on a host of its own.
    Away,
}

/// One test for each way, from a promise that holds for all of them.
macro_rules! every_way {
    ($($promise:ident,)*) => {
        mod here {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $promise() {
                    super::$promise(crate::links::Way::Here).await;
                }
            )*
        }

        mod away {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $promise() {
                    super::$promise(crate::links::Way::Away).await;
                }
            )*
        }
    };
}

use every_way;
