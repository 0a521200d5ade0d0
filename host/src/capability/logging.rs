//! `wasi:logging/logging@0.1.0-draft`: records of the actor's log, with a level.

use lattice_protocol::log::Level;
use wasmtime::component::{HasData, Linker};

use super::Guest;

mod bindings {
    #![allow(missing_docs, unreachable_pub, reason = "generated from WIT")]
    wasmtime::component::bindgen!({ path: "../wit", world: "wasi:logging/imports" });
}

use bindings::wasi::logging::logging;

/// The interface and the version that is answered.
pub(super) const LOGGING: &str = "wasi:logging/logging@0.1.0-draft";

pub(super) fn define(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    logging::add_to_linker::<_, Logging>(linker, |guest| guest)
}

struct Logging;

impl HasData for Logging {
    type Data<'a> = &'a mut Guest;
}

impl logging::Host for Guest {
    fn log(&mut self, level: logging::Level, context: String, message: String) {
        let message = match context.as_str() {
            "" => message,
            context => format!("{context}: {message}"),
        };
        self.output().record(named(level), &message);
    }
}

fn named(level: logging::Level) -> Level {
    match level {
        logging::Level::Trace => Level::Trace,
        logging::Level::Debug => Level::Debug,
        logging::Level::Info => Level::Info,
        logging::Level::Warn => Level::Warn,
        logging::Level::Error => Level::Error,
        logging::Level::Critical => Level::Critical,
    }
}
