//! `lattice up`.
//!
//! - this file: the order in which things start and stop;
//! - `data`: the folder, its lock, and what a killed `up` left there;
//! - `listen`: the ports that the manifest wants, tried before anything starts;
//! - `running`: the processes; `log`: what the host says;
//! - `watch`: until ctrl-c;
//! - `summary`: where to look.

mod data;
mod listen;
mod log;
mod running;
mod summary;
mod watch;

use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::Context as _;
use lattice_client::Client;
use lattice_client::process::Signals;
use lattice_config::App;
use lattice_protocol::control::{AppApply, Applied, Verb};

use crate::connection::{Connection, DATA_FOLDER};
use crate::project::Project;
use crate::ui::Progress;
use crate::{build, nats_server, settle};

use super::allow::Allowed;
use data::Data;
use running::Running;

/// Run everything on this machine until ctrl-c: a nats-server (unless --nats names one), a host,
/// the providers and actors of a manifest. Builds the components first, and fetches what is missing.
#[derive(Debug, clap::Args)]
pub struct Up {
    /// Folder that has a lattice.toml, or a manifest.
    #[arg(value_name = "DIR", default_value = ".")]
    path: PathBuf,

    /// Folder for all data: what is there survives [default: .lattice beside the manifest]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,

    #[command(flatten)]
    allow: Allowed,

    /// Address on which the host shows its metrics: GET /metrics for Prometheus, and GET /healthz.
    #[arg(long, env = lattice_telemetry::LISTEN, value_name = "ADDR", hide_env_values = true)]
    metrics: Option<SocketAddr>,
}

impl Up {
    pub(super) async fn run(self, connection: &Connection) -> anyhow::Result<()> {
        let mut signals = Signals::listen().context("failed to listen to signals")?;
        let progress = Progress::new();
        let project = Project::open(&self.path)?;
        let folder = self
            .data
            .unwrap_or_else(|| project.folder.join(DATA_FOLDER));
        let data = Data::open(&folder).await?;
        let mut running = Running::new(self.allow, self.metrics)?;
        let session = Session {
            connection,
            project,
            data: &data,
            progress: &progress,
        };
        let result = tokio::select! {
            result = session.run(&mut running) => result,
            () = signals.next() => Ok(()),
        };
        progress.clear();
        running.stop(&progress, &mut signals).await;
        data.forget_url();
        result
    }
}

struct Session<'a> {
    connection: &'a Connection,
    project: Project,
    data: &'a Data,
    progress: &'a Progress,
}

impl Session<'_> {
    /// Starts everything, says where to look, and then goes on until something is beyond help.
    async fn run(self, running: &mut Running) -> anyhow::Result<()> {
        let own_nats = self.connection.nats.is_none();
        if own_nats {
            self.project.validate_alone()?;
        }
        self.data.clear_leftovers().await?;
        listen::check(self.project.manifest.app(), &self.project.path)?;
        let program = match own_nats {
            true => Some(nats_server::find(self.progress).await?),
            false => None,
        };
        build::run(&self.project, self.progress).await?;
        if let Some(program) = program {
            running
                .start_nats(program, self.data, self.progress)
                .await?;
        }
        let connection = running.connection(self.connection);
        let client = connection.connect().await?;
        // Says at once what to do about a server without JetStream.
        client.state().await?;
        self.data.write_url(&connection.url())?;

        self.progress.step("pushing components");
        let app = self.project.push(&client, self.progress).await?;
        self.progress.step("starting the host");
        self.data.host_log().begin()?;
        running.start_host(&connection, self.data)?;
        running.host_answers(&client, self.data).await?;
        let applied = self.apply(&client, &app, running).await?;
        // Before it is said that all runs: what happens from then on is told.
        let events = client.events(None).await?;
        client.settle().await;
        self.progress.done(&format!(
            "{} {} runs, revision {}",
            app.name, app.version, applied.revision
        ));

        summary::print(&client, &app, &connection, self.data).await?;
        watch::until_hopeless(events, &connection, running, self.data, self.progress).await
    }

    async fn apply(
        &self,
        client: &Client,
        app: &App,
        running: &mut Running,
    ) -> anyhow::Result<Applied> {
        self.progress.step("starting actors and providers");
        let request = AppApply {
            manifest: app.to_toml(),
            if_revision: None,
        };
        let applied = client.control(Verb::AppApply, &request).await?;
        let settled = tokio::select! {
            settled = settle::until_running(client, app, self.progress) => settled,
            ended = running.host_ended() => Err(ended),
        };
        if let Err(error) = settled {
            self.progress.clear();
            self.progress.note(&self.data.host_log().tail());
            return Err(error);
        }
        Ok(applied)
    }
}
