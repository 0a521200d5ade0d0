//! A host as a process of its own: it can be frozen and killed.

use rustix::process::Signal;
use serde_json::json;

use crate::process::{self, Ended, Running};
use crate::{Lattice, eventually};

/// A host in a process of its own.
#[must_use = "the host is killed when it is dropped"]
pub struct Machine {
    id: String,
    running: Running,
}

impl Lattice {
    /// Starts a host as a process, with more words on its command line, and waits until it is there.
    pub async fn machine(&mut self, id: &str, more: &[&str]) -> Machine {
        let mut machine = self.begin_machine(id, more);
        machine.joined(self).await;
        machine
    }

    /// Starts a host as a process, and does not wait for it.
    pub fn begin_machine(&mut self, id: &str, more: &[&str]) -> Machine {
        let url = self.nats().url();
        let data = self.folder().join(id);
        let data = data.to_str().expect("a path that is text");
        let mut words = vec!["host", "--id", id, "--nats", &url, "--data", data];
        words.extend(more);
        let command = process::command(self.program(), self.folder(), &words);
        Machine {
            id: id.to_owned(),
            running: Running::start(command),
        }
    }
}

impl Machine {
    /// Its id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Waits until it has joined.
    pub async fn joined(&mut self, lattice: &Lattice) {
        self.running.prints("joined").await;
        self.until_listed(lattice).await;
    }

    /// Whether it leads, by its own word.
    pub fn leads(&self) -> bool {
        let lines = self.lines();
        let said = |words: &str| lines.iter().filter(|line| line.contains(words)).count();
        said(": leading epoch=") > said(": leading no more")
    }

    /// Waits until the lattice lists it as alive.
    pub async fn until_listed(&self, lattice: &Lattice) {
        eventually(&format!("host {} is listed", self.id), async || {
            let hosts = lattice.try_control("host.list", json!({})).await;
            let listed = hosts["value"].as_array().into_iter().flatten();
            let mut alive = listed.filter(|host| host["silent_ms"].as_u64() < Some(1_000));
            match alive.any(|host| host["host"] == *self.id) {
                true => Ok(()),
                false => Err(hosts),
            }
        })
        .await;
    }

    /// Stops it as a machine's pause would: it keeps everything and does nothing.
    pub fn freeze(&self) {
        self.running.signal(Signal::STOP);
    }

    /// Lets it run on.
    pub fn thaw(&self) {
        self.running.signal(Signal::CONT);
    }

    /// Ends it without a word.
    pub fn kill(&self) {
        self.running.signal(Signal::KILL);
    }

    /// Waits for its end.
    pub async fn ended(self) -> Ended {
        self.running.ended().await
    }

    /// Waits until it has printed a line with these words.
    pub async fn prints(&mut self, words: &str) -> String {
        self.running.prints(words).await
    }

    /// What it printed so far.
    pub fn lines(&self) -> Vec<String> {
        self.running.lines()
    }
}
