//! A lattice of the test's own: a server, hosts in this process, apps.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use host::reconcile::collector::GRACE_DEFAULT;
use host::{Allow, Host, Options};
use lattice_client::stream::GATHERED_BYTES_DEFAULT;
use lattice_client::{Client, Replicas};
use lattice_config::{App, ComponentRef, Manifest, Revision, Runs};
use lattice_protocol::control::{
    ActorSummary, AppApply, Applied, Nothing, Placement, Problem, ProviderSummary, Verb,
};
use lattice_protocol::id::{HostId, LatticeId};
use lattice_protocol::report::Phase;
use lattice_telemetry::Telemetry;
use serde_json::json;
use tempfile::TempDir;

use crate::{Events, Logs, Nats, eventually, guest};

/// A lattice. Hosts run in this process, providers in processes of their own.
#[must_use = "the lattice ends when it is dropped"]
pub struct Lattice {
    hosts: BTreeMap<HostId, Host>,
    client: Client,
    plain: Vec<async_nats::Client>,
    program: PathBuf,
    folder: TempDir,
    nats: Nats,
}

impl Lattice {
    /// A lattice without hosts; `program` is the `lattice` binary, which carries the providers.
    pub async fn start(program: impl Into<PathBuf>) -> Self {
        Self::on(Nats::start().await, program).await
    }

    /// A lattice without hosts, on this server.
    pub async fn on(nats: Nats, program: impl Into<PathBuf>) -> Self {
        Self {
            hosts: BTreeMap::new(),
            client: Client::connect(client_options(&nats, "test"))
                .await
                .unwrap(),
            plain: nats.plain_clients().await,
            program: program.into(),
            folder: tempfile::tempdir().unwrap(),
            nats,
        }
    }

    /// Starts a host, or starts it again.
    pub async fn host(&mut self, id: &str) {
        self.host_with(id, &[]).await;
    }

    /// Starts a host that has labels.
    pub async fn host_with(&mut self, id: &str, labels: &[(&str, &str)]) {
        self.start_host(id, labels, Allow::default()).await;
    }

    /// Starts a host whose operator allows its actors something.
    pub async fn host_allowing(&mut self, id: &str, allow: Allow) {
        self.start_host(id, &[], allow).await;
    }

    async fn start_host(&mut self, id: &str, labels: &[(&str, &str)], allow: Allow) {
        let labels = labels
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let options = Options {
            client: client_options(&self.nats, id),
            system_creds: None,
            replicas: Replicas::Auto,
            component_grace: GRACE_DEFAULT,
            id: Some(name(id)),
            labels: labels.collect(),
            capacity: 100,
            gathered_bytes_max: GATHERED_BYTES_DEFAULT,
            allow,
            data: self.folder.path().join(id),
            provider_creds: None,
            inline: lattice_cli::inline::kinds(),
            program: self.program.clone(),
            telemetry: Telemetry::off(),
        };
        let host = Host::start(options).await.expect("the host starts");
        self.hosts.insert(name(id), host);
    }

    /// Stops a host in order.
    pub async fn stop_host(&mut self, id: &str) {
        let host = self
            .hosts
            .remove(&name::<HostId>(id))
            .expect("there is such a host");
        host.shutdown().await;
    }

    /// Stops all hosts in order, last started first.
    pub async fn stop_hosts(&mut self) {
        while let Some((_, host)) = self.hosts.pop_last() {
            host.shutdown().await;
        }
    }

    /// The server.
    pub fn nats(&mut self) -> &mut Nats {
        &mut self.nats
    }

    /// A client that knows lattices.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// A client that knows NATS and nothing else.
    pub fn plain(&self) -> &async_nats::Client {
        &self.plain[0]
    }

    /// The same of each server, the first of them first.
    pub fn plains(&self) -> &[async_nats::Client] {
        &self.plain
    }

    /// Pushes a guest's component; answers its digest.
    pub async fn push(&self, guest: &str) -> String {
        let artifacts = self.client.artifacts().await.unwrap();
        artifacts
            .push(&guest::bytes(guest))
            .await
            .unwrap()
            .to_string()
    }

    /// The manifest as an app, with the digests of the guests that it names as components.
    pub async fn resolve(&self, manifest: &str) -> App {
        let manifest = Manifest::parse(manifest).expect("the manifest is well-formed");
        let mut digests = BTreeMap::new();
        for component in manifest.components() {
            let ComponentRef::File(guest) = component else {
                panic!("{component} is no guest")
            };
            digests.insert(component.clone(), self.push(guest).await.parse().unwrap());
        }
        manifest
            .resolve(&digests)
            .expect("every component is a guest")
    }

    /// Applies a manifest whose components are names of guests; answers what the lattice says.
    pub async fn try_apply(&self, manifest: &str) -> Result<Applied, Problem> {
        self.apply_app(&self.resolve(manifest).await).await
    }

