//! A component as the lattice sees it: what can be called, and what it imports.

use std::collections::{BTreeMap, HashMap};

use lattice_protocol::error::{CallError, ErrorCode};
use lattice_protocol::interface::{Endpoint, FunctionName, Interface};
use lattice_protocol::standard::http;
use wasmtime::Engine;
use wasmtime::component::types::{ComponentFunc, ComponentInstance, ComponentItem};
use wasmtime::component::{Component, ComponentExportIndex};

use crate::wire::{Export, Signature};

/// The version of `wasi:http` whose requests the host can hand over.
const HTTP_VERSION: &str = "@0.2.";
/// How many endpoints an error lists.
const LISTED_MAX: usize = 16;

/// What answers an endpoint.
pub enum Callable {
    /// A function of the component.
    Function {
        /// Its place in the component.
        index: ComponentExportIndex,
        /// Its signature, and the way in and out of it.
        export: Export,
    },
    /// `wasi:http/incoming-handler.handle`: bridged, as requests are resources.
    Http,
}

/// Everything that can be called.
#[derive(Default)]
pub struct Exports {
    callables: HashMap<Endpoint, Callable>,
    /// The endpoints behind each short form.
    short: HashMap<FunctionName, Vec<Endpoint>>,
    /// Functions that can't be called over the wire, with the reason.
    refused: BTreeMap<String, String>,
}

impl Exports {
    /// Walks the component's exports.
    pub fn of(engine: &Engine, component: &Component) -> Self {
        let mut exports = Self::default();
        for (name, item) in component.component_type().exports(engine) {
            match item.ty {
                ComponentItem::ComponentFunc(ty) => {
                    let index = component.get_export_index(None, name);
                    exports.function(None, name, index, &ty);
                }
                ComponentItem::ComponentInstance(ty) => {
                    exports.interface(engine, component, name, &ty);
                }
                _ => {}
            }
        }
        exports
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
        if interface.as_str() == http::INTERFACE && name.contains(HTTP_VERSION) {
            return self.http(interface);
        }
        let instance = component.get_export_index(None, name);
        for (function, item) in ty.exports(engine) {
            if let ComponentItem::ComponentFunc(ty) = item.ty {
                let index = component.get_export_index(instance.as_ref(), function);
                self.function(Some(&interface), function, index, &ty);
            }
        }
    }

    fn function(
        &mut self,
        interface: Option<&Interface>,
        name: &str,
        index: Option<ComponentExportIndex>,
        ty: &ComponentFunc,
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
                self.insert(endpoint, Callable::Function { index, export });
            }
            Err(unsupported) => {
                self.refused
                    .insert(endpoint.to_string(), unsupported.to_string());
            }
        }
    }

    fn http(&mut self, interface: Interface) {
        if let Ok(function) = FunctionName::from_wit(http::HANDLE) {
            self.insert(
                Endpoint {
                    interface: Some(interface),
                    function,
                },
                Callable::Http,
            );
        }
    }

    fn insert(&mut self, endpoint: Endpoint, callable: Callable) {
        self.short
            .entry(endpoint.function.clone())
            .or_default()
            .push(endpoint.clone());
        self.callables.insert(endpoint, callable);
    }

    /// What answers `endpoint`, in the full or the short form.
    pub fn resolve(&self, endpoint: &Endpoint) -> Result<&Callable, CallError> {
        if let Some(callable) = self.callables.get(endpoint) {
            return Ok(callable);
        }
        if endpoint.interface.is_none() {
            match self.short.get(&endpoint.function).map(Vec::as_slice) {
                Some([one]) => {
                    if let Some(callable) = self.callables.get(one) {
                        return Ok(callable);
                    }
                }
                Some(several) => return Err(ambiguous(endpoint, several)),
                None => {}
            }
        }
        Err(self.unknown(endpoint))
    }

    fn unknown(&self, endpoint: &Endpoint) -> CallError {
        if let Some(reason) = self.refused.get(&endpoint.to_string()) {
            return CallError::refused(ErrorCode::NotFound, reason.clone());
        }
        let mut known: Vec<_> = self.callables.keys().map(ToString::to_string).collect();
        known.sort();
        let more = known.len().saturating_sub(LISTED_MAX);
        known.truncate(LISTED_MAX);
        let mut message = format!("no function {endpoint}; there is {}", known.join(", "));
        if known.is_empty() {
            message = format!("no function {endpoint}: the component exports none");
        }
        if more > 0 {
            message.push_str(&format!(" and {more} more"));
        }
        CallError::refused(ErrorCode::NotFound, message)
    }

    /// Every endpoint with its signature; those that can't be called say why.
    pub fn describe(&self) -> BTreeMap<String, String> {
        let callable = self.callables.iter().map(|(endpoint, callable)| {
            let signature = match callable {
                Callable::Function { export, .. } => export.signature().to_string(),
                Callable::Http => "an HTTP request to an HTTP response".to_owned(),
            };
            (endpoint.to_string(), signature)
        });
        let refused = self
            .refused
            .iter()
            .map(|(e, reason)| (e.clone(), format!("refused: {reason}")));
        callable.chain(refused).collect()
    }

    /// Whether it serves HTTP requests.
    pub fn serves_http(&self) -> bool {
        self.callables
            .values()
            .any(|callable| matches!(callable, Callable::Http))
    }
}

fn ambiguous(endpoint: &Endpoint, several: &[Endpoint]) -> CallError {
    let mut names: Vec<_> = several.iter().map(ToString::to_string).collect();
    names.sort();
    CallError::refused(
        ErrorCode::BadRequest,
        format!(
            "{endpoint} is in several interfaces: call one of {}",
            names.join(", ")
        ),
    )
}

/// An interface that a component wants answered.
pub struct Import {
    /// As the component spells it, with its version.
    pub name: String,
    /// Without its version; none for a bare function.
    pub interface: Option<Interface>,
    /// Its items, if it is an interface.
    pub instance: Option<ComponentInstance>,
}

/// Everything that a component imports.
pub fn imports(engine: &Engine, component: &Component) -> Vec<Import> {
    component
        .component_type()
        .imports(engine)
        .map(|(name, item)| Import {
            name: name.to_owned(),
            interface: Interface::from_wit(name).ok(),
            instance: match item.ty {
                ComponentItem::ComponentInstance(instance) => Some(instance),
                _ => None,
            },
        })
        .collect()
}
