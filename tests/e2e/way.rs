//! The ways that a request can go: one suite over both of them.

/// Where the two ends are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// In one process: nothing needs NATS.
    Here,
    /// Each on a host of its own, so that everything goes over NATS.
    Away,
}

/// One test for each way, from a promise that holds for both.
macro_rules! every_way {
    ($($promise:ident,)*) => {
        mod here {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $promise() {
                    super::$promise($crate::way::Way::Here).await;
                }
            )*
        }

        mod away {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $promise() {
                    super::$promise($crate::way::Way::Away).await;
                }
            )*
        }
    };
}

pub(crate) use every_way;
