//! A host that hangs is put out of its queue groups: the leader cuts its connection to NATS.
//!
//! A frozen process keeps its subscriptions, and NATS goes on to give it its share of calls and of
//! control requests. Its silence is heard; the system account can act on it. A host that runs again
//! connects anew, and reads its assignment again.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use lattice_client::{Client, System, SystemError};
use lattice_protocol::id::HostId;
use lattice_protocol::report::{Connection, Report};
use tokio_util::sync::CancellationToken;

use crate::peers::Peers;

/// How long a host may be silent before it is cut off: four heartbeats, so that a short pause costs
/// nothing; with the time to notice, still less than 3 s.
const HANGS_AFTER: Duration = Duration::from_secs(2);
/// How often is looked.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// How long after a server did not answer it is asked again: it may be that which hangs.
const ASK_AGAIN_AFTER: Duration = Duration::from_secs(5);

/// Cuts off hosts that hang; clones share the connection.
#[derive(Clone)]
pub struct Evictor {
    system: System,
    client: Client,
    me: HostId,
    peers: Peers,
}

impl Evictor {
    /// An evictor of the hosts that `peers` hears, in the name of the host that `client` connects.
    pub fn new(system: System, client: Client, me: HostId, peers: Peers) -> Self {
        Self {
            system,
            client,
            me,
            peers,
        }
    }

    /// Looks and cuts, until `stop`.
    pub async fn run(self, stop: CancellationToken) {
        let mut cut = BTreeMap::new();
        loop {
            let hanging = self.hanging(&cut).into_iter();
            // At once: a server that does not answer for one host holds up no other.
            let tries = hanging.map(async |(host, connection)| {
                let again = match self.evict(&host, &connection).await {
                    true => None,
                    false => Some(Instant::now() + ASK_AGAIN_AFTER),
                };
                (host, Cut { connection, again })
            });
            cut.extend(join_all(tries).await);
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
        }
    }

    fn hanging(&self, cut: &BTreeMap<HostId, Cut>) -> Vec<(HostId, Connection)> {
        let (view, now) = (self.peers.view(), Instant::now());
        let silent = view.silent(now, HANGS_AFTER);
        hanging(silent, &self.me, cut, now)
    }

    /// Whether that is settled: the connection is cut, or a server has said why it isn't. A host that is
    /// gone has none, and the server's pings find the others.
    async fn evict(&self, host: &HostId, connection: &Connection) -> bool {
        let Some(own) = self.client.connection() else {
            return false;
        };
        match self.system.kick(&own, connection).await {
            Ok(()) => {
                tracing::warn!(%host, client = connection.client, "hangs: cut off NATS");
                true
            }
            Err(error) => {
                tracing::info!(%host, %error, "silent, and not cut off NATS");
                !matches!(error, SystemError::Silent { .. })
            }
        }
    }
}

/// A connection that was to be cut.
#[derive(Debug)]
struct Cut {
    connection: Connection,
    /// When that is tried again; none once it is settled.
    again: Option<Instant>,
}

/// The silent hosts with a connection that was not cut yet.
fn hanging<'a>(
    silent: impl Iterator<Item = &'a Report>,
    me: &HostId,
    cut: &BTreeMap<HostId, Cut>,
    now: Instant,
) -> Vec<(HostId, Connection)> {
    let is_due = |host: &HostId, connection: &Connection| match cut.get(host) {
        Some(cut) if cut.connection == *connection => cut.again.is_some_and(|again| again <= now),
        _ => true,
    };
    silent
        .filter(|report| report.host != *me)
        .filter_map(|report| Some((report.host.clone(), report.connection.clone()?)))
        .filter(|(host, connection)| is_due(host, connection))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::heartbeat::testing;

    fn report(host: &str, client: u64) -> Report {
        Report {
            connection: Some(connection(client)),
            ..testing::report(host)
        }
    }

    fn connection(client: u64) -> Connection {
        Connection {
            server: "NA7".parse().unwrap(),
            client,
        }
    }

    fn cut(client: u64, again: Option<Instant>) -> Cut {
        let connection = connection(client);
        Cut { connection, again }
    }

    #[test]
    fn each_connection_is_cut_once_and_never_ones_own() {
        let silent = [report("a", 1), report("b", 2), report("me", 3)];
        let (me, now) = ("me".parse().unwrap(), Instant::now());
        let mut all = BTreeMap::from([("a".parse().unwrap(), cut(1, None))]);
        let found = hanging(silent.iter(), &me, &all, now);
        assert_eq!(found, [("b".parse().unwrap(), connection(2))]);
        // It came back and hangs again: that is another connection.
        all.insert("b".parse().unwrap(), cut(1, None));
        assert_eq!(hanging(silent.iter(), &me, &all, now).len(), 1);
    }

    #[test]
    fn where_the_server_did_not_answer_it_is_asked_again_after_a_while() {
        let (silent, me) = ([report("a", 1)], "me".parse().unwrap());
        let now = Instant::now();
        let again = now + ASK_AGAIN_AFTER;
        let all = BTreeMap::from([("a".parse().unwrap(), cut(1, Some(again)))]);
        assert!(hanging(silent.iter(), &me, &all, now).is_empty());
        assert_eq!(hanging(silent.iter(), &me, &all, again).len(), 1);
    }
}
