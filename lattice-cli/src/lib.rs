//! The command line of a lattice, and the one binary that carries every role.
//!
//! The only crate that prints. It decides nothing: what is declared is checked by `lattice-config`
//! and carried out by hosts; a command asks for it in one control request.
//!
//! In reading order:
//! - [`cli`]: the command line as it is read;
//! - [`command`]: the commands, one file each; `up` is a folder;
//! - [`connection`]: where the lattice is;
//! - `project`: a manifest with its files, pushed and resolved;
//! - `build`, `toolchain`: from sources to components;
//! - `settle`: waits until what was declared runs;
//! - [`inline`]: the providers of this program, as tasks of a host;
//! - [`nats_server`]: found or fetched, started and stopped (the tests use it too);
//! - [`process`], `logging`: being and having processes; `private`: files of their owner only;
//! - [`ui`]: what people and pipes see;
//! - [`exit`]: errors as one line and a number.

mod build;
pub mod cli;
pub mod command;
mod component;
pub mod connection;
pub mod exit;
pub mod inline;
mod logging;
pub mod nats_server;
mod present;
mod private;
pub mod process;
mod project;
mod settle;
mod toolchain;
pub mod ui;
