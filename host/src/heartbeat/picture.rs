//! What is known of one host by its heartbeats.
//!
//! Only a whole heartbeat, and every change since, say what runs there, and what does not. Who missed one
//! knows nothing until the next whole one: a picture with a gap is no evidence. For what may be wrong
//! (where to send a call, what to show a person) the last that was known is still there.

use std::collections::BTreeMap;
use std::mem;
use std::sync::Arc;

use lattice_protocol::heartbeat::{Heartbeat, News, PAGES_MAX, Page};
use lattice_protocol::id::ProcessId;
use lattice_protocol::report::Report;

/// The most actors and providers that are kept of one host: what its pages can hold.
const PARTS_MAX: usize = 150_000;

/// What is known of one host.
#[derive(Debug, Clone, PartialEq)]
pub struct Picture {
    report: Arc<Report>,
    /// The process that said it; none of an older version.
    process: Option<ProcessId>,
    /// The latest state that was heard of.
    sequence: u64,
    /// Whether nothing is missing of that state.
    is_whole: bool,
    /// The pages of a whole that came so far, by their number.
    pages: Option<Pages>,
}

#[derive(Debug, Clone, PartialEq)]
struct Pages {
    sequence: u64,
    of: u32,
    came: BTreeMap<u32, Report>,
}

impl Picture {
    /// Nothing is known of the process but what it is.
    fn blank(process: Option<ProcessId>, report: &Report) -> Self {
        let parts_unknown = Report {
            actors: BTreeMap::new(),
            providers: BTreeMap::new(),
            ..report.clone()
        };
        Self {
            report: Arc::new(parts_unknown),
            process,
            sequence: 0,
            is_whole: false,
            pages: None,
        }
    }

    /// What a first heartbeat tells.
    pub fn of(beat: Heartbeat) -> Self {
        let process = beat.news.as_ref().map(|news| news.process.clone());
        let mut picture = Self::blank(process, &beat.report);
        picture.take(beat);
        picture
    }

    /// The last that was known, be it with a gap.
    pub fn report(&self) -> &Arc<Report> {
        &self.report
    }

    /// Which state of which process it is.
    #[cfg(test)]
    pub(crate) fn place(&self) -> (Option<&ProcessId>, u64) {
        (self.process.as_ref(), self.sequence)
    }

    /// Whether all is known that was said: only then is what is not there positively not there.
    pub fn is_whole(&self) -> bool {
        self.is_whole
    }

    /// Whether what is missing is on its way.
    pub fn is_coming(&self) -> bool {
        self.pages.is_some()
    }

    /// What is known for sure: with a gap, no actors and providers, which says nothing of them.
    pub fn evidence(&self) -> Arc<Report> {
        match self.is_whole {
            true => self.report.clone(),
            false => Self::blank(None, &self.report).report,
        }
    }

    /// Whether a heartbeat is of another process than the picture.
    pub fn is_of_another(&self, beat: &Heartbeat) -> bool {
        let process = beat.news.as_ref().map(|news| &news.process);
        process != self.process.as_ref()
    }

    /// Takes the next heartbeat in, which may be late or come twice.
    pub fn take(&mut self, beat: Heartbeat) {
        if self.is_of_another(&beat) {
            *self = Self::of(beat);
            return;
        }
        let Some(news) = beat.news else {
            // An older version says all each time.
            self.report = Arc::new(beat.report);
            self.is_whole = true;
            return;
        };
        let is_late = beat.report.uptime_ms < self.report.uptime_ms;
        if is_late || news.sequence < self.sequence {
            return;
        }
        match (news.follows, news.page) {
            (Some(follows), _) => self.change(beat.report, follows, news),
            (None, None) => self.whole(beat.report, news.sequence),
            (None, Some(page)) => self.page(beat.report, news.sequence, page),
        }
        if self.report.actors.len() + self.report.providers.len() > PARTS_MAX {
            tracing::warn!(host = %self.report.host, "says more than can be kept");
            *self = Self::blank(self.process.take(), &self.report);
        }
    }

    fn whole(&mut self, report: Report, sequence: u64) {
        self.report = Arc::new(report);
        self.sequence = sequence;
        self.is_whole = true;
        self.pages = None;
    }

    fn change(&mut self, mut report: Report, follows: u64, news: News) {
        // Pages come in one heartbeat: one that is missing by the next was lost.
        self.pages = None;
        let is_known = news.sequence == self.sequence;
        self.is_whole &= is_known || follows == self.sequence;
        self.sequence = news.sequence;
        let known = Arc::make_mut(&mut self.report);
        for name in &news.gone {
            known.actors.remove(name.as_str());
            known.providers.remove(name.as_str());
        }
        for (name, (busy, waiting)) in news.loads {
            if let Some(actor) = known.actors.get_mut(&name) {
                (actor.busy, actor.waiting) = (busy, waiting);
            }
        }
        known.actors.append(&mut report.actors);
        known.providers.append(&mut report.providers);
        // A change leaves it out: it is that of the whole.
        report.connection = report.connection.or_else(|| known.connection.take());
        report.actors = mem::take(&mut known.actors);
        report.providers = mem::take(&mut known.providers);
        *known = report;
    }

    fn page(&mut self, report: Report, sequence: u64, page: Page) {
        let is_page = (1..=page.of).contains(&page.number) && page.of <= PAGES_MAX;
        if !is_page {
            return;
        }
        let fits = |pages: &Pages| pages.sequence == sequence && pages.of == page.of;
        let mut pages = self.pages.take().filter(fits).unwrap_or_else(|| Pages {
            sequence,
            of: page.of,
            came: BTreeMap::new(),
        });
        pages.came.insert(page.number, report);
        if pages.came.len() < page.of as usize {
            self.pages = Some(pages);
            return;
        }
        let all = pages.came.into_values().reduce(|mut all, page| {
            all.actors.extend(page.actors);
            all.providers.extend(page.providers);
            all
        });
        if let Some(report) = all {
            self.whole(report, sequence);
        }
    }
}

#[cfg(test)]
#[path = "picture_test.rs"]
mod tests;
