//! The connections that are kept, by where they lead.
//!
//! One lock over all: what is done under it takes well under a microsecond a host.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hyper::client::conn::{http1, http2};
use tokio::sync::Semaphore;
use tokio::time::Instant;
use tokio_util::task::AbortOnDropHandle;

use super::connect::{Connection, Speaks};
use super::destination::Destination;
use super::policy::Policy;
use super::upload::Upload;

/// The hosts that requests are under way to, or that connections are kept to.
#[derive(Debug)]
pub(super) struct Hosts {
    map: Mutex<HashMap<Destination, Host>>,
    pub(super) per_host_max: usize,
    pub(super) idle_max: usize,
}

#[derive(Debug)]
struct Host {
    /// Requests that are under way or wait.
    users: usize,
    doors: Doors,
    /// Whether it agreed on HTTP/1.1: then nobody waits for a connection to share.
    speaks_http1: bool,
    idle: Vec<Idle>,
    shared: Vec<Shared>,
}

/// What a request to a host goes through before it has a connection.
#[derive(Debug, Clone)]
pub(super) struct Doors {
    /// So many at once.
    pub(super) places: Arc<Semaphore>,
    /// One connection at a time is made to a host that may speak HTTP/2.
    pub(super) opening: Arc<tokio::sync::Mutex<()>>,
}

/// An HTTP/1.1 connection between requests.
#[derive(Debug)]
struct Idle {
    sender: http1::SendRequest<Upload>,
    task: AbortOnDropHandle<()>,
    address: IpAddr,
    since: Instant,
}

/// An HTTP/2 connection.
#[derive(Debug)]
struct Shared {
    sender: http2::SendRequest<Upload>,
    /// Each request on it has a clone.
    task: Arc<AbortOnDropHandle<()>>,
    address: IpAddr,
    since: Instant,
}

/// One request's stay with a host.
#[derive(Debug)]
pub(super) struct Stay {
    hosts: Arc<Hosts>,
    pub(super) to: Destination,
    pub(super) doors: Doors,
}

impl Hosts {
    pub(super) fn new(per_host_max: usize, idle_max: usize) -> Self {
        Self {
            map: Mutex::default(),
            per_host_max,
            idle_max,
        }
    }

    /// A request to that host begins.
    pub(super) fn enter(self: &Arc<Self>, to: Destination) -> Stay {
        let mut map = self.lock();
        let host = map
            .entry(to.clone())
            .or_insert_with(|| Host::new(self.per_host_max));
        host.users += 1;
        Stay {
            hosts: self.clone(),
            doors: host.doors.clone(),
            to,
        }
    }

    /// Closes what was not used for `timeout`.
    pub(super) fn sweep(&self, timeout: Duration) {
        let now = Instant::now();
        self.lock().retain(|_, host| {
            host.tidy();
            host.idle.retain(|idle| now - idle.since < timeout);
            host.shared
                .retain(|shared| shared.is_used() || now - shared.since < timeout);
            host.is_needed()
        });
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Destination, Host>> {
        // Nothing panics under this lock.
        self.map.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Closes the connection that was kept for longest, if there are more than `max`.
fn evict(map: &mut HashMap<Destination, Host>, max: usize) {
    let kept: usize = map.values().map(|host| host.idle.len()).sum();
    if kept <= max {
        return;
    }
    let oldest = map
        .values_mut()
        .filter(|host| !host.idle.is_empty())
        .min_by_key(|host| host.idle.first().map(|idle| idle.since));
    if let Some(host) = oldest {
        host.idle.remove(0);
    }
}

impl Host {
    fn new(places: usize) -> Self {
        Self {
            users: 0,
            doors: Doors {
                places: Arc::new(Semaphore::new(places)),
                opening: Arc::default(),
            },
            speaks_http1: false,
            idle: Vec::new(),
            shared: Vec::new(),
        }
    }

    /// Forgets what its server has closed.
    fn tidy(&mut self) {
        self.idle.retain(|idle| idle.sender.is_ready());
        self.shared.retain(|shared| !shared.sender.is_closed());
    }

    fn is_needed(&self) -> bool {
        self.users > 0 || !self.idle.is_empty() || !self.shared.is_empty()
    }

    /// One that leads to an address which `policy` permits: another link may have made it.
    fn take(&mut self, policy: &Policy) -> Option<Connection> {
        self.tidy();
        if let Some(shared) = self.shared.iter().find(|s| policy.permits(s.address)) {
            return Some(Connection {
                speaks: Speaks::Http2(shared.sender.clone(), shared.task.clone()),
                address: shared.address,
            });
        }
        // The one that was used last is the likeliest to be open still.
        let index = self
            .idle
            .iter()
            .rposition(|idle| policy.permits(idle.address))?;
        let idle = self.idle.remove(index);
        Some(Connection {
            speaks: Speaks::Http1(idle.sender, idle.task),
            address: idle.address,
        })
    }
}

impl Shared {
    fn is_used(&self) -> bool {
        Arc::strong_count(&self.task) > 1
    }
}

impl Stay {
    /// A connection that is there.
    pub(super) fn take(&self, policy: &Policy) -> Option<Connection> {
        self.hosts.lock().get_mut(&self.to)?.take(policy)
    }

    /// Whether the host is known not to share connections.
    pub(super) fn speaks_http1(&self) -> bool {
        let hosts = self.hosts.lock();
        hosts.get(&self.to).is_some_and(|host| host.speaks_http1)
    }

    /// A connection was made: others share it, if it can be shared.
    pub(super) fn made(&self, connection: &Connection) {
        let mut hosts = self.hosts.lock();
        let Some(host) = hosts.get_mut(&self.to) else {
            return;
        };
        host.speaks_http1 = matches!(connection.speaks, Speaks::Http1(..));
        if let Speaks::Http2(sender, task) = &connection.speaks {
            host.shared.push(Shared {
                sender: sender.clone(),
                task: task.clone(),
                address: connection.address,
                since: Instant::now(),
            });
        }
    }

    /// A connection takes no more requests.
    pub(super) fn forget(&self, connection: &Connection) {
        let mut hosts = self.hosts.lock();
        if let (Some(host), Speaks::Http2(_, task)) = (hosts.get_mut(&self.to), &connection.speaks)
        {
            host.shared
                .retain(|shared| !Arc::ptr_eq(&shared.task, task));
        }
    }

    /// A connection's request is over, and it is kept for the next.
    pub(super) fn give_back(&self, connection: Connection) {
        let mut hosts = self.hosts.lock();
        let Some(host) = hosts.get_mut(&self.to) else {
            return;
        };
        let (address, since) = (connection.address, Instant::now());
        match connection.speaks {
            Speaks::Http1(sender, task) => {
                host.idle.push(Idle {
                    sender,
                    task,
                    address,
                    since,
                });
                evict(&mut hosts, self.hosts.idle_max);
            }
            Speaks::Http2(_, task) => {
                let mut shared = host.shared.iter_mut();
                if let Some(shared) = shared.find(|shared| Arc::ptr_eq(&shared.task, &task)) {
                    shared.since = since;
                }
            }
        }
    }
}

impl Drop for Stay {
    fn drop(&mut self) {
        let mut hosts = self.hosts.lock();
        if let Entry::Occupied(mut host) = hosts.entry(self.to.clone()) {
            host.get_mut().users -= 1;
            if !host.get().is_needed() {
                host.remove();
            }
        }
    }
}
