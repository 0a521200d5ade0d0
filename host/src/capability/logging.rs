//! `wasi:logging/logging`: records of the actor's log, with a level. Components of wasmCloud 1 import
//! it without a version.

use lattice_protocol::log::Level;
use wasmtime::component::{HasData, Linker};

use super::Guest;

mod bindings {
    #![allow(missing_docs, unreachable_pub, reason = "generated from WIT")]
    wasmtime::component::bindgen!({ path: "../wit", world: "wasi:logging/imports" });
}

mod drafts {
    #![allow(missing_docs, unreachable_pub, reason = "generated from WIT")]
    wasmtime::component::bindgen!({ path: "../wit/drafts", world: "wasi:logging/imports" });
}

use bindings::wasi::logging::logging;
use drafts::wasi::logging::logging as unversioned;

pub(super) fn define(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    logging::add_to_linker::<_, Logging>(linker, |guest| guest)?;
    unversioned::add_to_linker::<_, Logging>(linker, |guest| guest)
}

struct Logging;

impl HasData for Logging {
    type Data<'a> = &'a mut Guest;
}

/// They differ in nothing but the version.
macro_rules! answered {
    ($($interface:ident)*) => {
        $(impl $interface::Host for Guest {
            fn log(&mut self, level: $interface::Level, context: String, message: String) {
                let level = match level {
                    $interface::Level::Trace => Level::Trace,
                    $interface::Level::Debug => Level::Debug,
                    $interface::Level::Info => Level::Info,
                    $interface::Level::Warn => Level::Warn,
                    $interface::Level::Error => Level::Error,
                    $interface::Level::Critical => Level::Critical,
                };
                let message = match context.as_str() {
                    "" => message,
                    context => format!("{context}: {message}"),
                };
                self.output().record(level, &message);
            }
        })*
    };
}

answered!(logging unversioned);
