//! Counters that are held in the hand, and how they are read.
//!
//! - [`family`]: every metric there is, with its words;
//! - [`Histogram`]: how long things take;
//! - [`Meter`]: the calls of one function; [`Errors`], [`Ways`]: counts by code and by way;
//! - [`ActorCounts`]: what an actor does beside;
//! - [`Registry`]: whatever has metrics, found when somebody reads;
//! - [`Samples`]: what was read;
//! - [`text`]: the same for Prometheus;
//! - `process`: the process itself.

mod actor;
pub mod family;
mod histogram;
mod meter;
mod process;
mod registry;
mod samples;
pub mod text;

pub use actor::ActorCounts;
pub use family::Family;
pub(crate) use histogram::bounds_s;
pub use histogram::{BOUNDS_NS, Histogram, Snapshot};
pub use meter::{Callee, Errors, Meter, Ways};
pub(crate) use process::Process;
pub use registry::{Registry, Source};
pub use samples::{Sample, Samples, Value};
