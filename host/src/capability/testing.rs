//! Imports that a test answers itself.

use lattice_protocol::error::CallError;
use wasmtime::component::Component;
use wasmtime::component::types::ComponentItem;

use super::linked::CallFailed;
use super::{Guest, Imports, Linked, Waiting};
use crate::wire::{Signature, import};

/// The answer to one call of an import: MessagePack in, MessagePack out.
pub(crate) type Reply = std::pin::Pin<Box<dyn Future<Output = Result<Vec<u8>, CallError>> + Send>>;

/// Links a component whose async functions of `interface` are answered by `answer`.
pub(crate) fn link(
    imports: &Imports,
    component: &Component,
    interface: &str,
    answer: fn(Vec<u8>) -> Reply,
) -> Linked {
    let engine = component.engine();
    let mut linker = imports.fitting(component).unwrap().clone();
    let ty = component.component_type();
    let found = ty.get_import(engine, interface).map(|import| import.ty);
    let Some(ComponentItem::ComponentInstance(instance)) = found else {
        panic!("no import {interface}");
    };
    for (name, item) in instance.exports(engine) {
        let ComponentItem::ComponentFunc(ty) = item.ty else {
            continue;
        };
        let signature = std::sync::Arc::new(Signature::new(name, &ty).unwrap());
        let mut functions = linker.instance(interface).unwrap();
        import::define_concurrent(&mut functions, name, &signature, move |store, arguments| {
            let caller = Guest::caller(store);
            Box::pin(async move {
                match answer(arguments.into_bytes()).await {
                    Ok(reply) => Ok(reply.into()),
                    Err(error) => caller.fail(CallFailed::of("the test", error)).await,
                }
            })
        })
        .unwrap();
    }
    Linked {
        pre: linker.instantiate_pre(component).unwrap(),
        waiting: Waiting::Alone,
    }
}
