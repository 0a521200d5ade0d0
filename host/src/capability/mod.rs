//! What an actor may import, and who answers.
//!
//! | import | answered by | needs |
//! |---|---|---|
//! | `wasi:io`, `wasi:clocks`, `wasi:random` | `wasi`, `random`: so many bytes a call | nothing |
//! | `wasi:cli` | `wasi`: output to the log, arguments and environment as its manifest says, no input | nothing |
//! | `wasi:filesystem`, `wasi:sockets` | `wasi`, `files`, `sockets`: empty and refused but for what is `granted` | nothing, or a grant |
//! | `wasi:http/types` | `http` | nothing |
//! | `wasi:http/outgoing-handler`, `client` | `http`, by a provider | a link |
//! | `wasi:config/store` | `config`, from `settings`: the actor's own over named ones | nothing |
//! | `wasi:logging/logging` | `logging`: to the log | nothing |
//! | `wasi:keyvalue/store`, `atomics`, `batch` | `keyvalue`, by a provider | a link |
//! | any other interface of values, and streams of them | `linked`, by an actor or a provider | a link |
//!
//! WASI comes in versions 0.2 and 0.3: the latter on the engine of components with async functions.
//! `offered` lists them by name, [`Imports`] has them ready, and refuses a component that wants more
//! before it starts.

mod config;
mod files;
mod granted;
mod guest;
pub mod http;
mod keyvalue;
mod linked;
mod logging;
mod member;
mod offered;
mod random;
mod settings;
mod sockets;
#[cfg(test)]
pub(crate) mod testing;
pub(crate) mod threads;
mod voice;
pub mod wasi;
mod way;

use std::borrow::Cow;
use std::sync::{Arc, OnceLock};

use wasmtime::component::{Component, InstancePre, Linker};

pub use granted::Granted;
pub use guest::{Errand, Guest, GuestParts};
pub use keyvalue::{Bucket, Opened};
pub use linked::{CALL_TO, CallFailed};
pub use member::Failed;
use offered::By;
pub use settings::Settings;

use crate::component::{self, Import};
use crate::link::LinkTable;

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
    /// Shared: a linker takes hundreds of KiB, and each actor holds this.
    linker: Arc<Linker<Guest>>,
    /// The same for the engine of components with async functions, made when one of these comes.
    concurrent: Arc<OnceLock<Linker<Guest>>>,
}

/// A component with all its imports answered.
pub struct Linked {
    /// Ready to be instantiated.
    pub pre: InstancePre<Guest>,
    /// How its instances wait for what they import.
    pub waiting: Waiting,
}

/// Who waits while an import through a link is on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Waiting {
    /// The call that wants it: others in the same instance go on.
    Alone,
    /// Everything in the instance.
    Together,
}

impl Imports {
    /// Defines what does not depend on the actor.
    pub fn new(engine: &wasmtime::Engine) -> wasmtime::Result<Self> {
        Ok(Self {
            linker: Arc::new(Self::given(engine, false)?),
            concurrent: Arc::default(),
        })
    }

    fn given(engine: &wasmtime::Engine, concurrent: bool) -> wasmtime::Result<Linker<Guest>> {
        let mut linker = Linker::new(engine);
        wasi::define(&mut linker, concurrent)?;
        http::define(&mut linker, concurrent)?;
        config::define(&mut linker)?;
        logging::define(&mut linker)?;
        keyvalue::define(&mut linker)?;
        Ok(linker)
    }

    /// What fits a component's engine.
    fn fitting(&self, component: &Component) -> Result<&Linker<Guest>, Error> {
        let engine = component.engine();
        if wasmtime::Engine::same(engine, self.linker.engine()) {
            return Ok(&self.linker);
        }
        if let Some(linker) = self.concurrent.get() {
            return Ok(linker);
        }
        let linker = Self::given(engine, true).map_err(link_failed)?;
        Ok(self.concurrent.get_or_init(|| linker))
    }

    /// Links a component for an actor with these links; nothing has run yet. What no link of the
    /// actor's is part of is made once and kept in `given`, for all actors of the component.
    pub fn link(
        &self,
        component: &Component,
        links: &LinkTable,
        given: &OnceLock<InstancePre<Guest>>,
    ) -> Result<Linked, Error> {
        let engine = component.engine();
        // Only a component with links has one of its own.
        let mut linker = Cow::Borrowed(self.fitting(component)?);
        let mut waiting = Waiting::Alone;
        let mut unanswered = Vec::new();
        for import in component::imports(engine, component) {
            match answer(&mut linker, engine, &import, links) {
                Ok(Waiting::Alone) => {}
                Ok(Waiting::Together) => waiting = Waiting::Together,
                Err(reason) => unanswered.push(reason),
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
        let pre = match (&linker, given.get()) {
            (Cow::Borrowed(_), Some(pre)) => pre.clone(),
            _ => linker.instantiate_pre(component).map_err(link_failed)?,
        };
        if let Cow::Borrowed(_) = linker {
            // Another may have been first, with the same.
            let _ = given.set(pre.clone());
        }
        Ok(Linked { pre, waiting })
    }
}

fn link_failed(error: wasmtime::Error) -> Error {
    Error::Link(format!("{error:#}"))
}

/// Sees to it that one import is answered, or says why it is not.
fn answer(
    linker: &mut Cow<'_, Linker<Guest>>,
    engine: &wasmtime::Engine,
    import: &Import,
    links: &LinkTable,
) -> Result<Waiting, String> {
    let (Some(interface), Some(instance)) = (&import.interface, &import.instance) else {
        return Err(format!(
            "import {} is a bare function, which no link can answer: import an interface",
            import.name
        ));
    };
    let by = offered::by(&import.name);
    let interface = match by {
        Some(By::Host) => return Ok(Waiting::Alone),
        // Requests of either version leave by one link.
        Some(By::Http) => &http::link_of_requests()?,
        Some(By::KeyValue) | None => interface,
    };
    let Some(link) = links.default_for(interface) else {
        return Err(format!(
            "no link for import {}: add {}",
            import.name,
            links.line_for(interface)
        ));
    };
    match by {
        Some(By::Http) => return Ok(http::waiting(&import.name)),
        Some(By::KeyValue) => {
            let rest = keyvalue::define_rest(linker, engine, &import.name, instance);
            let failed = |error| format!("import {} can't be linked: {error}", import.name);
            return rest.map(|()| Waiting::Together).map_err(failed);
        }
        Some(By::Host) | None => {}
    }
    linked::define(
        linker.to_mut(),
        engine,
        &import.name,
        interface,
        instance,
        link,
    )
}
