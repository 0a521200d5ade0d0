//! Keeps the processes of this host's providers running.
//!
//! A provider goes from `starting` to `running` when it answers its health check. One that ends by
//! itself is started again after a pause of 0.1 s, doubling to 30 s; one that ends more than five
//! times in two minutes is reported as failed, and tried every 30 s. One that is silent is reported
//! after three checks and replaced after 20 s. An external one is only watched.
//!
//! In reading order:
//! - [`Providers`]: which there are;
//! - `supervisor`: one provider: inputs in, effects carried out;
//! - `machine`: what is decided, as a function;
//! - `launch`: command line and environment;
//! - `work`: what runs: `process`, a child, or [`inline`], a task of this process;
//! - `output`: what it writes;
//! - `health`: whether it answers; `seen`: what others see of that;
//! - `outbox`: what the lattice hears of all that.

pub(crate) mod health;
pub mod inline;
mod launch;
mod machine;
mod outbox;
mod output;
mod process;
mod seen;
mod supervisor;
mod wait;
mod work;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lattice_client::Client;
use lattice_config::assignment::AssignedProvider;
use lattice_protocol::id::{HostId, ProviderName};
use lattice_protocol::report::ProviderReport;
use tokio::sync::{mpsc, watch};
use tokio_util::task::TaskTracker;

use self::inline::{Around, Kinds};
use self::launch::Launch;
use self::machine::Limits;
use self::outbox::Post;
use self::seen::{Seen, Status};
use self::supervisor::{Parts, Supervisor, Wanted};
use crate::event::Events;

/// What supervision works with.
#[derive(Clone)]
pub struct Context {
    /// Health checks and log records go through it.
    pub client: Client,
    /// This host.
    pub host: HostId,
    /// How providers reach the lattice: the same way as this host.
    pub client_options: lattice_client::Options,
    /// The `lattice` program, which carries the providers that are started by kind.
    pub program: PathBuf,
    /// The folder of the providers' own credentials; without it they have the host's.
    pub creds: Option<PathBuf>,
    /// The kinds that can run inline.
    pub kinds: Kinds,
    /// What those share with this host.
    pub around: Around,
    /// Where events go.
    pub events: Events,
}

/// The providers of this host; clones share them.
#[derive(Clone)]
#[must_use]
pub struct Providers(Arc<Inner>);

struct Inner {
    client: Client,
    launch: Launch,
    tasks: TaskTracker,
    running: Mutex<Running>,
}

struct Running {
    providers: BTreeMap<ProviderName, Handle>,
    /// None after the shutdown: nothing is started any more.
    post: Option<Post>,
}

/// A supervisor at work. It ends, after its process, when this is dropped.
struct Handle {
    wanted: watch::Sender<Wanted>,
    status: watch::Receiver<Status>,
}

impl Providers {
    /// Supervision of no providers yet. Needs a runtime.
    pub fn new(context: Context) -> Self {
        let Context {
            client,
            host,
            client_options,
            program,
            creds,
            kinds,
            around,
            events,
        } = context;
        let (post, mail) = Post::new(host);
        let tasks = TaskTracker::new();
        tasks.spawn(outbox::publish(client.clone(), events, mail));
        let running = Running {
            providers: BTreeMap::new(),
            post: Some(post),
        };
        let launch = Launch::new(program, client_options, creds, kinds, around);
        Self(Arc::new(Inner {
            client,
            launch,
            tasks,
            running: Mutex::new(running),
        }))
    }

    /// Brings what runs here in line with what is assigned, without waiting for it.
    pub fn assign(&self, wanted: &BTreeMap<ProviderName, AssignedProvider>) {
        let mut running = self.0.running();
        let Some(post) = running.post.clone() else {
            return;
        };
        running
            .providers
            .retain(|name, handle| wanted.contains_key(name) || !handle.stopped());
        for (name, handle) in &running.providers {
            if !wanted.contains_key(name) {
                handle.want(None);
            }
        }
        for (name, provider) in wanted {
            match running.providers.get(name) {
                Some(handle) => handle.want(Some(provider.clone())),
                None => {
                    let handle = self.0.supervise(&post, name, provider.clone());
                    running.providers.insert(name.clone(), handle);
                }
            }
        }
    }

    /// How far each is; one that has stopped is not in it.
    pub fn report(&self) -> BTreeMap<ProviderName, ProviderReport> {
        let running = self.0.running();
        let reports = running
            .providers
            .iter()
            .map(|(name, h)| (name, h.status.borrow().clone()));
        reports
            .filter_map(|(name, status)| Some((name.clone(), status?.report())))
            .collect()
    }

    /// Stops all of them at once, each in order, and returns when nothing runs any more and all
    /// that they had to say is out.
    pub async fn shutdown(&self) {
        {
            let mut running = self.0.running();
            running.post = None;
            // A supervisor without its handle stops its process and ends.
            running.providers.clear();
        }
        self.0.tasks.close();
        self.0.tasks.wait().await;
    }
}

impl Inner {
    fn running(&self) -> MutexGuard<'_, Running> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn supervise(&self, post: &Post, name: &ProviderName, provider: AssignedProvider) -> Handle {
        let status = Some(Seen::starting(&provider.revision));
        let (wanted_out, wanted) = watch::channel(Some(provider));
        let (status, status_in) = watch::channel(status);
        // One check at a time: more would say nothing new.
        let (asks, asked) = mpsc::channel(1);
        let (answer, answers) = mpsc::channel(1);
        self.tasks.spawn(health::check(
            self.client.clone(),
            name.clone(),
            asked,
            answer,
        ));
        let parts = Parts {
            name: name.clone(),
            launch: self.launch.clone(),
            limits: Limits::default(),
            wanted,
            status,
            asks,
            answers,
            outbox: post.outbox(name),
        };
        self.tasks.spawn(Supervisor::new(parts).run());
        Handle {
            wanted: wanted_out,
            status: status_in,
        }
    }
}

impl Handle {
    fn want(&self, wanted: Wanted) {
        self.wanted.send_if_modified(|before| {
            let changed = *before != wanted;
            *before = wanted;
            changed
        });
    }

    /// Whether it was told to stop and has.
    fn stopped(&self) -> bool {
        self.wanted.borrow().is_none() && self.status.borrow().is_none()
    }
}