    /// Applies a manifest whose components are names of guests, and waits until all of it runs.
    pub async fn apply(&self, manifest: &str) {
        let app = self.resolve(manifest).await;
        self.apply_app(&app).await.expect("the manifest is taken");
        self.until_running(&app).await;
    }

    /// Runs one guest as the actor of its name, with the default settings.
    pub async fn run(&self, guest: &str) {
        self.run_with(guest, "").await;
    }

    /// Runs one guest as the actor of its name; `more` are further lines of its table.
    pub async fn run_with(&self, guest: &str, more: &str) {
        let manifest =
            format!("name = \"{guest}\"\n[actor.{guest}]\ncomponent = \"{guest}\"\n{more}\n");
        self.apply(&manifest).await;
    }

    async fn apply_app(&self, app: &App) -> Result<Applied, Problem> {
        let manifest = app.to_toml();
        let request = AppApply {
            manifest,
            if_revision: None,
        };
        match self.client.control(Verb::AppApply, &request).await {
            Ok(applied) => Ok(applied),
            Err(lattice_client::ControlError::Refused(problem)) => Err(problem),
            Err(error) => panic!("{error}"),
        }
    }

    /// Waits until every instance and every provider of the app runs, at the app's revisions.
    pub async fn until_running(&self, app: &App) {
        eventually(&format!("app {} runs", app.name), async || {
            let actors: Vec<ActorSummary> = self.list(Verb::ActorList).await?;
            let providers: Vec<ProviderSummary> = self.list(Verb::ProviderList).await?;
            for (name, actor) in &app.actors {
                let digest = actor.component.digest().expect("a resolved app");
                let revision = Revision::of_actor(digest, &actor.spec());
                let found = actors.iter().find(|found| found.name == *name);
                let (_, slots) = running(found.map(|found| &found.hosts), &revision);
                if slots != actor.instances {
                    return Err(format!("{slots} instances of {name}: {found:?}"));
                }
            }
            for (name, provider) in &app.providers {
                let revision = Revision::of_provider(&provider.spec());
                let found = providers.iter().find(|found| found.name == *name);
                let (hosts, _) = running(found.map(|found| &found.hosts), &revision);
                if provider.runs != Runs::External && hosts != provider.copies {
                    return Err(format!("{hosts} copies of {name}: {found:?}"));
                }
            }
            let behind = providers.iter().find(|provider| is_behind(provider));
            if let Some(behind) = behind {
                return Err(format!("it has not taken its settings: {behind:?}"));
            }
            Ok(())
        })
        .await;
    }

    pub(crate) async fn list<T: serde::de::DeserializeOwned>(
        &self,
        verb: Verb,
    ) -> Result<T, String> {
        self.client
            .control(verb, &Nothing {})
            .await
            .map_err(|error| error.to_string())
    }

    /// The process of a provider, as the host that runs it reports.
    pub async fn provider_pid(&self, provider: &str) -> u32 {
        eventually(&format!("{provider} has a process"), async || {
            let hosts = self.control("host.list", json!({})).await["value"].clone();
            let all = hosts.as_array().into_iter().flatten();
            let mut pids = all.filter_map(|host| host["providers"][provider]["pid"].as_u64());
            pids.next()
                .and_then(|pid| u32::try_from(pid).ok())
                .ok_or_else(|| hosts.clone())
        })
        .await
    }

    /// Where an HTTP provider listens.
    pub async fn address(&self, provider: &str) -> SocketAddr {
        let reply = self.call(&format!("{provider}.address"), json!([])).await;
        reply.json().as_str().unwrap().parse().unwrap()
    }

    /// Listens to log records.
    pub async fn logs(&self) -> Logs {
        Logs::listen(self.plain(), "default").await
    }

    /// Listens to events.
    pub async fn events(&self) -> Events {
        Events::listen(self.plain(), "default").await
    }

    /// The `lattice` binary.
    pub fn program(&self) -> &Path {
        &self.program
    }

    /// A folder of this lattice's own.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }
}

/// Whether some process of a provider says that it works by other settings than are declared.
fn is_behind(provider: &ProviderSummary) -> bool {
    let mut running = provider.hosts.values();
    running.any(|placement| {
        let says = placement.settings.is_some() && placement.phase == Phase::Running;
        says && placement.settings != provider.settings
    })
}

/// On how many hosts a thing runs at this revision, with how many slots together.
fn running(hosts: Option<&BTreeMap<HostId, Placement>>, revision: &Revision) -> (u32, u32) {
    let all = hosts.into_iter().flat_map(BTreeMap::values);
    all.filter(|placement| placement.phase == Phase::Running)
        .filter(|placement| placement.revision == revision.as_str())
        .fold((0, 0), |(hosts, slots), placement| {
            (hosts + 1, slots + placement.slots)
        })
}

fn client_options(nats: &Nats, name: &str) -> lattice_client::Options {
    lattice_client::Options {
        nats: nats.url(),
        creds: None,
        lattice: LatticeId::default(),
        name: name.to_owned(),
    }
}

fn name<T: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
    text.parse().expect("a valid name")
}
