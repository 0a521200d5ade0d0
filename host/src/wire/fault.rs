//! How a call into a guest ends when it doesn't end well.

use std::fmt;

use lattice_protocol::codec;

/// Why a call gave no result. After any of these the store is in the middle of a call: drop it.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// The arguments don't fit the parameters: the caller's fault, and none of the function ran.
    #[error("{0}")]
    BadArguments(codec::Error),
    /// The guest returned something that is no value of its result's type.
    #[error("{0}")]
    BadResult(codec::Error),
    /// The guest trapped, or the store wouldn't go on.
    #[error("{0:#}")]
    Trap(wasmtime::Error),
}

impl Fault {
    pub(super) fn from_call(error: wasmtime::Error) -> Self {
        let error = match error.downcast::<Misfit<Argument>>() {
            Ok(misfit) => return Self::BadArguments(misfit.0),
            Err(error) => error,
        };
        match error.downcast::<Misfit<Returned>>() {
            Ok(misfit) => Self::BadResult(misfit.0),
            Err(error) => Self::Trap(error),
        }
    }
}

/// Why a walk over a value stopped: the value doesn't fit, or the guest (its allocator) trapped.
#[derive(Debug)]
pub(super) enum Stop {
    Misfit(codec::Error),
    Trap(wasmtime::Error),
}

impl Stop {
    /// Adds a step to the path of a misfit.
    pub(super) fn at(self, step: impl FnOnce(codec::Error) -> codec::Error) -> Self {
        match self {
            Self::Misfit(error) => Self::Misfit(step(error)),
            trap => trap,
        }
    }

    /// Carries a misfit through wasmtime. `side` tells whose value it was: an outer call must not take
    /// the fault of an import's answer for a fault of its own arguments.
    pub(super) fn into_error<S: Side>(self) -> wasmtime::Error {
        match self {
            Self::Misfit(error) => {
                wasmtime::Error::new(Misfit::<S>(error, std::marker::PhantomData))
            }
            Self::Trap(error) => error,
        }
    }
}

impl From<codec::Error> for Stop {
    fn from(error: codec::Error) -> Self {
        Self::Misfit(error)
    }
}

impl From<wasmtime::Error> for Stop {
    fn from(error: wasmtime::Error) -> Self {
        Self::Trap(error)
    }
}

/// Whose value a misfit is about.
pub(super) trait Side: fmt::Debug + Send + Sync + 'static {
    const WHAT: &'static str;
}

macro_rules! sides {
    ($($(#[$doc:meta])* $side:ident = $what:literal;)*) => {
        $($(#[$doc])* #[derive(Debug)] pub(super) struct $side;
        impl Side for $side { const WHAT: &'static str = $what; })*
    };
}
sides! {
    /// What a caller passes to an export.
    Argument = "";
    /// What an export returned.
    Returned = "";
    /// What a guest passes to an import.
    Passed = "guest passed an invalid value: ";
    /// What the target of an import replied.
    Replied = "reply does not fit the import: ";
}

#[derive(Debug)]
struct Misfit<S>(codec::Error, std::marker::PhantomData<S>);

impl<S: Side> fmt::Display for Misfit<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", S::WHAT, self.0)
    }
}

impl<S: Side> std::error::Error for Misfit<S> {}
