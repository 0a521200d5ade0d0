//! `wasi:config`: the actor's own config over named ones, by every name that the interface has had.
//!
//! `store@0.2.0-rc.1` is what it is called now; `store@0.2.0-draft` and, before that,
//! `runtime@0.2.0-draft` is what components of wasmCloud 1 import.

use wasmtime::component::{HasData, Linker};

use super::Guest;

mod bindings {
    #![allow(missing_docs, unreachable_pub, reason = "generated from WIT")]
    wasmtime::component::bindgen!({ path: "../wit", world: "wasi:config/imports" });
}

mod drafts {
    #![allow(missing_docs, unreachable_pub, reason = "generated from WIT")]
    wasmtime::component::bindgen!({ path: "../wit/drafts", world: "wasi:config/imports" });
}

use bindings::wasi::config::store;
use drafts::wasi::config::{runtime, store as draft};

pub(super) fn define(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    store::add_to_linker::<_, Config>(linker, |guest| guest)?;
    draft::add_to_linker::<_, Config>(linker, |guest| guest)?;
    runtime::add_to_linker::<_, Config>(linker, |guest| guest)
}

struct Config;

impl HasData for Config {
    type Data<'a> = &'a mut Guest;
}

/// They differ in nothing but names.
macro_rules! answered {
    ($($interface:ident: $error:ident,)*) => {
        $(impl $interface::Host for Guest {
            fn get(&mut self, key: String) -> Result<Option<String>, $interface::$error> {
                Ok(self.settings().get(&key).cloned())
            }

            fn get_all(&mut self) -> Result<Vec<(String, String)>, $interface::$error> {
                Ok(self.settings().all())
            }
        })*
    };
}

answered! {
    store: Error,
    draft: Error,
    runtime: ConfigError,
}
