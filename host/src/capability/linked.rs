//! Any other interface: each of its functions becomes a call through the link.

use std::sync::Arc;

use lattice_config::Link;
use lattice_protocol::error::CallError;
use lattice_protocol::interface::{Endpoint, FunctionName, Interface};
use wasmtime::component::Linker;
use wasmtime::component::types::{ComponentInstance, ComponentItem};

use super::Guest;
use crate::wire::{Signature, import};

/// A failed call has no place in a plain function's result: it ends the guest, with this inside.
#[derive(Debug, thiserror::Error)]
#[error("the call to {target} failed: {error}")]
pub struct CallFailed {
    target: String,
    error: CallError,
}

/// Defines every function of `instance` as a call to the link's target.
pub(super) fn define(
    linker: &mut Linker<Guest>,
    engine: &wasmtime::Engine,
    import: &str,
    interface: &Interface,
    instance: &ComponentInstance,
    link: &Link,
) -> Result<(), String> {
    let mut functions = Vec::new();
    for (name, item) in instance.exports(engine) {
        match item.ty {
            ComponentItem::ComponentFunc(ty) => {
                let signature = Signature::new(name, &ty)
                    .map_err(|error| format!("import {import} can't be linked: {error}"))?;
                functions.push((name.to_owned(), signature));
            }
            ComponentItem::Resource(_) => {
                return Err(format!(
                    "import {import} can't be linked: {name} is a resource, and a handle means \
                     something only where it was made"
                ));
            }
            _ => {}
        }
    }
    let link = Arc::new(link.clone());
    for (name, signature) in functions {
        function(linker, import, interface, &name, &signature, link.clone())
            .map_err(|error| format!("import {import} can't be linked: {error}"))?;
    }
    Ok(())
}

fn function(
    linker: &mut Linker<Guest>,
    import: &str,
    interface: &Interface,
    name: &str,
    signature: &Signature,
    link: Arc<Link>,
) -> Result<(), String> {
    let function = FunctionName::from_wit(name).map_err(|error| error.to_string())?;
    let endpoint = Endpoint {
        interface: Some(interface.clone()),
        function,
    };
    let mut instance = linker.instance(import).map_err(|error| error.to_string())?;
    import::define(&mut instance, name, signature, move |store, arguments| {
        let (link, endpoint) = (link.clone(), endpoint.clone());
        let outbox = store.data().outbox();
        Box::new(async move {
            match outbox.call(&link, endpoint, arguments.into()).await {
                Ok(reply) => Ok(reply.to_vec()),
                Err(error) => Err(CallFailed {
                    target: link.to.to_string(),
                    error,
                }
                .into()),
            }
        })
    })
    .map_err(|error| error.to_string())
}

impl CallFailed {
    /// How the call ended.
    pub fn error(&self) -> &CallError {
        &self.error
    }
}
