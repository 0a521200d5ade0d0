//! An HTTP counter kept in JetStream KV, by 32 connections: over many keys, and over one. The limit
//! is the store's own client, which reads and writes back by compare-and-swap until it succeeds, by
//! 32 tasks. Answers are counted, and compared with what the store has in the end. Once with the
//! providers in processes of their own, once in the host's.

use anyhow::{Context as _, bail};
use async_nats::jetstream::kv::{self, Store, UpdateErrorKind};
use lattice_protocol::digest::Digest;

use super::Bench;
use crate::figure::{Figure, Target, Unit};
use crate::load::{self, Work};
use crate::report::Report;
use crate::usage::Watch;
use crate::web::Connection;
use crate::world::World;

const LIMIT: &str = "async-nats, get and update until it succeeds";
const AT_A_TIME: usize = 32;
/// Many: with so many more keys than callers, two seldom meet.
const KEYS: usize = 1000;
const TARGET: Target = Target::RatioAtLeast(0.5);

/// Where the HTTP provider and the key-value provider run.
#[derive(Clone, Copy)]
enum Providers {
    Separate,
    Inline,
}

impl Providers {
    fn as_str(self) -> &'static str {
        match self {
            Self::Separate => "separate",
            Self::Inline => "inline",
        }
    }

    fn manifest(self, digest: &Digest) -> String {
        let inline = matches!(self, Self::Inline);
        format!(
            "name = \"bench\"\n[actor.counter]\ncomponent = \"{digest}\"\ninstances = 64\n\
             [actor.counter.link.\"wasi:keyvalue\"]\nto = \"kv\"\nbucket = \"counts\"\n\
             [provider.kv]\nkind = \"keyvalue\"\ninline = {inline}\n\
             [provider.web]\nkind = \"http\"\nconfig = {{ listen = \"127.0.0.1:0\" }}\ninline = {inline}\n\
             [[provider.web.route]]\npath = \"/\"\nactor = \"counter\"\n"
        )
    }

    /// Whose processor time counts.
    async fn watch(self, world: &World, host: u32) -> anyhow::Result<Watch> {
        let watch = world.watch()?.and("host", host);
        Ok(match self {
            Self::Separate => watch
                .and("web", world.provider_pid("web").await?)
                .and("kv", world.provider_pid("kv").await?),
            Self::Inline => watch,
        })
    }
}

pub(super) async fn run(bench: &Bench) -> anyhow::Result<Report> {
    let mut report = Report::default();
    for providers in [Providers::Separate, Providers::Inline] {
        count_up(bench, providers, &mut report).await?;
    }
    Ok(report)
}

async fn count_up(bench: &Bench, providers: Providers, report: &mut Report) -> anyhow::Result<()> {
    let world = World::start(bench).await?;
    let host = world.host(bench).await?;
    let digest = world.push(&bench.guests.read("counter")?).await?;
    world.apply(providers.manifest(&digest)).await?;
    let watch = providers.watch(&world, host.pid()?).await?;

    let many = (0..KEYS).map(|key| format!("k{key}")).collect();
    for (name, keys) in [("many keys", many), ("one hot key", vec!["hot".to_owned()])] {
        let what = format!(
            "HTTP counter, JetStream KV, providers {}, {name}",
            providers.as_str()
        );
        let mut ours = Increment::many(&world, &keys).await?;
        let mut limit = Swap::many(&world, &keys).await?;
        let mut tally = Tally::default();
        let compared = bench
            .plan
            .by_turns(
                async |time| {
                    let sample = load::closed(&mut ours, time).await?;
                    tally.answered += sample.answered();
                    tally.failed += sample.failed();
                    Ok(sample)
                },
                async |time| load::closed(&mut limit, time).await?.clean(),
                &watch,
            )
            .await?;
        let kept = count(&world, &keys).await?;
        report.add([
            compared.throughput(&what, LIMIT, TARGET),
            compared.p50(&what, LIMIT, Target::None),
        ]);
        report.add(tally.figures(&what, kept));
        report.note(compared.spent(&what));
        report.note(format!(
            "{what}: {} answered, {} failed, {kept} in the store",
            tally.answered, tally.failed
        ));
    }
    host.stop().await;
    Ok(())
}

