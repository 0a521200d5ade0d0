//! The manifest: the TOML that declares an app.
//!
//! People write it, so it is read strictly: an unknown key, a wrong type or a malformed name is an
//! error with its line and column. What is well-formed can still be wrong: see [`mod@crate::validate`].
//!
//! The CLI reads a manifest, pushes the components that it names ([`Manifest::components`]), puts
//! their digests in ([`Manifest::resolve`]) and sends the result as TOML again
//! ([`App::to_toml`]). The host that gets it reads it with the same code and resolves nothing more.
//! How a component is built stays with the CLI: [`Manifest::builds`] is no part of the app.

mod grant;
mod link;
mod read;
mod value;
mod write;

use std::collections::{BTreeMap, BTreeSet};

use lattice_protocol::digest::Digest;
use lattice_protocol::id::ActorName;

use crate::app::{App, ComponentRef, Limits, Link};

/// The name of the file.
pub const FILE_NAME: &str = "lattice.toml";
/// The longest message about a manifest: some lines of it, not a blob that stands on one.
const MESSAGE_LEN_MAX: usize = 2 * 1024;
/// The largest manifest: it travels in one message, which NATS holds to 1 MiB by default.
pub const MANIFEST_LEN_MAX: usize = 1024 * 1024;

/// An app as its author wrote it, with what only the CLI uses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    app: App,
    builds: BTreeMap<ActorName, String>,
}

/// Why a text is no manifest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// It is malformed; the message shows the line.
    #[error("{message}")]
    Malformed {
        /// What is wrong, with the line and a mark under the place.
        message: String,
        /// The line, from 1; absent if the whole text is meant.
        line: Option<usize>,
        /// The column, from 1.
        column: Option<usize>,
    },
    /// It is larger than [`MANIFEST_LEN_MAX`].
    #[error(
        "the manifest has {0} bytes, at most {MANIFEST_LEN_MAX} are taken: split it into two apps"
    )]
    TooLarge(usize),
}

/// An actor whose component is not in the lattice.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("actor {actor}: component {component} is not in the lattice: {}", .component.remedy())]
pub struct Unresolved {
    /// The actor.
    pub actor: ActorName,
    /// What its manifest names.
    pub component: ComponentRef,
}

impl ComponentRef {
    fn remedy(&self) -> &'static str {
        match self {
            Self::File(_) => "push it first and name its sha256:…; `lattice apply` does both",
            Self::Oci(_) => "pull it in first and name its sha256:…; `lattice apply` does both",
            Self::Digest(_) => "push it first; `lattice push` does",
        }
    }
}

impl Manifest {
    /// Reads a manifest.
    pub fn parse(text: &str) -> Result<Self, Error> {
        if text.len() > MANIFEST_LEN_MAX {
            return Err(Error::TooLarge(text.len()));
        }
        let read: read::Manifest = toml::from_str(text).map_err(|error| malformed(text, &error))?;
        Ok(read.into())
    }

    /// The app, with components as its author names them.
    pub fn app(&self) -> &App {
        &self.app
    }

    /// The command that builds each actor's component, where one is given.
    pub fn builds(&self) -> &BTreeMap<ActorName, String> {
        &self.builds
    }

    /// The components that have to be brought into the lattice: files and registry references.
    pub fn components(&self) -> BTreeSet<&ComponentRef> {
        let all = self.app.actors.values().map(|actor| &actor.component);
        all.filter(|component| component.digest().is_none())
            .collect()
    }

    /// The app with a digest in place of each component, or every actor that has none.
    pub fn resolve(
        mut self,
        digests: &BTreeMap<ComponentRef, Digest>,
    ) -> Result<App, Vec<Unresolved>> {
        let mut unresolved = Vec::new();
        for (name, actor) in &mut self.app.actors {
            match digests.get(&actor.component) {
                Some(digest) => actor.component = ComponentRef::Digest(digest.clone()),
                None if actor.component.digest().is_some() => {}
                None => unresolved.push(Unresolved {
                    actor: name.clone(),
                    component: actor.component.clone(),
                }),
            }
        }
        if unresolved.is_empty() {
            Ok(self.app)
        } else {
            Err(unresolved)
        }
    }
}

/// Reads links as a manifest has them under `link`: what `actor.start` carries as JSON.
pub fn links(value: serde_json::Value) -> Result<Vec<Link>, Error> {
    let links: link::Links =
        serde_json::from_value(value).map_err(|error| unplaced("links", &error))?;
    Ok(links.into())
}

/// Reads limits as a manifest has them: what `actor.start` carries as JSON.
pub fn limits(value: serde_json::Value) -> Result<Limits, Error> {
    let limits: crate::app::limits::StrictLimits =
        serde_json::from_value(value).map_err(|error| unplaced("limits", &error))?;
    Ok(limits.into())
}

fn unplaced(what: &str, error: &serde_json::Error) -> Error {
    Error::Malformed {
        message: format!("{what}: {error}"),
        line: None,
        column: None,
    }
}

/// The error with the line it is about; without it if that line is no longer for people.
fn shown(error: &toml::de::Error) -> String {
    let mut message = error.to_string();
    if message.len() > MESSAGE_LEN_MAX {
        message = error.message().to_owned();
        message.truncate(message.floor_char_boundary(MESSAGE_LEN_MAX));
    }
    message.trim_end().to_owned()
}

fn malformed(text: &str, error: &toml::de::Error) -> Error {
    let place = error.span().and_then(|span| text.get(..span.start));
    Error::Malformed {
        message: shown(error),
        line: place.map(|before| before.matches('\n').count() + 1),
        column: place
            .map(|before| before.rsplit('\n').next().unwrap_or(before).chars().count() + 1),
    }
}

#[cfg(test)]
#[path = "grant_test.rs"]
mod grants;
#[cfg(test)]
#[path = "property_test.rs"]
mod properties;
#[cfg(test)]
#[path = "manifest_test.rs"]
mod tests;
