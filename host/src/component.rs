//! A component as the lattice sees it: what can be called, and what it imports.

use std::collections::{BTreeMap, HashMap};

use lattice_protocol::error::{CallError, ErrorCode};
use lattice_protocol::interface::{Endpoint, FunctionName, Interface};
use lattice_protocol::standard::http;
use lattice_protocol::standard::keyvalue::{Heard, WATCHER};
use wasmtime::Engine;
use wasmtime::component::types::{ComponentFunc, ComponentInstance, ComponentItem};
use wasmtime::component::{Component, ComponentExportIndex};

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
/// What a call of a program takes and gives: more arguments, and the exit code if it is not 0.
const RUN_SIGNATURE: &str = "run: func(args: list<string>) -> result<_, u8>";
/// The versions of the watcher: their functions are alike.
const WATCHER_VERSIONS: [&str; 2] = ["@0.2.0-draft", "@0.2.0-draft2"];
/// What its functions take; a bucket travels as the name of the link that it is behind.
const ON_SET_SIGNATURE: &str = "func(bucket: string, key: string, value: list<u8>)";
const ON_DELETE_SIGNATURE: &str = "func(bucket: string, key: string)";
/// How many endpoints an error lists.
const LISTED_MAX: usize = 16;
/// How many functions a refusal of all of them explains: one reason is most often the reason of all.
const REASONS_MAX: usize = 4;

/// Nothing that a component exports can be called.
#[derive(Debug, thiserror::Error)]
#[error("nothing that the component exports can be called: {0}")]
pub struct Uncallable(String);

/// What answers an endpoint.
pub enum Callable {
    /// A function of the component.
    Function {
        /// Its place in the component.
        index: ComponentExportIndex,
        /// Its signature, and the way in and out of it.
        export: Export,
    },
    /// `wasi:cli/run.run`: a call is a run of the program, from its start to its exit code.
    Program {
        /// Its place in the component.
        index: ComponentExportIndex,
        /// The way in and out of it.
        export: Export,
    },
    /// A function of `wasi:keyvalue/watcher`: its bucket is a handle.
    Watcher {
        /// Its place in the component.
        index: ComponentExportIndex,
        /// Which of the two.
        heard: Heard,
    },
    /// `wasi:http/incoming-handler.handle`, or `wasi:http/handler.handle`: bridged, as requests are
    /// resources.
    Http,
}

/// Something that can be called.
pub struct Exported {
    /// Its name, in full.
    pub endpoint: Endpoint,
    /// What answers it.
    pub callable: Callable,
    /// Its number among all, by name.
    pub number: usize,
}

/// Everything that can be called: the same for all actors of a component, which share it.
#[derive(Default)]
pub struct Exports {
    callables: HashMap<Endpoint, Exported>,
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

    fn insert(&mut self, endpoint: Endpoint, callable: Callable) {
        self.shorten(&endpoint);
        self.name(endpoint, callable);
    }

    fn shorten(&mut self, endpoint: &Endpoint) {
        let endpoints = self.short.entry(endpoint.function.clone()).or_default();
        endpoints.push(endpoint.clone());
    }

    fn name(&mut self, endpoint: Endpoint, callable: Callable) {
        let exported = Exported {
            endpoint: endpoint.clone(),
            callable,
            number: 0,
        };
        self.callables.insert(endpoint, exported);
    }

    /// The full names of all, in the order of their numbers.
    pub fn names(&self) -> Vec<String> {
        let mut names: Vec<_> = self.callables.keys().map(ToString::to_string).collect();
        names.sort();
        names
    }

    /// What answers `endpoint`, in the full or the short form.
    pub fn resolve(&self, endpoint: &Endpoint) -> Result<&Callable, CallError> {
        self.find(endpoint).map(|exported| &exported.callable)
    }

    /// What `endpoint` names, in the full or the short form.
    pub fn find(&self, endpoint: &Endpoint) -> Result<&Exported, CallError> {
        if let Some(exported) = self.callables.get(endpoint) {
            return Ok(exported);
        }
        if endpoint.interface.is_none() {
            match self.short.get(&endpoint.function).map(Vec::as_slice) {
                Some([one]) => {
                    if let Some(exported) = self.callables.get(one) {
                        return Ok(exported);
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
        let mut known = self.names();
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

    /// Refuses a component that exports functions of which none can ever be called, with why.
    pub fn check(&self) -> Result<(), Uncallable> {
        if !self.callables.is_empty() || self.refused.is_empty() {
            return Ok(());
        }
        let mut reasons: Vec<_> = self.refused.values().cloned().collect();
        let more = reasons.len().saturating_sub(REASONS_MAX);
        reasons.truncate(REASONS_MAX);
        if more > 0 {
            reasons.push(format!("and {more} more functions"));
        }
        Err(Uncallable(reasons.join("; ")))
    }

    /// Every endpoint with its signature; those that can't be called say why.
    pub fn describe(&self) -> BTreeMap<String, String> {
        let callable = self.callables.iter().map(|(endpoint, exported)| {
            let signature = match &exported.callable {
                Callable::Function { export, .. } => export.signature().to_string(),
                Callable::Program { .. } => RUN_SIGNATURE.to_owned(),
                Callable::Watcher {
                    heard: Heard::Set, ..
                } => ON_SET_SIGNATURE.to_owned(),
                Callable::Watcher { .. } => ON_DELETE_SIGNATURE.to_owned(),
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

    /// Whether it hears of changes in a bucket.
    pub fn is_watcher(&self) -> bool {
        self.callables
            .values()
            .any(|exported| matches!(exported.callable, Callable::Watcher { .. }))
    }

    /// Whether it serves HTTP requests.
    pub fn serves_http(&self) -> bool {
        self.callables
            .values()
            .any(|exported| matches!(exported.callable, Callable::Http))
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
