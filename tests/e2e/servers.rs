//! On how many NATS servers a lattice stands: one suite over both.

use lattice_tests::{Lattice, Nats};

use crate::program;

/// What a lattice stands on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Servers {
    /// One server.
    One,
    /// A JetStream cluster of three, each a process of its own: who asks and who answers are connected to
    /// different ones, and what is kept is kept by a majority.
    Three,
}

impl Servers {
    /// A lattice without hosts on such servers.
    pub(crate) async fn lattice(self) -> Lattice {
        self.lattice_with("").await
    }

    /// The same, with more in the config of each server.
    pub(crate) async fn lattice_with(self, extra: &str) -> Lattice {
        let nats = match self {
            Self::One => Nats::with(|options| options.extra = extra.to_owned()).await,
            Self::Three => Nats::cluster_with(3, extra).await,
        };
        Lattice::on(nats, program()).await
    }
}

/// One test on one server and one on three, from a promise that holds for both.
macro_rules! on_one_and_three {
    ($($promise:ident,)*) => {
        mod one_server {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $promise() {
                    super::$promise($crate::servers::Servers::One).await;
                }
            )*
        }

        mod three_servers {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $promise() {
                    super::$promise($crate::servers::Servers::Three).await;
                }
            )*
        }
    };
}

pub(crate) use on_one_and_three;
