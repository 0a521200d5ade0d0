//! What is measured: a table of rows, each in a file of its own.

mod abandon;
mod auth;
mod buckets;
mod call;
mod counter;
mod hello;
mod inline;
mod instantiate;
mod interrupt;
mod keyvalue;
mod lattice;
mod link;
mod many;
mod open;
mod peers;
mod rate;
mod rest;
mod start;
mod stream;

use std::path::PathBuf;

use anyhow::{Context as _, ensure};
use bytes::Bytes;
use lattice_cli::nats_server;
use lattice_cli::ui::Progress;

use crate::cli::Cli;
use crate::guest::Guests;
use crate::measure::Plan;
use crate::report::Report;

/// One row, or a few that belong together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Row {
    /// A NATS client calls an echo actor.
    Call,
    /// An actor calls another one of the same host.
    Link,
    /// A new instance and a call, in the host's own call path.
    Instantiate,
    /// One more actor on a running host.
    Start,
    /// HTTP hello through a separate provider.
    Hello,
    /// The same at a fixed rate.
    Rate,
    /// HTTP hello with the provider in the host's process.
    Inline,
    /// Memory of the HTTP provider with 10,000 connections that ask nothing.
    Open,
    /// A value read or written by an actor, in JetStream KV and Redis.
    Keyvalue,
    /// Memory of the key-value provider with 10,000 buckets.
    Buckets,
    /// An HTTP counter over JetStream KV and Redis.
    Counter,
    /// Memory at rest and of idle actors; scaling.
    Rest,
    /// Ten thousand actors on one host.
    Many,
    /// A large lattice, simulated: its plan and its control traffic.
    Lattice,
    /// How punctually a guest that never returns is stopped.
    Interrupt,
    /// Memory before and after callers that go away.
    Abandon,
    /// A large body there and back over HTTP.
    Stream,
    /// A token service beside its twin for Node.js.
    Auth,
}

impl Row {
    /// Every row, in the order of the table.
    pub(crate) const ALL: &[Self] = &[
        Self::Call,
        Self::Link,
        Self::Instantiate,
        Self::Hello,
        Self::Inline,
        Self::Rate,
        Self::Open,
        Self::Keyvalue,
        Self::Buckets,
        Self::Counter,
        Self::Start,
        Self::Rest,
        Self::Many,
        Self::Interrupt,
        Self::Abandon,
        Self::Stream,
        Self::Auth,
        Self::Lattice,
    ];

    pub(crate) async fn run(self, bench: &Bench) -> anyhow::Result<Report> {
        match self {
            Self::Call => call::run(bench).await,
            Self::Link => link::run(bench).await,
            Self::Instantiate => instantiate::run(bench).await,
            Self::Start => start::run(bench).await,
            Self::Hello => hello::run(bench).await,
            Self::Inline => inline::run(bench).await,
            Self::Open => open::run(bench).await,
            Self::Keyvalue => keyvalue::run(bench).await,
            Self::Buckets => buckets::run(bench).await,
            Self::Rate => rate::run(bench).await,
            Self::Counter => counter::run(bench).await,
            Self::Rest => rest::run(bench).await,
            Self::Many => many::run(bench).await,
            Self::Lattice => lattice::run(bench).await,
            Self::Interrupt => interrupt::run(bench).await,
            Self::Abandon => abandon::run(bench).await,
            Self::Stream => stream::run(bench).await,
            Self::Auth => auth::run(bench).await,
        }
    }
}

/// What every row needs.
pub(crate) struct Bench {
    /// The `lattice` binary.
    pub(crate) lattice: PathBuf,
    /// The server's binary.
    pub(crate) nats_server: PathBuf,
    /// The components.
    pub(crate) guests: Guests,
    /// How long and how often.
    pub(crate) plan: Plan,
}

impl Bench {
    pub(crate) async fn prepare(cli: &Cli) -> anyhow::Result<Self> {
        let program = std::env::current_exe().context("failed to find this program")?;
        let lattice = program.with_file_name("lattice");
        ensure!(
            lattice.is_file(),
            "there is no {}: build it with `cargo build --release`",
            lattice.display()
        );
        Ok(Self {
            lattice,
            nats_server: nats_server::find(&Progress::new()).await?,
            guests: Guests::build().await?,
            plan: Plan::of(cli),
        })
    }
}

/// How long a sandbox lives, as a manifest says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// For one call.
    Fresh,
    /// For many.
    Reuse,
}

impl Mode {
    const ALL: [Self; 2] = [Self::Fresh, Self::Reuse];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Fresh => "fresh",
            Self::Reuse => "reuse",
        }
    }
}

/// One argument of bytes, as MessagePack.
fn one_argument(bytes: usize) -> anyhow::Result<Bytes> {
    let mut payload = Vec::with_capacity(bytes + 8);
    rmp::encode::write_array_len(&mut payload, 1)?;
    rmp::encode::write_bin(&mut payload, &vec![b'x'; bytes])?;
    Ok(payload.into())
}
