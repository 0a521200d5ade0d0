//! The declared lattice: what operators want, checked, and who is to do it.
//!
//! Everything here is data and functions over data: no I/O, no clock, no randomness, no async. It
//! does not read files, talk to NATS or run anything; the CLI, the hosts and the providers do.
//!
//! In reading order:
//! - [`app`]: an app, its actors, links and providers, as they are stored;
//! - [`manifest`]: the TOML that declares an app, read and written;
//! - [`mod@validate`]: everything that is wrong with an app, at once;
//! - [`declared`]: all apps of a lattice, and who owns a name;
//! - [`revision`]: the short name of one state of an actor or a provider;
//! - `settings`: what is declared for one provider;
//! - [`assignment`]: what one host is to run;
//! - [`mod@plan`]: declared × hosts → assignments;
//! - [`mod@diff`]: what an apply would change;
//! - [`mod@roll_back`]: what undoes one that can't be started;
//! - [`state`]: the keys and records of the desired state in the store.

pub mod app;
pub mod assignment;
pub mod declared;
pub mod diff;
pub mod manifest;
pub mod plan;
pub mod revision;
pub mod roll_back;
mod settings;
pub mod state;
pub mod validate;

pub use app::{
    Actor, ActorSpec, App, ComponentRef, Grants, InstanceMode, Limits, Link, Provider,
    ProviderSpec, Route, Runs,
};
pub use assignment::{AssignedActor, AssignedProvider, Assignment};
pub use declared::{Declared, Revised};
pub use diff::diff;
pub use manifest::Manifest;
pub use plan::{HostView, Plan, Unplaced, plan};
pub use revision::Revision;
pub use roll_back::roll_back;
pub use validate::validate;

#[cfg(test)]
mod tests {
    #[test]
    fn nothing_that_this_crate_depends_on_does_io() {
        let manifest: toml::Table = include_str!("../Cargo.toml").parse().unwrap();
        let names: Vec<_> = manifest["dependencies"]
            .as_table()
            .unwrap()
            .keys()
            .collect();
        assert_eq!(
            names,
            [
                "lattice-protocol",
                "serde",
                "serde_json",
                "thiserror",
                "toml"
            ]
        );
    }
}
