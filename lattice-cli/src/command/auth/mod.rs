//! `lattice auth`.

mod named;
mod written;

use clap::ValueEnum;
use lattice_protocol::id::{ActorName, LatticeId, ProviderName, TargetName};
use lattice_protocol::permission::Role;

use crate::connection::Connection;
use crate::ui;
use named::Named;
use written::User;

/// Print a NATS account for the lattice, with a user for each role and what it may publish and subscribe to.
///
/// A host and an operator are always among them; name the providers that have credentials of their own,
/// and those who only call.
#[derive(Debug, clap::Args)]
pub struct Auth {
    /// Key-value provider with the backend nats, and the actors that it tells of changed keys; may be given
    /// several times.
    #[arg(long = "keyvalue", value_name = "NAME[=ACTOR,...]")]
    keyvalue: Vec<Named<ProviderName, ActorName>>,

    /// Provider that keeps nothing in JetStream, and the actors that it calls, such as those of its routes;
    /// may be given several times.
    #[arg(long = "provider", value_name = "NAME[=ACTOR,...]")]
    providers: Vec<Named<ProviderName, ActorName>>,

    /// Somebody who may only call, and whom; may be given several times.
    #[arg(long = "caller", value_name = "NAME=TARGET,...")]
    callers: Vec<Named<TargetName, TargetName>>,

    /// How it is written.
    #[arg(long, value_enum, default_value_t = Format::Config)]
    format: Format,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    /// For the config of a nats-server: passwords come from its environment.
    Config,
    /// As commands of nsc, for a server with an operator.
    Nsc,
    /// For programs.
    Json,
}

impl Auth {
    pub(super) fn run(self, connection: &Connection) -> anyhow::Result<()> {
        let lattice = &connection.lattice;
        let format = self.format;
        let users = self.users(lattice)?;
        match format {
            Format::Config => ui::out(written::config(lattice, &users)),
            Format::Nsc => ui::out(written::nsc(lattice, &users)),
            Format::Json => ui::json::print(&users),
        }
    }

    fn users(self, lattice: &LatticeId) -> anyhow::Result<Vec<User>> {
        let provider = |keeps| {
            move |one: Named<ProviderName, ActorName>| Role::Provider {
                name: one.name,
                keeps,
                calls: one.others,
            }
        };
        let caller = |one: Named<TargetName, TargetName>| Role::Caller {
            name: one.name,
            calls: one.others,
        };
        let roles = [Role::Host, Role::Operator].into_iter();
        let roles = roles
            .chain(self.keyvalue.into_iter().map(provider(true)))
            .chain(self.providers.into_iter().map(provider(false)))
            .chain(self.callers.into_iter().map(caller));
        let mut users: Vec<User> = Vec::new();
        for role in roles {
            let user = User::of(&role, lattice);
            anyhow::ensure!(
                users.iter().all(|before| before.name != user.name),
                "there are two users {}: each needs a name of its own",
                user.name
            );
            users.push(user);
        }
        Ok(users)
    }
}

#[cfg(test)]
#[path = "auth_test.rs"]
mod tests;
