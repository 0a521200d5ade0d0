//! An actor as it is declared: a component, what it may do, and how many of it.

use std::collections::BTreeMap;

use lattice_protocol::id::AppName;
use serde::{Deserialize, Serialize};

use super::{ComponentRef, Grants, Limits, Link};

/// Instances of an actor whose manifest names no number. With the default of 64 MiB an instance
/// they take 1 GiB at the worst, which a small machine has; and sixteen calls at once of 10 ms each
/// are 1,600 a second. An instance costs nothing while no call is in it.
pub const INSTANCES_DEFAULT: u32 = 16;
/// The most instances of one actor: a hundred hosts with a thousand calls at once in each; above
/// it, a slip of the keyboard is likelier than a wish.
pub const INSTANCES_MAX: u32 = 100_000;
/// Calls that an instance serves when the manifest says `reuse` without a number: enough to make
/// its start negligible, few enough that a slow leak stays small.
pub const REUSE_DEFAULT: u32 = 1_000;
/// The most calls of one instance: it must be renewed some time, or a leak is never cleared.
pub const REUSE_MAX: u32 = 1_000_000;
/// The most arguments, and the most environment variables, of an actor: a program that wants more
/// reads a file.
pub const WORDS_MAX: usize = 256;
/// The most bytes of all arguments and variables together: each instance holds a copy.
pub const WORDS_BYTES_MAX: usize = 64 * 1024;
/// The most named configs of one actor: each is looked at for a key that none before it has.
pub const CONFIGS_MAX: usize = 32;

/// A component and everything that is declared of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Actor {
    /// Its code.
    pub component: ComponentRef,
    /// How many calls may be busy at once, over the whole lattice (with `daemon`: on each host);
    /// 0 keeps it declared and stopped.
    pub instances: u32,
    /// How long a sandbox lives.
    #[serde(default)]
    pub instance: InstanceMode,
    /// What `wasi:config` answers.
    #[serde(default)]
    pub config: BTreeMap<String, String>,
    /// Arguments of a component that is a program.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub args: Vec<String>,
    /// Environment variables that it sees.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<String, String>,
    /// Named configs of the lattice under its own: of two that have a key the later one counts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub config_from: Vec<AppName>,
    /// What it is granted of the host.
    #[serde(default, skip_serializing_if = "Grants::is_empty")]
    pub grants: Grants,
    /// What it may use up.
    #[serde(default)]
    pub limits: Limits,
    /// Who answers what it imports.
    #[serde(default)]
    pub links: Vec<Link>,
    /// The labels, with their values, that a host must have.
    #[serde(default)]
    pub require: BTreeMap<String, String>,
    /// A label over whose values the instances are spread evenly, such as `zone`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spread: Option<String>,
    /// Whether every host that may run it does, each with the whole number of instances.
    #[serde(default)]
    pub daemon: bool,
}

impl Actor {
    /// An actor with the defaults of a manifest that names its component and nothing else.
    pub fn new(component: ComponentRef) -> Self {
        Self {
            component,
            instances: INSTANCES_DEFAULT,
            instance: InstanceMode::default(),
            config: BTreeMap::new(),
            args: Vec::new(),
            env: BTreeMap::new(),
            config_from: Vec::new(),
            grants: Grants::default(),
            limits: Limits::default(),
            links: Vec::new(),
            require: BTreeMap::new(),
            spread: None,
            daemon: false,
        }
    }

    /// What a host needs of it besides the code: everything but number and place.
    pub fn spec(&self) -> ActorSpec {
        ActorSpec {
            instance: self.instance,
            config: self.config.clone(),
            args: self.args.clone(),
            env: self.env.clone(),
            config_from: self.config_from.clone(),
            grants: self.grants.clone(),
            limits: self.limits.clone(),
            links: self.links.clone(),
        }
    }
}

/// How an actor runs: with its component, this is what a revision names.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActorSpec {
    /// How long a sandbox lives.
    #[serde(default)]
    pub instance: InstanceMode,
    /// What `wasi:config` answers.
    #[serde(default)]
    pub config: BTreeMap<String, String>,
    /// Arguments of a component that is a program.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub args: Vec<String>,
    /// Environment variables that it sees.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<String, String>,
    /// Named configs of the lattice under its own: of two that have a key the later one counts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub config_from: Vec<AppName>,
    /// What it is granted of the host.
    #[serde(default, skip_serializing_if = "Grants::is_empty")]
    pub grants: Grants,
    /// What it may use up.
    #[serde(default)]
    pub limits: Limits,
    /// Who answers what it imports.
    #[serde(default)]
    pub links: Vec<Link>,
}

/// How long a sandbox lives.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum InstanceMode {
    /// For one call: nothing leaks from one to the next.
    #[default]
    Fresh,
    /// For up to so many calls, one after the other.
    Reuse(u32),
}
