//! Ours: a host, the two providers, and the actor once for each mode.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use lattice_client::Call;
use lattice_protocol::call::Context;
use lattice_protocol::control::{ActorScale, ActorUpdate, Verb};
use lattice_protocol::id::ActorName;
use serde_json::{Value, json};

use super::super::{Bench, Mode};
use super::side::Validate;
use crate::guest::variant;
use crate::load::Work as _;
use crate::world::{HostProcess, World, until};

/// The bucket of the provider `kv` that the link names, as any KV client sees it.
pub(super) const BUCKET: &str = "kv_default_kv_keys";
/// Many, so that it is no one key that is fast.
const KEYS: usize = 200;
const INSTANCES: u32 = 64;
const TTL_S: u64 = 24 * 60 * 60;
/// Far above what compiling takes.
const COLD_WITHIN: Duration = Duration::from_secs(60);

/// The lattice that runs the service.
pub(super) struct Service {
    pub(super) world: World,
    pub(super) host: HostProcess,
    keys: Arc<[String]>,
    started: Duration,
}

impl Service {
    pub(super) async fn start(bench: &Bench) -> anyhow::Result<Self> {
        let world = World::start(bench).await?;
        let began = Instant::now();
        let host = world.host(bench).await?;
        let digest = world.push(&bench.guests.read("auth")?).await?;
        let mut manifest = "name = \"bench\"\n[provider.kv]\nkind = \"keyvalue\"\n".to_owned();
        for mode in Mode::ALL.map(Mode::as_str) {
            write!(
                manifest,
                "[actor.{mode}]\ncomponent = \"{digest}\"\ninstances = {INSTANCES}\n\
                 instance = \"{mode}\"\n\
                 [actor.{mode}.link.\"wasi:keyvalue\"]\nto = \"kv\"\nbucket = \"keys\"\n\
                 [provider.web-{mode}]\nkind = \"http\"\nconfig = {{ listen = \"127.0.0.1:0\" }}\n\
                 [[provider.web-{mode}.route]]\npath = \"/auth\"\nactor = \"{mode}\"\n"
            )?;
        }
        world.apply(manifest).await?;
        let started = began.elapsed();
        let mut keys = Vec::new();
        for number in 0..KEYS {
            keys.push(issue(&world, &format!("user-{number}")).await?);
        }
        Ok(Self {
            world,
            host,
            keys: keys.into(),
            started,
        })
    }

    /// Keys that are good.
    pub(super) fn keys(&self) -> Arc<[String]> {
        Arc::clone(&self.keys)
    }

    /// What a host that doesn't run yet adds to a cold start.
    pub(super) fn started(&self) -> String {
        format!(
            "auth, cold start: the host, three providers and both actors from nothing, nothing \
             compiled before: {} ms",
            self.started.as_millis()
        )
    }

    /// Where the actor of that mode answers.
    pub(super) async fn address(&self, mode: Mode) -> anyhow::Result<SocketAddr> {
        self.world.address(&format!("web-{}", mode.as_str())).await
    }

    /// Every process that has a part in the service of that mode.
    pub(super) async fn processes(&self, mode: Mode) -> anyhow::Result<Vec<(&'static str, u32)>> {
        let web = format!("web-{}", mode.as_str());
        Ok(vec![
            ("host", self.host.pid()?),
            ("web", self.world.provider_pid(&web).await?),
            ("kv", self.world.provider_pid("kv").await?),
        ])
    }

    /// Milliseconds from the request that scales the actor up from none to the first good key; with
    /// a number, of a component that was never compiled.
    pub(super) async fn cold(&self, bench: &Bench, number: Option<u32>) -> anyhow::Result<f64> {
        let mode = Mode::Fresh;
        let name: ActorName = mode.as_str().parse()?;
        self.scale(&name, 0).await?;
        let mut client = Validate::open(self.address(mode).await?, &self.keys).await?;
        until("no instance is left", async || match client.once().await {
            Ok(()) => bail!("the actor still answers"),
            Err(_) => Ok(()),
        })
        .await?;
        if let Some(number) = number {
            let component = variant(&bench.guests.read("auth")?, number);
            let update = ActorUpdate {
                name: name.clone(),
                component: Some(self.world.push(&component).await?.to_string()),
                config: None,
                if_revision: None,
            };
            let _: Value = self
                .world
                .client()
                .control(Verb::ActorUpdate, &update)
                .await?;
        }
        let began = Instant::now();
        self.scale(&name, INSTANCES).await?;
        while let Err(error) = client.once().await {
            if began.elapsed() > COLD_WITHIN {
                return Err(error.context("the actor does not start"));
            }
        }
        Ok(began.elapsed().as_secs_f64() * 1000.0)
    }

    async fn scale(&self, name: &ActorName, instances: u32) -> anyhow::Result<()> {
        let request = ActorScale {
            name: name.clone(),
            instances,
            if_revision: None,
        };
        let _: Value = self
            .world
            .client()
            .control(Verb::ActorScale, &request)
            .await?;
        Ok(())
    }
}

async fn issue(world: &World, user: &str) -> anyhow::Result<String> {
    let call = Call {
        target: Mode::Fresh.as_str().parse()?,
        endpoint: "auth:admin/keys.issue".parse()?,
        context: Context {
            content_type: Some("application/json".to_owned()),
            ..Context::default()
        },
        payload: json!([user, TTL_S]).to_string().into(),
        streams: lattice_client::stream::Streams::default(),
    };
    let reply = world.client().call(call).await?;
    let issued: Value = serde_json::from_slice(&reply.payload)?;
    let key = issued["ok"]["key"].as_str();
    Ok(key
        .with_context(|| format!("no key was issued: {issued}"))?
        .to_owned())
}
