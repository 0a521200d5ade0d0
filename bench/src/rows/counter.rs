//! An HTTP counter, kept in JetStream KV and in Redis, by 32 connections: over many keys, and over one.
//! Beside it the store's own client, by 32 tasks, and a native hyper server, by which peers can be
//! compared. Answers are counted, and compared with what the store has in the end. Once with the
//! providers in processes of their own, once in the host's.

mod own;

use std::sync::Arc;

use anyhow::Context as _;
use lattice_protocol::digest::Digest;
use lattice_tests::Redis;

use super::{Bench, peers};
use crate::figure::{Figure, Target, Unit};
use crate::load::{self, Work};
use crate::measure::Compared;
use crate::report::Report;
use crate::role::Player;
use crate::usage::Watch;
use crate::web::{Connection, Get};
use crate::world::{World, redis};
use own::Own;

const AT_A_TIME: usize = 32;
/// Many: with so many more keys than callers, two seldom meet.
const KEYS: usize = 1000;

type Keys = Arc<[String]>;

/// Where it counts, and where the HTTP provider and the key-value provider run.
struct Counter {
    store: Store,
    inline: bool,
}

/// Where values are kept.
#[derive(Clone)]
enum Store {
    JetStream,
    Redis { url: String },
}

impl Store {
    fn name(&self) -> &'static str {
        match self {
            Self::JetStream => "JetStream KV",
            Self::Redis { .. } => "Redis",
        }
    }

    fn config(&self) -> String {
        match self {
            Self::JetStream => "backend = \"nats\"".to_owned(),
            Self::Redis { url } => format!("backend = \"redis\", url = \"{url}\""),
        }
    }

    /// Its own client, and what that does.
    async fn own(&self, world: &World, keys: &Keys) -> anyhow::Result<(Vec<Own>, &'static str)> {
        Ok(match self {
            Self::JetStream => {
                let does = "async-nats, get and update until it succeeds";
                (Own::jetstream(world, keys).await?, does)
            }
            Self::Redis { url } => (Own::redis(url, keys).await?, "the client redis, INCR"),
        })
    }

    /// What is to be reached beside the store's own client, and beside a native hyper server. A Redis adds
    /// in one step for who asks it itself.
    fn targets(&self) -> (Target, Target) {
        match self {
            Self::JetStream => (Target::RatioAtLeast(0.5), peers::COUNTER_JETSTREAM),
            Self::Redis { .. } => (Target::None, peers::COUNTER_REDIS),
        }
    }
}

impl Counter {
    fn name(&self) -> String {
        let providers = if self.inline { "inline" } else { "separate" };
        format!("HTTP counter, {}, providers {providers}", self.store.name())
    }

    fn manifest(&self, digest: &Digest) -> String {
        let (inline, store) = (self.inline, self.store.config());
        format!(
            "name = \"bench\"\n[actor.counter]\ncomponent = \"{digest}\"\ninstances = 64\n\
             [actor.counter.link.\"wasi:keyvalue\"]\nto = \"kv\"\nbucket = \"counts-{inline}\"\n\
             [provider.kv]\nkind = \"keyvalue\"\ninline = {inline}\nconfig = {{ {store} }}\n\
             [provider.web]\nkind = \"http\"\nconfig = {{ listen = \"127.0.0.1:0\" }}\ninline = {inline}\n\
             [[provider.web.route]]\npath = \"/\"\nactor = \"counter\"\n"
        )
    }

    /// Whose processor time counts.
    async fn watch(&self, world: &World, host: u32) -> anyhow::Result<Watch> {
        let watch = world.watch()?.and("host", host);
        Ok(match self.inline {
            false => watch
                .and("web", world.provider_pid("web").await?)
                .and("kv", world.provider_pid("kv").await?),
            true => watch,
        })
    }
}

pub(super) async fn run(bench: &Bench) -> anyhow::Result<Report> {
    let mut report = Report::default();
    let redis = redis().await;
    let mut stores = vec![Store::JetStream];
    match redis.as_ref().map(Redis::url) {
        Some(url) => stores.push(Store::Redis { url }),
        None => report.note("counter: there is no redis-server, so Redis is not measured"),
    }
    for store in stores {
        for inline in [false, true] {
            let store = store.clone();
            count_up(bench, &Counter { store, inline }, &mut report).await?;
        }
    }
    Ok(report)
}

