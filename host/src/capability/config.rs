//! `wasi:config/store@0.2.0-rc.1`: the actor's own config, as its manifest says.

use wasmtime::component::{HasData, Linker};

use super::Guest;

mod bindings {
    #![allow(missing_docs, unreachable_pub, reason = "generated from WIT")]
    wasmtime::component::bindgen!({ path: "../wit", world: "wasi:config/imports" });
}

use bindings::wasi::config::store::{self, Error};

/// The interface and the version that is answered.
pub(super) const STORE: &str = "wasi:config/store@0.2.0-rc.1";

pub(super) fn define(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    store::add_to_linker::<_, Config>(linker, |guest| guest)
}

struct Config;

impl HasData for Config {
    type Data<'a> = &'a mut Guest;
}

impl store::Host for Guest {
    fn get(&mut self, key: String) -> Result<Option<String>, Error> {
        Ok(self.config().get(&key).cloned())
    }

    fn get_all(&mut self) -> Result<Vec<(String, String)>, Error> {
        Ok(self
            .config()
            .iter()
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect())
    }
}
