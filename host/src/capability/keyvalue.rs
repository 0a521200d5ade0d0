//! `wasi:keyvalue@0.2.0-draft` and `0.2.0-draft2`: buckets are resources here and names on the wire.
//! What a component exports of it, the watcher, is called in `actor/watcher`.
//!
//! - `ask`: what both versions ask of whoever the link leads to;
//! - `opened`: what need not be asked again;
//! - `draft`, `draft2`: each version's own types.

mod ask;
mod draft;
mod draft2;
mod opened;

use std::borrow::Cow;

use lattice_protocol::standard::keyvalue as wire;
use wasmtime::component::types::ComponentInstance;
use wasmtime::component::{HasData, Linker, Resource};

use super::Guest;
pub use opened::Opened;

/// The version of which something depends on the component.
const DRAFT2: &str = "@0.2.0-draft2";

/// An open bucket: the identifier it was opened with, which also picks the link.
#[allow(unreachable_pub, reason = "the generated bindings re-export it")]
pub struct Bucket {
    identifier: String,
}

impl Bucket {
    /// A handle that the guest is given unasked. The identifier is the name of a link, which picks it.
    pub fn handle(guest: &mut Guest, identifier: String) -> wasmtime::Result<Resource<Self>> {
        Ok(guest.table().push(Self { identifier })?)
    }
}

/// An error of the interface, or one that ends the guest.
#[allow(unreachable_pub, reason = "the generated bindings re-export it")]
pub enum Error {
    Store(wire::Error),
    Trap(wasmtime::Error),
}

impl From<wasmtime::component::ResourceTableError> for Error {
    fn from(error: wasmtime::component::ResourceTableError) -> Self {
        Self::Trap(error.into())
    }
}

type Result<T, E = Error> = std::result::Result<T, E>;

/// Defines what every component that imports it is given alike.
pub(super) fn define(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    draft::define(linker)?;
    draft2::define(linker)
}

/// Defines what depends on the component that imports it: of `draft2` the batch, whose result is spelled
/// in two ways.
pub(super) fn define_rest(
    linker: &mut Cow<'_, Linker<Guest>>,
    engine: &wasmtime::Engine,
    import: &str,
    instance: &ComponentInstance,
) -> wasmtime::Result<()> {
    match import.strip_suffix(DRAFT2) {
        Some(wire::BATCH) => draft2::define_batch(linker.to_mut(), engine, import, instance),
        _ => Ok(()),
    }
}

struct KeyValue;

impl HasData for KeyValue {
    type Data<'a> = &'a mut Guest;
}
