//! A component as the lattice sees it: what can be called, and what it imports.

mod imports;
mod walk;

use std::collections::{BTreeMap, HashMap};

use lattice_protocol::error::{CallError, ErrorCode};
use lattice_protocol::interface::{Endpoint, FunctionName, InterfacePattern};
use lattice_protocol::standard::keyvalue::Heard;
use wasmtime::component::ComponentExportIndex;

pub use self::imports::{Import, imports};
use crate::wire::Export;

/// What a call of a program takes and gives: more arguments, and the exit code if it is not 0.
const RUN_SIGNATURE: &str = "run: func(args: list<string>) -> result<_, u8>";
/// What a watcher's functions take; a bucket travels as the name of the link that it is behind.
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

    /// Whether something of it answers a link with this key.
    pub fn answers(&self, link: &InterfacePattern) -> bool {
        let mut interfaces = self.callables.keys().filter_map(|e| e.interface.as_ref());
        interfaces.any(|interface| link.covers(interface))
    }

    /// The first functions that can't be called, with why, and how many more there are.
    pub fn uncallable(&self) -> (BTreeMap<&str, &str>, usize) {
        let first = self.refused.iter().take(REASONS_MAX);
        let first = first.map(|(endpoint, reason)| (endpoint.as_str(), reason.as_str()));
        let more = self.refused.len().saturating_sub(REASONS_MAX);
        (first.collect(), more)
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
