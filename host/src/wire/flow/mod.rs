//! Streams and futures of a function's types, between the lattice's pipes and a guest.
//!
//! A value refers to a stream by its number. Into a guest goes an end that a [`pipe`](Inlets) feeds; out
//! of a guest comes one ([`Outward`]) that is emptied into a pipe ([`Outlet`]). The elements of a
//! `stream<u8>` are the pipe's bytes, those of others go as `lattice_protocol::codec::elements` says, each
//! straight between MessagePack and guest memory like any value.
//!
//! WIT has no word for a stream that broke off: a guest which reads one sees it end, or go on. So the
//! reader of a stream that fails sees neither, and its call ends ([`Fail`]). And a guest's stream has
//! ended when the guest let go of it while it was alive ([`Life`]): what a guest that trapped, or was
//! dropped, leaves behind never looks whole.

mod inlet;
mod life;
mod lifted;
mod outlet;
mod value;

use wasmtime::component::types::Type;

pub(super) use inlet::lower_result;
pub use inlet::{Fail, Inlets};
pub use life::Life;
pub use lifted::{Kind, Lifted, Outward};
pub use outlet::{Outlet, Valve};

/// How long a call has its streams: as long as somebody holds one of these.
pub type Hold = tokio::sync::mpsc::Sender<()>;

/// How many elements cross at once that have a fixed size, and how many that may be large: each up to
/// the longest chunk.
const SCALARS_AT_ONCE: usize = 1024;
const VALUES_AT_ONCE: usize = 16;

/// What a stream or future carries.
#[derive(Debug, Clone)]
pub(super) enum Carried {
    /// Bytes.
    Bytes,
    /// Values of this type.
    Values(Type),
    /// One value of this type.
    Value(Type),
}

impl Carried {
    /// What a value of this type carries beside itself; none if it is a plain value.
    pub(super) fn of(ty: &Type) -> Option<Self> {
        match ty {
            Type::Stream(stream) => match stream.ty()? {
                Type::U8 => Some(Self::Bytes),
                ty => Some(Self::Values(ty)),
            },
            Type::Future(future) => future.ty().map(Self::Value),
            _ => None,
        }
    }
}

fn at_once(ty: &Type) -> usize {
    match ty {
        Type::Bool
        | Type::Char
        | Type::S8
        | Type::U16
        | Type::S16
        | Type::U32
        | Type::S32
        | Type::U64
        | Type::S64
        | Type::Float32
        | Type::Float64
        | Type::Enum(_) => SCALARS_AT_ONCE,
        _ => VALUES_AT_ONCE,
    }
}
