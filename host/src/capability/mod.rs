//! What an actor may import, and who answers.
//!
//! | import | answered by | needs |
//! |---|---|---|
//! | `wasi:io`, `wasi:clocks`, `wasi:random` | `wasi` | nothing |
//! | `wasi:cli` | `wasi`: output to the log; no arguments, environment or input | nothing |
//! | `wasi:filesystem`, `wasi:sockets` | `wasi`: empty, every address refused | nothing |
//! | `wasi:http/types` | `http` | nothing |
//! | `wasi:config/store` | `config`: the actor's own | nothing |
//! | `wasi:logging/logging` | `logging`: to the log | nothing |
//! | `wasi:keyvalue/store`, `atomics`, `batch` | `keyvalue`, by a provider | a link |
//! | any other interface of plain values | `linked`, by an actor or a provider | a link |
//!
//! [`Imports`] holds them all, and refuses a component that wants more before it starts.

mod config;
mod guest;
pub mod http;
mod keyvalue;
mod linked;
mod logging;
pub mod wasi;

use lattice_protocol::interface::Interface;
use wasmtime::component::{Component, InstancePre, Linker};

pub use guest::{Guest, GuestParts};
pub use linked::CallFailed;

use crate::component::{self, Import};
use crate::link::LinkTable;

/// Packages that every actor is given, in their version 0.2.
const GIVEN: &[&str] = &[
    "wasi:cli",
    "wasi:clocks",
    "wasi:filesystem",
    "wasi:io",
    "wasi:random",
    "wasi:sockets",
];
const GIVEN_VERSION: &str = "@0.2.";
/// The most imports that a refusal lists.
const LISTED_MAX: usize = 8;

/// Why a component can't be linked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nobody answers some of its imports.
    #[error("{}", .0.join("; "))]
    Unanswered(Vec<String>),
    /// The engine refuses it.
    #[error("the component can't be linked: {0}")]
    Link(String),
}

/// Every import that is offered to actors, ready to be linked.
#[derive(Clone)]
pub struct Imports {
    linker: Linker<Guest>,
}

impl Imports {
    /// Defines what does not depend on the actor.
    pub fn new(engine: &wasmtime::Engine) -> wasmtime::Result<Self> {
        let mut linker = Linker::new(engine);
        wasi::define(&mut linker)?;
        http::define(&mut linker)?;
        config::define(&mut linker)?;
        logging::define(&mut linker)?;
        keyvalue::define(&mut linker)?;
        Ok(Self { linker })
    }

    /// Links a component for an actor with these links; nothing has run yet.
    pub fn link(
        &self,
        component: &Component,
        links: &LinkTable,
    ) -> Result<InstancePre<Guest>, Error> {
        let engine = self.linker.engine();
        let mut linker = self.linker.clone();
        let mut unanswered = Vec::new();
        for import in component::imports(engine, component) {
            if let Err(reason) = answer(&mut linker, engine, &import, links) {
                unanswered.push(reason);
            }
        }
        if !unanswered.is_empty() {
            let more = unanswered.len().saturating_sub(LISTED_MAX);
            unanswered.truncate(LISTED_MAX);
            if more > 0 {
                unanswered.push(format!("and {more} more imports"));
            }
            return Err(Error::Unanswered(unanswered));
        }
        linker
            .instantiate_pre(component)
            .map_err(|error| Error::Link(format!("{error:#}")))
    }
}

/// Sees to it that one import is answered, or says why it is not.
fn answer(
    linker: &mut Linker<Guest>,
    engine: &wasmtime::Engine,
    import: &Import,
    links: &LinkTable,
) -> Result<(), String> {
    let (Some(interface), Some(instance)) = (&import.interface, &import.instance) else {
        return Err(format!(
            "import {} is a bare function, which no link can answer: import an interface",
            import.name
        ));
    };
    if is_given(&import.name, interface) {
        return Ok(());
    }
    let Some(link) = links.default_for(interface) else {
        return Err(format!(
            "no link for import {}: add {}",
            import.name,
            links.line_for(interface)
        ));
    };
    if keyvalue::answers(&import.name) {
        return Ok(());
    }
    linked::define(linker, engine, &import.name, interface, instance, link)
}

fn is_given(name: &str, interface: &Interface) -> bool {
    if matches!(name, config::STORE | logging::LOGGING) {
        return true;
    }
    name.contains(GIVEN_VERSION)
        && (GIVEN.contains(&interface.package()) || interface.as_str() == http::TYPES)
}
