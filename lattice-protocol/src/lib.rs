//! The words of a lattice: names, subjects, headers, payloads and errors, as data.
//!
//! Everything that two processes must spell alike is spelled here, once. This crate does no I/O
//! and knows neither NATS nor wasmtime nor a runtime; a test holds its dependencies to that.
//!
//! In reading order:
//! - [`id`]: names and identifiers, valid by construction;
//! - [`near`]: the name that was meant by a misspelt one;
//! - [`digest`]: the content address of a component;
//! - [`interface`]: interfaces, functions and endpoints as they are named in links and subjects;
//! - [`subject`]: every NATS subject, built and read;
//! - [`permission`]: who may publish and subscribe to which of them;
//! - [`call`]: the headers of a call and of its reply;
//! - [`error`]: how a call fails;
//! - [`trace`]: W3C trace context, read and written;
//! - [`frame`]: streams, and payloads over a message's size;
//! - [`codec`]: payloads, typed by WIT, in MessagePack and JSON;
//! - [`standard`]: standard interfaces as they travel;
//! - [`control`]: what operators ask, and the answers;
//! - [`report`], [`heartbeat`]: what hosts say of themselves, and how;
//! - [`event`]: what everybody may hear;
//! - [`log`]: what guests and providers say.

pub mod call;
pub mod codec;
pub mod control;
pub mod digest;
pub mod error;
pub mod event;
pub mod frame;
pub mod heartbeat;
pub mod id;
pub mod interface;
pub mod log;
pub mod near;
pub mod permission;
pub mod report;
pub mod standard;
pub mod subject;
pub mod trace;
mod words;
