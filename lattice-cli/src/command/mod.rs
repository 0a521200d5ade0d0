//! The commands: one line here, one file each.

mod allow;
mod app;
mod apply;
mod artifact;
mod audit;
mod auth;
mod build;
mod call;
mod completion;
mod config;
mod delete;
mod diff;
mod drain;
mod events;
mod export;
mod history;
mod host;
mod import;
mod inspect;
mod label;
mod link;
mod logs;
mod pair;
mod provider;
mod ps;
mod push;
mod rollback;
mod scale;
mod stop;
mod up;
mod update;

use crate::connection::Connection;

/// What can be asked of the program.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Run everything on this machine: NATS, a host, providers and the app of a folder.
    Up(up::Up),
    /// Build the components of a manifest.
    Build(build::Build),
    /// Declare an app: push its components and send its manifest.
    Apply(apply::Apply),
    /// Show what an apply would change.
    Diff(diff::Diff),
    /// Remove an app, and stop what it declared.
    Delete(delete::Delete),
    /// List the revisions of an app.
    History(history::History),
    /// Go back to an earlier revision of an app.
    Rollback(rollback::Rollback),
    /// List hosts, actors, providers and links.
    Ps(ps::Ps),
    /// Call a function of an actor or a provider.
    Call(call::CallCommand),
    /// Show what an actor exports and imports.
    Inspect(inspect::Inspect),
    /// Set how many instances an actor has over the whole lattice.
    Scale(scale::Scale),
    /// Give an actor another component or config.
    Update(update::Update),
    /// Remove an actor.
    Stop(stop::Stop),
    /// Declare, remove and list links.
    Link(link::Link),
    /// Set, print and remove named configs.
    Config(config::Config),
    /// Write everything that is declared, as one file.
    Export(export::Export),
    /// Declare what an export holds.
    Import(import::Import),
    /// List who changed what.
    Audit(audit::Audit),
    /// Print what each role needs of NATS: an account, users, permissions.
    Auth(auth::Auth),
    /// List and remove components stored in the lattice.
    Artifact(artifact::Artifact),
    /// Store components in the lattice.
    Push(push::Push),
    /// Follow what actors and providers log.
    Logs(logs::Logs),
    /// Follow what happens in the lattice.
    Events(events::Events),
    /// Join this machine to a lattice.
    Host(host::Host),
    /// Set, remove and print labels of a host.
    Label(label::Label),
    /// Give the work of a host to the others, then stop it.
    Drain(drain::Drain),
    /// Run a provider that this program carries.
    Provider(provider::Provider),
    /// Print the completion for a shell.
    Completion(completion::Completion),
}

impl Command {
    pub(crate) async fn run(self, connection: &Connection) -> anyhow::Result<()> {
        match self {
            Self::Up(command) => command.run(connection).await,
            Self::Build(command) => command.run().await,
            Self::Apply(command) => command.run(connection).await,
            Self::Diff(command) => command.run(connection).await,
            Self::Delete(command) => command.run(connection).await,
            Self::History(command) => command.run(connection).await,
            Self::Rollback(command) => command.run(connection).await,
            Self::Ps(command) => command.run(connection).await,
            Self::Call(command) => command.run(connection).await,
            Self::Inspect(command) => command.run(connection).await,
            Self::Scale(command) => command.run(connection).await,
            Self::Update(command) => command.run(connection).await,
            Self::Stop(command) => command.run(connection).await,
            Self::Link(command) => command.run(connection).await,
            Self::Config(command) => command.run(connection).await,
            Self::Export(command) => command.run(connection).await,
            Self::Import(command) => command.run(connection).await,
            Self::Audit(command) => command.run(connection).await,
            Self::Auth(command) => command.run(connection),
            Self::Artifact(command) => command.run(connection).await,
            Self::Push(command) => command.run(connection).await,
            Self::Logs(command) => command.run(connection).await,
            Self::Events(command) => command.run(connection).await,
            Self::Host(command) => command.run(connection).await,
            Self::Label(command) => command.run(connection).await,
            Self::Drain(command) => command.run(connection).await,
            Self::Provider(command) => command.run(connection).await,
            Self::Completion(command) => command.run(),
        }
    }
}
