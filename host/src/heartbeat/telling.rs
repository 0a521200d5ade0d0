//! What a host says of itself: all of it from time to time, else what changed.

use std::collections::BTreeMap;
use std::ops::Bound;

use lattice_protocol::heartbeat::{Heartbeat, News, PAGES_MAX, Page, WHOLE_EVERY};
use lattice_protocol::id::{ActorName, ProcessId, ProviderName, TargetName};
use lattice_protocol::report::{ActorReport, Connection, ProviderReport, Report};
use serde::Serialize;

/// What a process has said of itself.
#[derive(Debug)]
pub struct Telling {
    process: ProcessId,
    sequence: u64,
    actors: BTreeMap<ActorName, ActorReport>,
    providers: BTreeMap<ProviderName, ProviderReport>,
    connection: Option<Connection>,
    /// Heartbeats since all was said; none before the first.
    since_whole: Option<u32>,
    /// The last actor whose load alone was told: the next in order go first when there is no room for all.
    load_told: Option<ActorName>,
}

/// What is new since the last heartbeat.
#[derive(Debug, Default)]
struct Changes {
    actors: BTreeMap<ActorName, ActorReport>,
    providers: BTreeMap<ProviderName, ProviderReport>,
    gone: Vec<TargetName>,
    bytes: usize,
}

impl Telling {
    /// A process that has said nothing yet.
    pub fn new(process: ProcessId) -> Self {
        Self {
            process,
            sequence: 0,
            actors: BTreeMap::new(),
            providers: BTreeMap::new(),
            connection: None,
            since_whole: None,
            load_told: None,
        }
    }

    /// What a reader knows that has missed nothing.
    #[cfg(test)]
    pub(crate) fn told_so_far(&self) -> (&ProcessId, u64, &BTreeMap<ActorName, ActorReport>) {
        (&self.process, self.sequence, &self.actors)
    }

    /// The heartbeat of now, as messages of at most so many bytes, to be sent one after the other.
    /// `is_asked` when somebody missed something. One is several messages only when it says all.
    pub fn beat(&mut self, report: Report, is_asked: bool, bytes_max: usize) -> Vec<Heartbeat> {
        let is_due = self.since_whole.is_none_or(|beats| beats >= WHOLE_EVERY);
        // Over another connection nobody can tell what was lost with the one before.
        let is_new = self.connection != report.connection;
        let room = bytes_max.saturating_sub(self.head_bytes(&report));
        if !(is_due || is_new || is_asked) {
            let changes = self.changes(&report);
            if changes.bytes <= room {
                self.since_whole = self.since_whole.map(|beats| beats.saturating_add(1));
                return vec![self.change(report, changes, room)];
            }
        }
        self.whole(report, room)
    }

    /// What each message has beside actors and providers.
    fn head_bytes(&self, report: &Report) -> usize {
        let of = u32::MAX;
        let page = Some(Page { number: of, of });
        let news = News {
            page,
            follows: Some(u64::MAX),
            ..self.news(u64::MAX)
        };
        json_bytes(&heartbeat(head(report), news))
    }

    fn news(&self, sequence: u64) -> News {
        News {
            process: self.process.clone(),
            sequence,
            follows: None,
            page: None,
            loads: BTreeMap::new(),
            gone: Vec::new(),
        }
    }

    /// What is new, loads aside.
    fn changes(&self, report: &Report) -> Changes {
        let mut changes = Changes::default();
        for (name, actor) in &report.actors {
            if !self
                .actors
                .get(name)
                .is_some_and(|said| is_but_load(said, actor))
            {
                changes.bytes += entry_bytes(name.as_str(), actor);
                changes.actors.insert(name.clone(), actor.clone());
            }
        }
        for (name, provider) in &report.providers {
            if self.providers.get(name) != Some(provider) {
                changes.bytes += entry_bytes(name.as_str(), provider);
                changes.providers.insert(name.clone(), provider.clone());
            }
        }
        let actors = self
            .actors
            .keys()
            .filter(|name| !report.actors.contains_key(*name));
        let providers = self.providers.keys();
        let providers = providers.filter(|name| !report.providers.contains_key(*name));
        let gone = actors
            .map(ActorName::as_str)
            .chain(providers.map(ProviderName::as_str));
        // Names of actors and providers are names of targets.
        changes.gone = gone.filter_map(|name| name.parse().ok()).collect();
        changes.bytes += changes
            .gone
            .iter()
            .map(|name| name.as_str().len() + 3)
            .sum::<usize>();
        changes
    }

    fn change(&mut self, report: Report, changes: Changes, room: usize) -> Heartbeat {
        let loads = self.loads(&report, room - changes.bytes);
        let follows = self.sequence;
        let is_rest = changes.bytes == 0 && loads.is_empty();
        self.sequence += u64::from(!is_rest);
        let news = News {
            follows: Some(follows),
            gone: changes.gone,
            loads,
            ..self.news(self.sequence)
        };
        self.told(&news, &changes.actors, &changes.providers);
        let report = Report {
            // Said with the whole: another one would have been a reason to say all.
            connection: None,
            actors: changes.actors,
            providers: changes.providers,
            ..report
        };
        heartbeat(report, news)
    }