/// What the clients saw, warm-up included.
#[derive(Default)]
struct Tally {
    answered: u64,
    failed: u64,
}

impl Tally {
    fn figures(&self, what: &str, kept: u64) -> [Figure; 3] {
        let lost = self.answered.saturating_sub(kept) as f64;
        // One that failed may have been counted, once.
        let twice = kept.saturating_sub(self.answered + self.failed) as f64;
        let none = Target::AtMost(0.0);
        [
            Figure::plain(
                format!("{what}, answered and not counted"),
                Unit::Count,
                lost,
                none,
            ),
            Figure::plain(
                format!("{what}, counted and not asked for"),
                Unit::Count,
                twice,
                none,
            ),
            Figure::plain(
                format!("{what}, failed"),
                Unit::Count,
                self.failed as f64,
                none,
            ),
        ]
    }
}

/// Adds one by HTTP, key after key.
struct Increment {
    connection: Connection,
    paths: Vec<String>,
    next: usize,
}

impl Increment {
    async fn many(world: &World, keys: &[String]) -> anyhow::Result<Vec<Self>> {
        let address = world.address("web").await?;
        let mut all = Vec::new();
        for caller in 0..AT_A_TIME {
            all.push(Self {
                connection: Connection::open(address).await?,
                paths: keys.iter().map(|key| format!("/{key}")).collect(),
                next: start(caller, keys),
            });
        }
        Ok(all)
    }
}

impl Work for Increment {
    async fn once(&mut self) -> anyhow::Result<()> {
        let path = &self.paths[self.next % self.paths.len()];
        self.next += 1;
        self.connection.request("POST", path).await.map(drop)
    }
}

/// Adds one by the store's own client, key after key.
struct Swap {
    store: Store,
    keys: Vec<String>,
    next: usize,
}

impl Swap {
    async fn many(world: &World, keys: &[String]) -> anyhow::Result<Vec<Self>> {
        let config = kv::Config {
            bucket: format!("limit-{}", keys.len()),
            ..kv::Config::default()
        };
        let store = world.jetstream().await?.create_key_value(config).await?;
        for key in keys {
            store.put(key, "0".into()).await?;
        }
        let one = |caller| Self {
            store: store.clone(),
            keys: keys.to_vec(),
            next: start(caller, keys),
        };
        Ok((0..AT_A_TIME).map(one).collect())
    }
}

impl Work for Swap {
    async fn once(&mut self) -> anyhow::Result<()> {
        let key = &self.keys[self.next % self.keys.len()];
        self.next += 1;
        loop {
            let entry = self.store.entry(key).await?.context("the key is gone")?;
            let count: u64 = std::str::from_utf8(&entry.value)?.parse()?;
            let next = (count + 1).to_string().into();
            match self.store.update(key, next, entry.revision).await {
                Ok(_) => return Ok(()),
                Err(error) if error.kind() == UpdateErrorKind::WrongLastRevision => {}
                Err(error) => bail!(error),
            }
        }
    }
}

/// Where a caller begins: far from the others.
fn start(caller: usize, keys: &[String]) -> usize {
    caller * keys.len() / AT_A_TIME
}

/// What the store has, over all keys.
async fn count(world: &World, keys: &[String]) -> anyhow::Result<u64> {
    let mut connection = Connection::open(world.address("web").await?).await?;
    let mut sum = 0;
    for key in keys {
        let headers = connection.request("HEAD", &format!("/{key}")).await?;
        let count = headers.get("x-count").context("no x-count")?.to_str()?;
        sum += count.parse::<u64>()?;
    }
    Ok(sum)
}
