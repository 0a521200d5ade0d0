//! Any other interface: each of its functions becomes a call through the link.

use std::sync::Arc;

use lattice_client::stream::{Reader, WINDOW_BYTES, pipe};
use lattice_config::Link;
use lattice_protocol::codec::Encoding;
use lattice_protocol::error::CallError;
use lattice_protocol::interface::{Endpoint, FunctionName, Interface};
use wasmtime::component::Linker;
use wasmtime::component::types::{ComponentInstance, ComponentItem};
use wasmtime::{AsContextMut as _, StoreContextMut};

use super::member::Caller;
use super::{Guest, Waiting};
use crate::wire::flow::{Inlets, Lifted, Outlet};
use crate::wire::import::Returned;
use crate::wire::{Signature, import};

/// How the words of a failed call through a link begin.
pub const CALL_TO: &str = "the call to ";

/// A failed call has no place in a plain function's result: it ends the guest, with this inside.
#[derive(Debug, thiserror::Error)]
#[error("{CALL_TO}{target} failed: {error}")]
pub struct CallFailed {
    target: String,
    error: CallError,
}

/// Defines every function of `instance` as a call to the link's target; answers whether a guest can wait
/// for all of them without holding up others in its instance.
pub(super) fn define(
    linker: &mut Linker<Guest>,
    engine: &wasmtime::Engine,
    import: &str,
    interface: &Interface,
    instance: &ComponentInstance,
    link: &Link,
) -> Result<Waiting, String> {
    let mut functions = Vec::new();
    for (name, item) in instance.exports(engine) {
        match item.ty {
            ComponentItem::ComponentFunc(ty) => {
                let signature = Signature::new(name, &ty)
                    .map_err(|error| format!("import {import} can't be linked: {error}"))?;
                functions.push((name.to_owned(), Arc::new(signature)));
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
    let waiting = match functions.iter().all(|(_, signature)| signature.is_async()) {
        true => Waiting::Alone,
        false => Waiting::Together,
    };
    let link = Arc::new(link.clone());
    for (name, signature) in functions {
        function(linker, import, interface, &name, &signature, link.clone())
            .map_err(|error| format!("import {import} can't be linked: {error}"))?;
    }
    Ok(waiting)
}

fn function(
    linker: &mut Linker<Guest>,
    import: &str,
    interface: &Interface,
    name: &str,
    signature: &Arc<Signature>,
    link: Arc<Link>,
) -> Result<(), String> {
    let function = FunctionName::from_wit(name).map_err(|error| error.to_string())?;
    let endpoint = Endpoint {
        interface: Some(interface.clone()),
        function,
    };
    let mut instance = linker.instance(import).map_err(|error| error.to_string())?;
    let gives_streams = signature.gives_streams();
    let defined = match signature.is_async() {
        false => import::define(&mut instance, name, signature, move |store, arguments| {
            let caller = Caller::only(store.data(), store.data().outbox());
            Box::new(call(caller, link.clone(), endpoint.clone(), arguments))
        }),
        true => import::define_concurrent(
            &mut instance,
            name,
            signature,
            move |mut store, arguments| {
                let caller = Guest::caller(store.as_context_mut());
                let (arguments, streams) = match outward(store, arguments) {
                    Ok(sent) => sent,
                    Err(error) => return Box::pin(async move { Err(error) }),
                };
                let (link, endpoint) = (link.clone(), endpoint.clone());
                let sent = Sent {
                    arguments,
                    streams,
                    gives_streams,
                };
                Box::pin(call_with(caller, link, endpoint, sent))
            },
        ),
    };
    defined.map_err(|error| error.to_string())
}

/// Sends the streams of the arguments on their way.
fn outward(
    mut store: StoreContextMut<'_, Guest>,
    arguments: Lifted,
) -> wasmtime::Result<(Vec<u8>, Vec<Reader>)> {
    let (arguments, flows) = arguments.into_parts();
    let mut readers = Vec::with_capacity(flows.len());
    for flow in flows {
        let (writer, reader) = pipe(WINDOW_BYTES);
        let (outlet, _) = Outlet::new(writer, store.data().life().clone(), None);
        flow.send(store.as_context_mut(), outlet)?;
        readers.push(reader);
    }
    Ok((arguments, readers))
}

async fn call(
    caller: Caller,
    link: Arc<Link>,
    endpoint: Endpoint,
    arguments: Vec<u8>,
) -> wasmtime::Result<Vec<u8>> {
    let sent = Sent {
        arguments,
        streams: Vec::new(),
        gives_streams: false,
    };
    Ok(call_with(caller, link, endpoint, sent).await?.bytes)
}

/// What is sent, and what may come back.
struct Sent {
    arguments: Vec<u8>,
    streams: Vec<Reader>,
    /// Whether the result has streams, be they whole values of who knows none.
    gives_streams: bool,
}

async fn call_with(
    caller: Caller,
    link: Arc<Link>,
    endpoint: Endpoint,
    sent: Sent,
) -> wasmtime::Result<Returned> {
    let way = caller.way();
    let reply = way.call_with(&link, endpoint, sent.arguments.into(), sent.streams.into());
    match reply.await {
        Ok(reply) => Ok(Returned {
            // Taken over, not copied: nobody else has the reply.
            bytes: reply.payload.into(),
            inlets: sent.gives_streams.then(|| Inlets {
                streams: reply.streams.into(),
                source: Encoding::MessagePack,
                fail: caller.breaker(link.to.as_str()),
                hold: None,
            }),
        }),
        Err(error) => {
            let failure = CallFailed::of(link.to.as_str(), error);
            caller.fail(failure).await
        }
    }
}

impl CallFailed {
    pub(super) fn of(target: &str, error: CallError) -> Self {
        Self {
            target: target.to_owned(),
            error,
        }
    }

    /// How the call ended.
    pub fn error(&self) -> &CallError {
        &self.error
    }
}
