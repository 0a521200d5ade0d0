//! One value read, or written, through an actor, over JetStream KV and over Redis. The limit is the store's
//! own client, on one connection as the provider has one. Ours is two calls: of the actor, and of the
//! operation; the bucket, which the actor opens in each call, is asked for about once in five seconds.

use anyhow::ensure;
use async_nats::jetstream::kv::{self, Store};
use bytes::Bytes;
use lattice_protocol::id::LatticeId;
use lattice_protocol::subject;
use redis::aio::MultiplexedConnection;
use serde_json::json;

use super::Bench;
use crate::figure::Target;
use crate::load::Work;
use crate::report::Report;
use crate::usage::Watch;
use crate::world::{World, redis};

const AT_A_TIME: [usize; 2] = [1, 32];
/// So many more than callers that two seldom meet.
const KEYS: usize = 1000;
const VALUE: &str = "a value of some fifty bytes, as many a session has";

/// What is done with a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Doing {
    Set,
    Get,
}

impl Doing {
    /// Written before they are read.
    const ALL: [Self; 2] = [Self::Set, Self::Get];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Set => "set",
            Self::Get => "get",
        }
    }
}

pub(super) async fn run(bench: &Bench) -> anyhow::Result<Report> {
    let world = World::start(bench).await?;
    let host = world.host(bench).await?;
    let redis = redis().await;
    let digest = world.push(&bench.guests.read("buckets")?).await?;
    let mut stores = vec![("nats", "backend = \"nats\"".to_owned())];
    if let Some(redis) = &redis {
        let url = redis.url();
        stores.push(("redis", format!("backend = \"redis\", url = \"{url}\"")));
    }
    let mut manifest = "name = \"bench\"\n".to_owned();
    for (store, config) in &stores {
        manifest += &format!(
            "[actor.at-{store}]\ncomponent = \"{digest}\"\ninstances = 64\n\
             [actor.at-{store}.link.\"wasi:keyvalue\"]\nto = \"{store}\"\n\
             [provider.{store}]\nkind = \"keyvalue\"\nconfig = {{ {config} }}\n"
        );
    }
    world.apply(manifest).await?;
    let mut watch = world.watch()?.and("host", host.pid()?);
    for (store, _) in &stores {
        watch = watch.and("kv", world.provider_pid(store).await?);
    }

    let mut report = Report::default();
    let own = Native::jetstream(&world).await?;
    compare(bench, &world, "nats", own, &watch, &mut report).await?;
    match &redis {
        Some(redis) => {
            let own = Native::redis(&redis.url()).await?;
            compare(bench, &world, "redis", own, &watch, &mut report).await?;
        }
        None => report.note("keyvalue: there is no redis-server, so Redis is not measured"),
    }
    host.stop().await;
    Ok(report)
}

async fn compare(
    bench: &Bench,
    world: &World,
    store: &str,
    own: Native,
    watch: &Watch,
    report: &mut Report,
) -> anyhow::Result<()> {
    let limit_is = own.name();
    let client = world.plain().await?;
    for doing in Doing::ALL {
        // Each key is there before the first is read, whatever a round comes to.
        let mut first = Through::many(&client, store, Doing::Set, 1)?;
        let mut beside = own.many(Doing::Set, 1);
        for _ in 0..KEYS {
            first[0].once().await?;
            beside[0].once().await?;
        }
        for callers in AT_A_TIME {
            let doing_it = doing.as_str();
            let what = format!("key-value {doing_it} by an actor, {store}, {callers} at a time");
            let mut ours = Through::many(&client, store, doing, callers)?;
            let mut limit = own.many(doing, callers);
            let compared = bench.plan.compare(&mut ours, &mut limit, watch).await?;
            report.add([
                compared.throughput(&what, limit_is, Target::None),
                compared.p50(&what, limit_is, Target::None),
                compared.p99(&what, limit_is, Target::None),
            ]);
            report.note(compared.spent(&what));
        }
    }
    Ok(())
}

