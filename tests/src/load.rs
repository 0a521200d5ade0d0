//! Calls without a pause, each counted with its ending.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use async_nats::{Client, HeaderMap, Request};
use tokio::task::{JoinHandle, JoinSet};

use crate::{Lattice, eventually};

/// How long calls may take.
#[derive(Debug, Clone, Copy)]
struct Time {
    /// By their own word; an actor takes no more than its limit, which is 10 s unless it says otherwise.
    deadline_ms: &'static str,
    /// How long the caller waits: much longer than an actor's limit, so that a late word counts as one.
    patience: Duration,
}

/// Where none may be lost: a pause of the machine is no reason.
const ALL: Time = Time {
    deadline_ms: "60000",
    patience: Duration::from_secs(90),
};
/// Where some are lost: it takes them this long. Nobody speaks for a host that was killed, and a caller
/// must not lose a second call before the first is over.
const LOSSES: Time = Time {
    deadline_ms: "15000",
    patience: Duration::from_secs(25),
};
/// How long the servers of a cluster may take to tell each other who serves, and how often one is asked.
const KNOWN_WITHIN: Duration = Duration::from_secs(60);
const ASK_AGAIN_AFTER: Duration = Duration::from_millis(10);
/// The pause between the calls of a [`Load::steady`] load: 200 a second.
const PACE: Duration = Duration::from_millis(5);

/// What is called, and what it must answer.
#[derive(Debug, Clone, Copy)]
pub struct Asked {
    /// The subject.
    pub subject: &'static str,
    /// The arguments, as JSON.
    pub arguments: &'static str,
    /// The only right answer.
    pub answer: &'static str,
}

/// What is called unless a test says otherwise.
const GREETING: Asked = Asked {
    subject: "lattice.default.call.greeter.greet",
    arguments: r#"["World"]"#,
    answer: r#""Hello, World!""#,
};

/// Calls of `greeter.greet`, or of what a test says, by plain NATS clients, one for each server, until
/// it is ended.
#[must_use = "a load goes on until it is ended"]
pub struct Load {
    stop: Arc<AtomicBool>,
    answered: Arc<AtomicU64>,
    sent: Arc<AtomicU64>,
    work: JoinHandle<Vec<Call>>,
}

/// One call: its number in the order of sending, and its ending: none for the right answer.
#[derive(Debug, Clone)]
struct Call {
    number: u64,
    failure: Option<String>,
}

/// How the calls ended.
#[derive(Debug, Default, Clone)]
pub struct Endings {
    /// How many were sent.
    pub sent: u64,
    /// How many had the right answer.
    pub answered: u64,
    /// All others, by their ending.
    pub failed: BTreeMap<String, u64>,
    /// The number of the last one that failed, in the order of sending.
    pub last_failed: Option<u64>,
    /// Each that failed, by its number, with its ending.
    pub by_number: BTreeMap<u64, String>,
}

impl Load {
    /// So many callers, each with one call at a time, of which none may be lost.
    pub fn callers(lattice: &Lattice, count: usize) -> Self {
        Self::callers_of(lattice, count, GREETING)
    }

    /// So many callers that ask this.
    pub fn callers_of(lattice: &Lattice, count: usize, asked: Asked) -> Self {
        Self::callers_in(lattice, count, asked, ALL)
    }

    /// The same as [`Load::callers`], where calls may be lost.
    pub fn losing(lattice: &Lattice, count: usize) -> Self {
        Self::losing_of(lattice, count, GREETING)
    }

    /// The same as [`Load::callers_of`], where calls may be lost.
    pub fn losing_of(lattice: &Lattice, count: usize, asked: Asked) -> Self {
        Self::callers_in(lattice, count, asked, LOSSES)
    }

    fn callers_in(lattice: &Lattice, count: usize, asked: Asked, time: Time) -> Self {
        Self::begin(lattice, async move |clients, stop, answered, sent| {
            reached(clients.clone(), asked).await;
            let mut callers = JoinSet::new();
            for client in clients.into_iter().cycle().take(count) {
                let stop = stop.clone();
                let (answered, sent) = (answered.clone(), sent.clone());
                callers.spawn(async move {
                    let mut calls = Vec::new();
                    while !stop.load(Ordering::Relaxed) {
                        calls.push(call(&client, &asked, time, &sent, &answered).await);
                    }
                    calls
                });
            }
            callers.join_all().await.into_iter().flatten().collect()
        })
    }

    /// A call every 5 ms, whatever became of those before: calls may be lost, which holds nobody up.
    pub fn steady(lattice: &Lattice) -> Self {
        Self::steady_of(lattice, GREETING)
    }

