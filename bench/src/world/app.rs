//! What runs in a world: components, apps, and where they answer.

use std::net::SocketAddr;

use anyhow::{Context as _, ensure};
use bytes::Bytes;
use lattice_client::Call;
use lattice_protocol::call::Context;
use lattice_protocol::control::{
    ActorSummary, AppApply, Applied, Nothing, Placement, ProviderSummary, Verb,
};
use lattice_protocol::digest::Digest;
use lattice_protocol::report::Phase;
use serde_json::Value;

use super::{World, until};

/// What a payload in JSON is called.
const JSON: &str = "application/json";

impl World {
    /// Stores a component in the lattice.
    pub(crate) async fn push(&self, component: &[u8]) -> anyhow::Result<Digest> {
        Ok(self.client.artifacts().await?.push(component).await?)
    }

    /// Declares an app, and waits until all of it runs.
    pub(crate) async fn apply(&self, manifest: String) -> anyhow::Result<()> {
        let request = AppApply {
            manifest,
            if_revision: None,
        };
        let _: Applied = self.client.control(Verb::AppApply, &request).await?;
        until("the app runs", async || self.runs().await).await
    }

    async fn runs(&self) -> anyhow::Result<()> {
        let actors: Vec<ActorSummary> = self.client.control(Verb::ActorList, &Nothing {}).await?;
        for actor in actors {
            let running: u32 = actor
                .hosts
                .values()
                .filter(runs)
                .map(|place| place.slots)
                .sum();
            ensure!(running == actor.wanted, "{actor:?}");
        }
        let providers: Vec<ProviderSummary> =
            self.client.control(Verb::ProviderList, &Nothing {}).await?;
        for provider in providers {
            ensure!(
                provider.hosts.values().any(|place| runs(&place)),
                "{provider:?}"
            );
        }
        Ok(())
    }

    /// Where an HTTP provider listens.
    pub(crate) async fn address(&self, provider: &str) -> anyhow::Result<SocketAddr> {
        until("the HTTP provider listens", async || {
            let call = Call {
                target: provider.parse()?,
                endpoint: provider_http::ADDRESS.parse()?,
                context: Context {
                    content_type: Some(JSON.to_owned()),
                    ..Context::default()
                },
                payload: Bytes::new(),
                streams: lattice_client::stream::Streams::default(),
            };
            let reply = self.client.call(call).await?;
            let address: String = serde_json::from_slice(&reply.payload)?;
            Ok(address.parse()?)
        })
        .await
    }

    /// The process of a provider.
    pub(crate) async fn provider_pid(&self, provider: &str) -> anyhow::Result<u32> {
        let hosts: Vec<Value> = self.client.control(Verb::HostList, &Nothing {}).await?;
        let mut pids = hosts
            .iter()
            .filter_map(|host| host["providers"][provider]["pid"].as_u64());
        Ok(u32::try_from(
            pids.next().context("no host runs the provider")?,
        )?)
    }
}

fn runs(place: &&Placement) -> bool {
    place.phase == Phase::Running
}