/// Where a caller begins: far from the others.
fn start(caller: usize, callers: usize) -> usize {
    caller * KEYS / callers
}

/// Asks the actor, key after key.
struct Through {
    client: async_nats::Client,
    subject: String,
    doing: Doing,
    next: usize,
}

impl Through {
    /// So many on one connection.
    fn many(
        client: &async_nats::Client,
        store: &str,
        doing: Doing,
        callers: usize,
    ) -> anyhow::Result<Vec<Self>> {
        let function = match doing {
            Doing::Set => "put",
            Doing::Get => "get",
        };
        let (lattice, actor) = (LatticeId::default(), format!("at-{store}").parse()?);
        let subject = subject::call(&lattice, &actor, &function.parse()?).into_string();
        let one = |caller| Self {
            client: client.clone(),
            subject: subject.clone(),
            doing,
            next: start(caller, callers),
        };
        Ok((0..callers).map(one).collect())
    }
}

impl Work for Through {
    async fn once(&mut self) -> anyhow::Result<()> {
        let key = format!("k{}", self.next % KEYS);
        self.next += 1;
        let (arguments, answer) = match self.doing {
            Doing::Set => (json!(["bench", key, VALUE]), json!({ "ok": null })),
            Doing::Get => (json!(["bench", key]), json!({ "ok": VALUE })),
        };
        let payload = Bytes::from(arguments.to_string());
        let reply = self.client.request(self.subject.clone(), payload).await?;
        let is_answer = reply.payload == answer.to_string();
        ensure!(is_answer, "{:?} {:?}", reply.headers, reply.payload);
        Ok(())
    }
}

/// A store's own client.
#[derive(Clone)]
enum Native {
    JetStream(Box<Store>),
    Redis(MultiplexedConnection),
}

impl Native {
    async fn jetstream(world: &World) -> anyhow::Result<Self> {
        let config = kv::Config {
            bucket: "limit".to_owned(),
            ..kv::Config::default()
        };
        let jetstream = world.jetstream().await?;
        let store = jetstream.create_key_value(config).await?;
        Ok(Self::JetStream(Box::new(store)))
    }

    async fn redis(url: &str) -> anyhow::Result<Self> {
        let client = redis::Client::open(url)?;
        let connection = client.get_multiplexed_async_connection().await?;
        Ok(Self::Redis(connection))
    }

    const fn name(&self) -> &'static str {
        match self {
            Self::JetStream(_) => "async-nats",
            Self::Redis(_) => "the client redis",
        }
    }

    /// So many on the one connection.
    fn many(&self, doing: Doing, callers: usize) -> Vec<Beside> {
        let one = |caller| Beside {
            store: self.clone(),
            doing,
            next: start(caller, callers),
        };
        (0..callers).map(one).collect()
    }
}

/// Asks the store itself, key after key.
struct Beside {
    store: Native,
    doing: Doing,
    next: usize,
}

impl Work for Beside {
    async fn once(&mut self) -> anyhow::Result<()> {
        let key = format!("limit-{}", self.next % KEYS);
        self.next += 1;
        let found = match (&mut self.store, self.doing) {
            (Native::JetStream(store), Doing::Set) => {
                store.put(&key, VALUE.into()).await?;
                return Ok(());
            }
            (Native::JetStream(store), Doing::Get) => store.get(&key).await?.map(Into::into),
            (Native::Redis(redis), Doing::Set) => {
                let set = redis::Cmd::set(&key, VALUE);
                return Ok(set.query_async(redis).await?);
            }
            (Native::Redis(redis), Doing::Get) => {
                let get = redis::Cmd::get(&key);
                get.query_async::<Option<Vec<u8>>>(redis).await?
            }
        };
        ensure!(found.as_deref() == Some(VALUE.as_bytes()), "{found:?}");
        Ok(())
    }
}
