//! Memory of the key-value provider at rest, and when it has used 10,000 buckets.
//!
//! Connections have no counterpart here: whoever calls, the calls come over the one connection to NATS.
//! What grows with its users is how many buckets they name, each a JetStream stream that it opens: it
//! keeps the handles of the 1,024 that were used last.

use std::time::Duration;

use anyhow::ensure;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use lattice_protocol::subject;
use serde_json::json;

use super::Bench;
use crate::figure::{Figure, Target, Unit};
use crate::report::Report;
use crate::usage::resident_kib;
use crate::world::World;

const BUCKETS: u32 = 10_000;
/// How many are made at a time.
const AT_A_TIME: usize = 32;
/// How long the provider is left alone before it is looked at.
const REST: Duration = Duration::from_secs(3);

pub(super) async fn run(bench: &Bench) -> anyhow::Result<Report> {
    let world = World::start(bench).await?;
    let host = world.host(bench).await?;
    // In the server's memory: ten thousand streams in files would measure its disk.
    let config = "config = { backend = \"nats\", storage = \"memory\" }";
    let manifest = format!("name = \"bench\"\n[provider.kv]\nkind = \"keyvalue\"\n{config}\n");
    world.apply(manifest).await?;
    let client = world.plain().await?;
    let endpoint = "bucket.set".parse()?;
    let subject = subject::call(world.client().lattice(), &"kv".parse()?, &endpoint).into_string();
    let set = async |bucket: u32| -> anyhow::Result<()> {
        let arguments = json!([format!("b{bucket}"), "k", [118]]).to_string();
        let reply = client.request(subject.clone(), arguments.into()).await?;
        let is_done = reply.payload == r#"{"ok":null}"#;
        ensure!(is_done, "{:?} {:?}", reply.headers, reply.payload);
        Ok(())
    };
    let provider = world.provider_pid("kv").await?;
    set(0).await?;
    tokio::time::sleep(REST).await;
    let (at_rest, _) = resident_kib(provider)?;
    let all = stream::iter((1..=BUCKETS).map(&set));
    let all = all.buffer_unordered(AT_A_TIME);
    all.try_collect::<()>().await?;
    tokio::time::sleep(REST).await;
    let (with_all, _) = resident_kib(provider)?;
    let mebibytes =
        |what: String, kib: f64| Figure::plain(what, Unit::Mebibytes, kib / 1024.0, Target::None);
    let mut report = Report::default();
    report.add([
        mebibytes("key-value provider at rest, RSS".to_owned(), at_rest),
        mebibytes(
            format!("the same when {BUCKETS} buckets were used"),
            with_all,
        ),
    ]);
    host.stop().await;
    Ok(report)
}
