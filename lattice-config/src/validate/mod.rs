//! Everything that is wrong with an app, at once.
//!
//! What is malformed never gets here: names, digests and interfaces are valid by construction. What
//! remains is what only the whole shows: a link that leads nowhere, a name taken twice, a number
//! out of its bounds. Each problem is one line that names the thing and says what to write.

mod actor;
mod grant;
mod provider;

use std::collections::BTreeSet;
use std::fmt;

use lattice_protocol::id::{ActorName, ProviderName, TargetName};
use lattice_protocol::near::nearest;

use crate::app::App;

/// The most actors of one app, and the most providers: as many as one host is measured with.
pub const THINGS_MAX: usize = 10_000;
/// The longest key of a config, an environment or a label.
pub const KEY_LEN_MAX: usize = 256;
/// The kinds of provider that the `lattice` binary carries.
pub const PROVIDER_KINDS: [&str; 2] = ["http", "keyvalue"];
/// The most problems that are reported: what follows the first hundred is seen on the next try.
pub const PROBLEMS_MAX: usize = 100;

/// One thing that is wrong, for people.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
#[error("{0}")]
pub struct Problem(String);

/// Checks an app. `external` are the names that other apps of the lattice have: links and routes
/// may lead to them as well.
pub fn validate(app: &App, external: &BTreeSet<TargetName>) -> Result<(), Vec<Problem>> {
    let mut problems = Problems::default();
    names(app, &mut problems);
    let known = Known { app, external };
    for (name, actor) in &app.actors {
        actor::check(name, actor, &known, &mut problems);
    }
    for (name, provider) in &app.providers {
        provider::check(name, provider, &known, &mut problems);
    }
    problems.into_result()
}

fn names(app: &App, problems: &mut Problems) {
    for name in app
        .actors
        .keys()
        .filter(|name| app.providers.contains_key(name.as_str()))
    {
        problems.add(format_args!(
            "{name} is both an actor and a provider: they share one namespace, rename one of them"
        ));
    }
    for (what, count) in [
        ("actors", app.actors.len()),
        ("providers", app.providers.len()),
    ] {
        if count > THINGS_MAX {
            problems.add(format_args!(
                "app {}: {count} {what}, at most {THINGS_MAX} fit in one app: split it",
                app.name
            ));
        }
    }
}

/// Which names links and routes may lead to.
struct Known<'a> {
    app: &'a App,
    external: &'a BTreeSet<TargetName>,
}

impl Known<'_> {
    fn has(&self, name: &TargetName) -> bool {
        self.app.declares(name.as_str()) || self.external.contains(name)
    }

    /// What was probably meant by a name that nothing has, as a question.
    fn meant(&self, name: &str, actors_only: bool) -> String {
        let actors = self.app.actors.keys().map(ActorName::as_str);
        let others = self.app.providers.keys().map(ProviderName::as_str);
        let others = others.chain(self.external.iter().map(TargetName::as_str));
        let others = others.filter(|_| !actors_only);
        match nearest(name, actors.chain(others)) {
            Some(near) => format!(" (did you mean {near}?)"),
            None => String::new(),
        }
    }
}

#[derive(Default)]
struct Problems(Vec<Problem>);

impl Problems {
    fn add(&mut self, message: impl fmt::Display) {
        if self.0.len() < PROBLEMS_MAX {
            self.0.push(Problem(message.to_string()));
        }
    }

    fn into_result(self) -> Result<(), Vec<Problem>> {
        if self.0.is_empty() {
            Ok(())
        } else {
            Err(self.0)
        }
    }
}

/// Whether a text can be the key of a config, a label or an environment variable. A NUL or an `=`
/// in a variable's name would make the start of the process fail.
fn is_key(text: &str) -> bool {
    let len = text.len();
    (1..=KEY_LEN_MAX).contains(&len)
        && !text.contains(['=', '\0'])
        && !text.contains(char::is_whitespace)
}

/// Adds a problem for every key that can't be one.
fn keys<'a>(
    owner: &dyn fmt::Display,
    table: &str,
    keys: impl IntoIterator<Item = &'a String>,
    problems: &mut Problems,
) {
    for key in keys.into_iter().filter(|key| !is_key(key)) {
        problems.add(format_args!(
            "{owner}: {table} has the key {key:?}: use 1 to {KEY_LEN_MAX} characters, no space and no ="
        ));
    }
}

#[cfg(test)]
#[path = "validate_test.rs"]
mod tests;
