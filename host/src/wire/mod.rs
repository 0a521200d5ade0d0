//! Values between the wire and guest memory, straight, driven by the component's own types.
//!
//! Wasmtime's dynamic `Val` costs 40 bytes and some 30 ns for each byte of a `list<u8>`. Here a
//! payload's MessagePack is written into guest memory as it is read, and a result is read from guest
//! memory as it is written, with nothing in between. For that the module implements wasmtime's traits
//! `Lower` and `Lift` by hand, for types that say nothing themselves and follow the function's types.
//! Those traits are public but not covered by semver: the minor version of wasmtime is pinned, and a
//! property test compares every type with `Val`.
//!
//! A guest is hostile: pointers, lengths and discriminants it returns are checked before use, text is
//! checked to be UTF-8, and all it hands out is charged to the store's hostcall fuel.
//!
//! In reading order:
//! - [`Signature`]: a function's parameters and result, as text and as far as they can travel.
//! - [`Export`]: calls a guest's function. [`Fault`]: how that ends when it doesn't end well.
//! - [`Started`]: one of several calls in one instance, before which `check` walks the arguments.
//! - [`import::define`]: answers a function that a guest imports.
//! - [`flow`]: streams and futures, which come and go beside the values.
//! - `lower`: from MessagePack into the guest; `lift`: the other way; `place`: where a value stands.

mod check;
mod concurrent;
mod export;
mod fault;
pub mod flow;
pub mod import;
mod lift;
mod lower;
mod place;
mod signature;
mod text;

#[cfg(test)]
mod hostile_test;
#[cfg(test)]
mod import_test;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod val;
#[cfg(test)]
mod wire_test;

pub use concurrent::Started;
pub use export::Export;
pub use fault::Fault;
pub use signature::{Signature, Unsupported};

use std::mem::MaybeUninit;

use wasmtime::component::__internal::wasmtime_environ::component::TypeTuple;
use wasmtime::component::__internal::{
    CanonicalAbiInfo, ComponentTypes, InterfaceType, LiftContext,
};
use wasmtime::{ValRaw, bail};

/// The most parameters that are passed flat; more are passed through memory.
const FLAT_PARAMS_MAX: usize = 16;
/// The most results that are returned flat.
const FLAT_RESULTS_MAX: usize = 1;

/// The flat count of what is passed through memory: one more than fits.
const SPILLED: usize = FLAT_PARAMS_MAX + 1;

/// Wasmtime wants to know at compile time how many core values are passed, so there is one piece of
/// code for each possible number: `$apply!` with the count that is found at run time.
macro_rules! by_flat_count {
    ($count:expr, $apply:ident) => {
        by_flat_count!(@ $count, $apply, 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16)
    };
    (@ $count:expr, $apply:ident, $($n:literal)*) => {
        match $count {
            $(Some($n) => $apply!($n),)*
            _ => $apply!(SPILLED),
        }
    };
}
use by_flat_count;

/// The room that values start with: most are no larger, and are then allocated once.
const SMALL_BYTES: usize = 64;

/// Whether a value of this type can be nil on the wire. Around such a type an option writes its value
/// as an array of one, so that `some(none)` and `none` differ.
fn can_be_nil(ty: InterfaceType) -> bool {
    matches!(ty, InterfaceType::Option(_))
}

/// A resource or error-context, or a stream where none can be: `Signature` refuses functions that have one.
fn cannot_travel() -> fault::Stop {
    lattice_protocol::codec::Error::new("this type can't cross a link").into()
}

/// What wasmtime is told of a type that isn't known at compile time: no size. Places in memory are
/// worked out from the function's own types.
const ABI: CanonicalAbiInfo = CanonicalAbiInfo::ZERO;

/// Parameters and results come as tuples.
fn tuple<'t>(ty: &InterfaceType, types: &'t ComponentTypes) -> wasmtime::Result<&'t TypeTuple> {
    match ty {
        InterfaceType::Tuple(index) => Ok(&types[*index]),
        _ => bail!("expected a tuple of parameters or results"),
    }
}

/// The type of a result, if there is one.
fn at_most_one(results: &TypeTuple) -> wasmtime::Result<Option<InterfaceType>> {
    match *results.types {
        [] => Ok(None),
        [ty] => Ok(Some(ty)),
        _ => bail!("a function has at most one result"),
    }
}

/// The offset of values in memory. The slice is empty, since the size isn't known at compile time; it
/// still tells the place, which wasmtime checked.
fn offset_of(cx: &LiftContext<'_>, bytes: &[u8]) -> wasmtime::Result<usize> {
    match (bytes.as_ptr() as usize).checked_sub(cx.memory().as_ptr() as usize) {
        Some(offset) => Ok(offset),
        None => bail!("values are not in memory"),
    }
}

/// An array that isn't initialised, as an array of what isn't initialised.
fn slots<const N: usize>(array: &mut MaybeUninit<[ValRaw; N]>) -> &mut [MaybeUninit<ValRaw>; N] {
    // SAFETY: both have the same layout, and neither promises that anything is initialised.
    unsafe { &mut *std::ptr::from_mut(array).cast() }
}