    /// The same, asking this.
    pub fn steady_of(lattice: &Lattice, asked: Asked) -> Self {
        Self::begin(lattice, async move |clients, stop, answered, sent| {
            reached(clients.clone(), asked).await;
            let mut calls = JoinSet::new();
            let mut pace = tokio::time::interval(PACE);
            for client in clients.into_iter().cycle() {
                if stop.load(Ordering::Relaxed) {
                    break;
                }
                pace.tick().await;
                let (answered, sent) = (answered.clone(), sent.clone());
                calls.spawn(async move { call(&client, &asked, LOSSES, &sent, &answered).await });
            }
            calls.join_all().await
        })
    }

    fn begin<Work>(
        lattice: &Lattice,
        work: impl FnOnce(Vec<Client>, Arc<AtomicBool>, Arc<AtomicU64>, Arc<AtomicU64>) -> Work,
    ) -> Self
    where
        Work: Future<Output = Vec<Call>> + Send + 'static,
    {
        let (stop, answered, sent) = (Arc::default(), Arc::default(), Arc::default());
        let clients = lattice.plains().to_vec();
        let work = tokio::spawn(work(
            clients,
            Arc::clone(&stop),
            Arc::clone(&answered),
            Arc::clone(&sent),
        ));
        Self {
            stop,
            answered,
            sent,
            work,
        }
    }

    /// How many calls were sent so far.
    pub fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    /// Waits for so many more right answers.
    pub async fn answers(&self, more: u64) {
        let wanted = self.answered.load(Ordering::Relaxed) + more;
        eventually("calls are answered", async || {
            let answered = self.answered.load(Ordering::Relaxed);
            if answered >= wanted {
                Ok(())
            } else {
                Err(answered)
            }
        })
        .await;
    }

    /// Sends no more, waits for the ending of every call, and counts them.
    pub async fn end(self) -> Endings {
        self.stop.store(true, Ordering::Relaxed);
        let calls = self.work.await.expect("no caller panics");
        let mut endings = Endings::default();
        for call in calls {
            endings.count(call);
        }
        assert_eq!(
            endings.sent,
            self.sent.load(Ordering::Relaxed),
            "each call has one ending"
        );
        endings
    }

    /// The same; every call must have had the right answer.
    pub async fn end_without_failures(self) -> Endings {
        let endings = self.end().await;
        assert_eq!(endings.failed, BTreeMap::new(), "{endings}");
        endings
    }
}

impl Endings {
    /// How many failed, however.
    pub fn failures(&self) -> u64 {
        self.failed.values().sum()
    }

    fn count(&mut self, call: Call) {
        self.sent += 1;
        match call.failure {
            None => self.answered += 1,
            Some(failure) => {
                self.by_number.insert(call.number, failure.clone());
                *self.failed.entry(failure).or_default() += 1;
                self.last_failed = self.last_failed.max(Some(call.number));
            }
        }
    }
}

impl fmt::Display for Endings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} calls, {} answered", self.sent, self.answered)?;
        for (failure, count) in &self.failed {
            write!(f, ", {count} {failure}")?;
        }
        Ok(())
    }
}

/// Returns once each server of a cluster knows who serves: they tell each other, and a client of one that has
/// not heard yet is told that nobody does.
async fn reached(clients: Vec<Client>, asked: Asked) {
    if clients.len() == 1 {
        return;
    }
    for client in clients {
        let known = async {
            while client
                .request(asked.subject, asked.arguments.into())
                .await
                .is_err()
            {
                tokio::time::sleep(ASK_AGAIN_AFTER).await;
            }
        };
        let known = tokio::time::timeout(KNOWN_WITHIN, known).await;
        known.expect("every server knows who serves");
    }
}

async fn call(
    client: &Client,
    asked: &Asked,
    time: Time,
    sent: &AtomicU64,
    answered: &AtomicU64,
) -> Call {
    let number = sent.fetch_add(1, Ordering::Relaxed);
    let mut headers = HeaderMap::new();
    headers.insert("Lattice-Deadline-Ms", time.deadline_ms);
    let request = Request::new()
        .payload(asked.arguments.into())
        .headers(headers)
        .timeout(Some(time.patience));
    let failure = match client.send_request(asked.subject, request).await {
        Ok(reply) if reply.payload == asked.answer => {
            answered.fetch_add(1, Ordering::Relaxed);
            None
        }
        Ok(reply) => {
            let headers = reply.headers.unwrap_or_default();
            let code = headers.get("Lattice-Error").map(ToString::to_string);
            Some(code.unwrap_or_else(|| format!("{:?}", reply.payload)))
        }
        Err(error) => Some(error.kind().to_string()),
    };
    Call { number, failure }
}
