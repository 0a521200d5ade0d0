//! From a component's exports to what can be called.

use lattice_protocol::interface::{Endpoint, FunctionName, Interface};
use lattice_protocol::standard::http;
use lattice_protocol::standard::keyvalue::{Heard, WATCHER};
use wasmtime::Engine;
use wasmtime::component::types::{ComponentFunc, ComponentInstance, ComponentItem};
use wasmtime::component::{Component, ComponentExportIndex};

use super::{Callable, Exports};
use crate::wire::{Export, Signature};

/// The versions of handlers whose requests the host can hand over.
const INCOMING_VERSION: &str = "@0.2.";
const SERVICE_VERSION: &str = "@0.3.";
/// The handler of version 0.3; it answers under the name of the one of 0.2 as well, by which requests
/// are sent.
const SERVICE: &str = "wasi:http/handler";
/// The interface of programs: its one function takes no arguments but those of a command line.
const PROGRAM: &str = "wasi:cli/run";
const PROGRAM_VERSIONS: [&str; 2] = ["@0.2.", "@0.3."];
const RUN: &str = "run";
/// The versions of the watcher: their functions are alike.
const WATCHER_VERSIONS: [&str; 2] = ["@0.2.0-draft", "@0.2.0-draft2"];

impl Exports {
    /// Walks the component's exports.
    pub fn of(engine: &Engine, component: &Component) -> Self {
        let mut exports = Self::default();
        for (name, item) in component.component_type().exports(engine) {
            match item.ty {
                ComponentItem::ComponentFunc(ty) => {
                    let index = component.get_export_index(None, name);
                    let made = |index, export| Callable::Function { index, export };
                    exports.function(None, name, index, &ty, made);
                }
                ComponentItem::ComponentInstance(ty) => {
                    exports.interface(engine, component, name, &ty);
                }
                _ => {}
            }
        }
        exports.count();
        exports
    }

    fn count(&mut self) {
        let mut exported: Vec<_> = self.callables.values_mut().collect();
        exported.sort_by_cached_key(|exported| exported.endpoint.to_string());
        for (number, exported) in exported.into_iter().enumerate() {
            exported.number = number;
        }
    }

    fn interface(
        &mut self,
        engine: &Engine,
        component: &Component,
        name: &str,
        ty: &ComponentInstance,
    ) {
        // A toolchain may export things under names of its own: they are no interfaces.
        let Ok(interface) = Interface::from_wit(name) else {
            return;
        };
        if interface.as_str() == http::INTERFACE && name.contains(INCOMING_VERSION) {
            return self.http(interface);
        }
        if interface.as_str() == SERVICE && name.contains(SERVICE_VERSION) {
            let incoming = http::INTERFACE.parse();
            return [Ok(interface), incoming]
                .into_iter()
                .flatten()
                .for_each(|name| self.http(name));
        }
        let instance = component.get_export_index(None, name);
        if WATCHER_VERSIONS
            .iter()
            .any(|version| name.strip_suffix(version) == Some(WATCHER))
        {
            return Heard::ALL
                .iter()
                .for_each(|heard| self.watcher(component, instance.as_ref(), *heard));
        }
        let is_program = interface.as_str() == PROGRAM
            && PROGRAM_VERSIONS
                .iter()
                .any(|version| name.contains(version));
        for (function, item) in ty.exports(engine) {
            if let ComponentItem::ComponentFunc(ty) = item.ty {
                let index = component.get_export_index(instance.as_ref(), function);
                let made = match is_program && function == RUN {
                    true => |index, export| Callable::Program { index, export },
                    false => |index, export| Callable::Function { index, export },
                };
                self.function(Some(&interface), function, index, &ty, made);
            }
        }
    }

    fn function(
        &mut self,
        interface: Option<&Interface>,
        name: &str,
        index: Option<ComponentExportIndex>,
        ty: &ComponentFunc,
        made: fn(ComponentExportIndex, Export) -> Callable,
    ) {
        let (Ok(function), Some(index)) = (FunctionName::from_wit(name), index) else {
            return;
        };
        let endpoint = Endpoint {
            interface: interface.cloned(),
            function,
        };
        match Signature::new(name, ty) {
            Ok(signature) => {
                let export = Export::new(signature);
                self.insert(endpoint, made(index, export));
            }
            Err(unsupported) => {
                self.refused
                    .insert(endpoint.to_string(), unsupported.to_string());
            }
        }
    }

    fn watcher(
        &mut self,
        component: &Component,
        instance: Option<&ComponentExportIndex>,
        heard: Heard,
    ) {
        let Ok(endpoint) = heard.as_str().parse::<Endpoint>() else {
            return;
        };
        if let Some(index) = component.get_export_index(instance, endpoint.function.as_str()) {
            self.insert(endpoint, Callable::Watcher { index, heard });
        }
    }

    fn http(&mut self, interface: Interface) {
        let Ok(function) = FunctionName::from_wit(http::HANDLE) else {
            return;
        };
        let others = self.serves_http();
        let endpoint = Endpoint {
            interface: Some(interface),
            function,
        };
        // One handler, whatever its names: the short form means all of them.
        if !others {
            self.shorten(&endpoint);
        }
        self.name(endpoint, Callable::Http);
    }
}