    /// The loads that changed, as many as there is room for: those that were not told go first next
    /// time.
    fn loads(&mut self, report: &Report, room: usize) -> BTreeMap<ActorName, (u32, u32)> {
        let after = match self.load_told.take() {
            Some(name) => (Bound::Excluded(name.clone()), Bound::Included(name)),
            None => (Bound::Unbounded, Bound::Unbounded),
        };
        let is_first_half = after.0 != Bound::Unbounded;
        let later = report.actors.range((after.0, Bound::Unbounded));
        let earlier = report.actors.range((Bound::Unbounded, after.1));
        let earlier = earlier.filter(|_| is_first_half);
        let (mut loads, mut bytes) = (BTreeMap::new(), 0);
        for (name, actor) in later.chain(earlier) {
            let said = self.actors.get(name);
            let is_new = said.is_some_and(|said| is_but_load(said, actor) && said != actor);
            if !is_new {
                continue;
            }
            let load = (actor.busy, actor.waiting);
            bytes += entry_bytes(name.as_str(), &load);
            if bytes > room {
                break;
            }
            loads.insert(name.clone(), load);
            self.load_told = Some(name.clone());
        }
        if bytes <= room {
            // All were told.
            self.load_told = None;
        }
        loads
    }

    fn told(
        &mut self,
        news: &News,
        actors: &BTreeMap<ActorName, ActorReport>,
        providers: &BTreeMap<ProviderName, ProviderReport>,
    ) {
        for name in &news.gone {
            self.actors.remove(name.as_str());
            self.providers.remove(name.as_str());
        }
        for (name, (busy, waiting)) in &news.loads {
            if let Some(actor) = self.actors.get_mut(name) {
                (actor.busy, actor.waiting) = (*busy, *waiting);
            }
        }
        let actors = actors.iter().map(|(name, one)| (name.clone(), one.clone()));
        self.actors.extend(actors);
        let providers = providers
            .iter()
            .map(|(name, one)| (name.clone(), one.clone()));
        self.providers.extend(providers);
    }

    fn whole(&mut self, report: Report, room: usize) -> Vec<Heartbeat> {
        let is_rest = self.actors == report.actors && self.providers == report.providers;
        self.sequence += u64::from(!is_rest || self.sequence == 0);
        self.since_whole = Some(0);
        self.load_told = None;
        self.connection.clone_from(&report.connection);
        let head = head(&report);
        self.actors.clone_from(&report.actors);
        self.providers.clone_from(&report.providers);
        let pages = pages(&head, report, room);
        let count = u32::try_from(pages.len()).unwrap_or(u32::MAX);
        if count > PAGES_MAX {
            tracing::error!(
                pages = count,
                "more runs here than can be told: peers know nothing of it"
            );
            let follows = Some(self.sequence);
            let news = self.news(self.sequence);
            return vec![heartbeat(head, News { follows, ..news })];
        }
        let page = |number| (count > 1).then_some(Page { number, of: count });
        let numbered = (1..).zip(pages);
        let news = |number| News {
            page: page(number),
            ..self.news(self.sequence)
        };
        numbered
            .map(|(number, page)| heartbeat(page, news(number)))
            .collect()
    }
}

fn heartbeat(report: Report, news: News) -> Heartbeat {
    Heartbeat {
        report,
        news: Some(news),
    }
}

/// A report without its parts.
fn head(report: &Report) -> Report {
    Report {
        host: report.host.clone(),
        version: report.version.clone(),
        labels: report.labels.clone(),
        capacity: report.capacity,
        uptime_ms: report.uptime_ms,
        connection: report.connection.clone(),
        assignment: report.assignment,
        actors: BTreeMap::new(),
        providers: BTreeMap::new(),
    }
}

/// A report cut into pages, each with room for so many bytes; at least one.
fn pages(head: &Report, report: Report, room: usize) -> Vec<Report> {
    let mut pages = vec![head.clone()];
    let mut bytes = 0;
    let mut turn = |pages: &mut Vec<Report>, more: usize| {
        bytes += more;
        if bytes > room && bytes > more {
            pages.push(head.clone());
            bytes = more;
        }
    };
    for (name, actor) in report.actors {
        turn(&mut pages, entry_bytes(name.as_str(), &actor));
        if let Some(page) = pages.last_mut() {
            page.actors.insert(name, actor);
        }
    }
    for (name, provider) in report.providers {
        turn(&mut pages, entry_bytes(name.as_str(), &provider));
        if let Some(page) = pages.last_mut() {
            page.providers.insert(name, provider);
        }
    }
    pages
}

/// Whether two reports differ by their load at most.
fn is_but_load(said: &ActorReport, now: &ActorReport) -> bool {
    said.revision == now.revision
        && said.slots == now.slots
        && said.refused == now.refused
        && said.phase == now.phase
}

/// What an entry of a map takes: quotes, colon and comma beside name and value.
fn entry_bytes(name: &str, value: &impl Serialize) -> usize {
    name.len() + 4 + json_bytes(value)
}

fn json_bytes(value: &impl Serialize) -> usize {
    serde_json::to_vec(value).map_or(0, |bytes| bytes.len())
}

#[cfg(test)]
#[path = "telling_test.rs"]
mod tests;
