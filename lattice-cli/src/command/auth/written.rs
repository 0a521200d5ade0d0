//! Users and their permissions, as a NATS server or `nsc` reads them.

use std::fmt::Write as _;

use lattice_protocol::id::LatticeId;
use lattice_protocol::permission::{Permissions, Role};
use lattice_protocol::subject;
use serde::Serialize;

/// A user of the lattice's account.
#[derive(Debug, Serialize)]
pub(super) struct User {
    pub(super) name: String,
    publish: Allowed,
    subscribe: Allowed,
}

#[derive(Debug, Serialize)]
struct Allowed {
    allow: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    deny: Vec<String>,
}

impl User {
    pub(super) fn of(role: &Role, lattice: &LatticeId) -> Self {
        let Permissions {
            publish,
            never_publish,
            subscribe,
        } = role.permissions(lattice);
        Self {
            name: role.name().to_owned(),
            publish: Allowed {
                allow: publish,
                deny: never_publish,
            },
            subscribe: Allowed {
                allow: subscribe,
                deny: Vec::new(),
            },
        }
    }
}

/// For a nats-server's config.
pub(super) fn config(lattice: &LatticeId, users: &[User]) -> String {
    let account = subject::state_bucket(lattice);
    let mut text = format!(
        "# The account of the lattice {lattice}. Passwords are in the environment of nats-server, or in lines\n\
         # above this, such as {}: \"…\".\n\
         accounts {{\n  {account} {{\n    jetstream: enabled\n    users: [\n",
        password(&users[0].name)
    );
    for User {
        name,
        publish,
        subscribe,
    } in users
    {
        let password = password(name);
        let _ = writeln!(
            text,
            "      {{\n        user: \"{name}\"\n        password: ${password}\n        permissions {{"
        );
        for (what, allowed) in [("publish", publish), ("subscribe", subscribe)] {
            let _ = writeln!(text, "          {what} {{");
            for (verb, subjects) in [("allow", &allowed.allow), ("deny", &allowed.deny)] {
                if !subjects.is_empty() {
                    let _ = writeln!(text, "            {verb}: {}", quoted(subjects));
                }
            }
            text.push_str("          }\n");
        }
        text.push_str("        }\n      }\n");
    }
    text.push_str("    ]\n  }\n}");
    text
}

/// As commands that make the account, the users and their credentials.
pub(super) fn nsc(lattice: &LatticeId, users: &[User]) -> String {
    let account = subject::state_bucket(lattice);
    let mut text = format!(
        "nsc add account --name {account}\n\
         nsc edit account --name {account} --js-mem-storage -1 --js-disk-storage -1 --js-streams -1 \
         --js-consumer -1"
    );
    for user in users {
        let name = &user.name;
        let _ = write!(text, "\nnsc add user --account {account} --name {name}");
        for (flag, subjects) in [
            ("allow-pub", &user.publish.allow),
            ("deny-pub", &user.publish.deny),
            ("allow-sub", &user.subscribe.allow),
        ] {
            if !subjects.is_empty() {
                // Quoted for a shell: they have dollars, stars and arrows, and never a quote.
                let _ = write!(text, " --{flag} '{}'", subjects.join(","));
            }
        }
        let _ = write!(
            text,
            "\nnsc generate creds --account {account} --name {name} > {name}.creds"
        );
    }
    text
}

/// The variable that holds a user's password.
fn password(user: &str) -> String {
    let user = user.to_ascii_uppercase().replace('-', "_");
    format!("LATTICE_PASSWORD_{user}")
}

fn quoted(subjects: &[String]) -> String {
    // No name and no pattern has a quote.
    format!("[\"{}\"]", subjects.join("\", \""))
}
