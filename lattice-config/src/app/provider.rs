//! A provider as it is declared: a program, its settings, and what it routes to actors.

use std::collections::BTreeMap;

use lattice_protocol::id::ActorName;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The most copies of one provider: one for each host of a very large lattice.
pub const COPIES_MAX: u32 = 1_000;
/// The most routes of one provider: as many as one manifest may have actors.
pub const ROUTES_MAX: usize = 10_000;
/// The longest path of a route: longer ones don't fit the request lines that servers accept.
pub const PATH_LEN_MAX: usize = 1024;
/// The longest host of a route: the limit of DNS.
pub const HOST_LEN_MAX: usize = 253;
/// The most words of a command: far above any sensible one, far below the system's limit.
pub const EXEC_WORDS_MAX: usize = 256;

/// A process that answers interfaces, or calls actors on behalf of the world.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Provider {
    /// What is run, and by whom.
    pub runs: Runs,
    /// Whether it runs in the host's own process: faster to call, and its faults are the host's.
    #[serde(default, skip_serializing_if = "is_false")]
    pub inline: bool,
    /// Its settings.
    #[serde(default)]
    pub config: Map<String, Value>,
    /// What it passes on to which actor.
    #[serde(default)]
    pub routes: Vec<Route>,
    /// On how many hosts it runs.
    #[serde(default = "one")]
    pub copies: u32,
    /// Environment variables of its process.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    /// The labels, with their values, that a host must have.
    #[serde(default)]
    pub require: BTreeMap<String, String>,
}

fn one() -> u32 {
    1
}

/// A revision is named by what is written: what most providers don't say is left out.
#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
fn is_false(inline: &bool) -> bool {
    !inline
}

impl Provider {
    /// One copy of a program, without settings.
    pub fn new(runs: Runs) -> Self {
        Self {
            runs,
            inline: false,
            config: Map::new(),
            routes: Vec::new(),
            copies: one(),
            env: BTreeMap::new(),
            require: BTreeMap::new(),
        }
    }

    /// What a host needs of it: everything but number and place.
    pub fn spec(&self) -> ProviderSpec {
        ProviderSpec {
            runs: self.runs.clone(),
            inline: self.inline,
            config: self.config.clone(),
            routes: self.routes.clone(),
            env: self.env.clone(),
        }
    }
}

/// How a provider runs: this is what its revision names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProviderSpec {
    /// What is run, and by whom.
    pub runs: Runs,
    /// Whether it runs in the host's own process.
    #[serde(default, skip_serializing_if = "is_false")]
    pub inline: bool,
    /// Its settings.
    #[serde(default)]
    pub config: Map<String, Value>,
    /// What it passes on to which actor.
    #[serde(default)]
    pub routes: Vec<Route>,
    /// Environment variables of its process.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
}

impl ProviderSpec {
    /// Whether a process that runs `before` has to be started anew: config and routes reach it
    /// live, its program and environment don't.
    pub fn needs_restart(&self, before: &Self) -> bool {
        self.runs != before.runs || self.inline != before.inline || self.env != before.env
    }
}

/// What is run as a provider, and by whom.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Runs {
    /// A provider that the `lattice` binary carries: `http`, `keyvalue`.
    Kind(String),
    /// A command with its arguments, started by a host.
    Exec(Vec<String>),
    /// Nobody in the lattice starts it: it is run by hand, systemd or anything else.
    External,
}

/// Requests that a provider passes on to an actor.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Route {
    /// Only those for this host, in lower case and without a port; any host if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// Only those whose path begins so; the longest prefix wins.
    pub path: String,
    /// Who answers them.
    pub actor: ActorName,
}