async fn count_up(bench: &Bench, counter: &Counter, report: &mut Report) -> anyhow::Result<()> {
    let world = World::start(bench).await?;
    let host = world.host(bench).await?;
    let native = Player::native().await?;
    let digest = world.push(&bench.guests.read("counter")?).await?;
    world.apply(counter.manifest(&digest)).await?;
    let watch = counter.watch(&world, host.pid()?).await?;
    let (beside_own, beside_hyper) = counter.store.targets();

    let many = (0..KEYS).map(|key| format!("k{key}")).collect();
    let one = std::iter::once("hot".to_owned()).collect();
    for (name, keys) in [("many keys", many), ("one hot key", one)] {
        let keys: Keys = keys;
        let what = format!("{}, {name}", counter.name());
        let mut tally = Tally::default();
        let (own, limit_is) = counter.store.own(&world, &keys).await?;
        let compared = tally.compare(bench, &world, &keys, own, &watch).await?;
        report.add([
            compared.throughput(&what, limit_is, beside_own),
            compared.p50(&what, limit_is, Target::None),
        ]);
        report.note(compared.spent(&format!("{what}, beside {limit_is}")));
        let hyper = Get::many(native.address()?, "/", AT_A_TIME).await?;
        let compared = tally.compare(bench, &world, &keys, hyper, &watch).await?;
        report.add([compared.throughput(&what, peers::HYPER, beside_hyper)]);
        let kept = count(&world, &keys).await?;
        report.add(tally.figures(&what, kept));
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
    /// Counts up, and has the limit do what it does, by turns.
    async fn compare(
        &mut self,
        bench: &Bench,
        world: &World,
        keys: &Keys,
        mut limit: Vec<impl Work>,
        watch: &Watch,
    ) -> anyhow::Result<Compared> {
        let mut ours = Increment::many(world, keys).await?;
        bench
            .plan
            .by_turns(
                async |time| {
                    let sample = load::closed(&mut ours, time).await?;
                    self.answered += sample.answered();
                    self.failed += sample.failed();
                    Ok(sample)
                },
                async |time| load::closed(&mut limit, time).await?.clean(),
                watch,
            )
            .await
    }

    fn figures(&self, what: &str, kept: u64) -> [Figure; 3] {
        let lost = self.answered.saturating_sub(kept) as f64;
        // One that failed may have been counted, once.
        let twice = kept.saturating_sub(self.answered + self.failed) as f64;
        let none = |of: &str, count: f64| {
            let what = format!("{what}, {of}");
            Figure::plain(what, Unit::Count, count, Target::AtMost(0.0))
        };
        [
            none("answered and not counted", lost),
            none("counted and not asked for", twice),
            none("failed", self.failed as f64),
        ]
    }
}

/// Adds one by HTTP, key after key.
struct Increment {
    connection: Connection,
    keys: Keys,
    next: usize,
}

impl Increment {
    async fn many(world: &World, keys: &Keys) -> anyhow::Result<Vec<Self>> {
        let address = world.address("web").await?;
        let mut all = Vec::new();
        for caller in 0..AT_A_TIME {
            all.push(Self {
                connection: Connection::open(address).await?,
                keys: keys.clone(),
                next: start(caller, keys),
            });
        }
        Ok(all)
    }
}

impl Work for Increment {
    async fn once(&mut self) -> anyhow::Result<()> {
        let path = format!("/{}", self.keys[self.next % self.keys.len()]);
        self.next += 1;
        self.connection.request("POST", &path).await.map(drop)
    }
}

/// Where a caller begins: far from the others.
fn start(caller: usize, keys: &Keys) -> usize {
    caller * keys.len() / AT_A_TIME
}

/// What the store has, over all keys.
async fn count(world: &World, keys: &Keys) -> anyhow::Result<u64> {
    let mut connection = Connection::open(world.address("web").await?).await?;
    let mut sum = 0;
    for key in keys.iter() {
        let headers = connection.request("HEAD", &format!("/{key}")).await?;
        let count = headers.get("x-count").context("no x-count")?.to_str()?;
        sum += count.parse::<u64>()?;
    }
    Ok(sum)
}
