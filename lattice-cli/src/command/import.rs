//! `lattice import`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::Context as _;
use lattice_client::{Client, ControlError};
use lattice_config::{Manifest, diff};
use lattice_protocol::control::{
    AppApply, AppSummary, Applied, ByApp, ByConfig, Change, ChangeKind, ConfigPut, ConfigSummary,
    NamedConfig, Nothing, ProblemCode, Verb,
};
use lattice_protocol::id::AppName;

use super::app::exported;
use super::export::{Document, FORMAT};
use crate::connection::Connection;
use crate::exit::Usage;
use crate::settle;
use crate::ui::{self, Progress};

/// Declare what an export holds. First it is compared with what is declared; nothing is changed that
/// somebody else changes meanwhile. What the export does not have stays, unless --prune is given.
#[derive(Debug, clap::Args)]
pub struct Import {
    /// The file that `export` wrote; - is standard input.
    file: PathBuf,

    /// Only show what would change.
    #[arg(long)]
    dry_run: bool,

    /// Remove apps and configs that the export does not have.
    #[arg(long)]
    prune: bool,

    /// Push the components that are in this folder first, as `export --components` saved them.
    #[arg(long, value_name = "DIR")]
    components: Option<PathBuf>,

    /// Don't wait until everything runs.
    #[arg(long)]
    no_wait: bool,

    /// Print the changes as JSON.
    #[arg(long)]
    json: bool,
}

/// One thing to be done, at the revision at which it was compared.
#[derive(Clone)]
enum Step {
    Put {
        name: AppName,
        values: BTreeMap<String, String>,
        over: u64,
    },
    Unset {
        name: AppName,
        over: u64,
    },
    Apply {
        name: AppName,
        manifest: String,
        over: u64,
    },
    Delete {
        name: AppName,
        over: u64,
    },
}

/// What is to be done, and what changes by it.
#[derive(Default)]
struct Steps {
    steps: Vec<Step>,
    changes: Vec<Change>,
}

impl Import {
    pub(super) async fn run(self, connection: &Connection) -> anyhow::Result<()> {
        let document = self.read()?;
        let client = connection.connect().await?;
        let progress = Progress::new();
        progress.step("comparing");
        let steps = self.compare(&client, document).await?;
        progress.clear();
        if self.json {
            ui::json::print(&steps.changes)?;
        } else {
            super::app::print_changes(&steps.changes)?;
        }
        if self.dry_run {
            return Ok(());
        }
        self.push(&client, &progress).await?;
        let apps: Vec<_> = steps.steps.iter().filter_map(Step::app).cloned().collect();
        take_all(&client, steps.steps).await?;
        if self.no_wait {
            return Ok(());
        }
        progress.step("waiting until everything runs");
        for name in apps {
            if let Some((_, app)) = exported(&client, &name).await? {
                settle::until_running(&client, &app, &progress).await?;
            }
        }
        Ok(())
    }

    fn read(&self) -> anyhow::Result<Document> {
        let name = self.file.display();
        let text = match self.file.as_os_str() == "-" {
            true => std::io::read_to_string(std::io::stdin()),
            false => std::fs::read_to_string(&self.file),
        };
        let text = text.with_context(|| format!("failed to read {name}"))?;
        let document: Document = serde_json::from_str(&text)
            .map_err(|error| Usage(format!("{name} is no export: {error}")))?;
        if document.format > FORMAT {
            let format = document.format;
            let what = format!("{name} has format {format}, this version reads up to {FORMAT}");
            return Err(Usage(what).into());
        }
        Ok(document)
    }

    /// Configs come before the apps that may use them, and go after them.
    async fn compare(&self, client: &Client, document: Document) -> anyhow::Result<Steps> {
        let mut steps = Steps::default();
        let mut set: BTreeMap<_, _> = configs(client).await?;
        for (name, wanted) in document.configs {
            let over = set.remove(&name).unwrap_or(0);
            let before = match over {
                0 => None,
                _ => Some(get_config(client, &name).await?),
            };
            let over = before.as_ref().map_or(0, |before| before.revision);
            if before.map(|before| before.values).as_ref() != Some(&wanted.values) {
                let values = wanted.values;
                steps.add(
                    &format!("config {name}"),
                    over,
                    Step::Put { name, values, over },
                );
            }
        }
        let mut declared: BTreeMap<_, _> = apps(client).await?;
        for (name, wanted) in document.apps {
            declared.remove(&name);
            steps.compare_app(client, &name, wanted.manifest).await?;
        }
        if self.prune {
            for (name, over) in declared {
                let what = format!("app {name}");
                steps.remove(what, Step::Delete { name, over });
            }
            for (name, over) in set {
                let what = format!("config {name}");
                steps.remove(what, Step::Unset { name, over });
            }
        }
        Ok(steps)
    }

    async fn push(&self, client: &Client, progress: &Progress) -> anyhow::Result<()> {
        let Some(folder) = &self.components else {
            return Ok(());
        };
        let artifacts = client.artifacts().await?;
        let entries = std::fs::read_dir(folder)
            .with_context(|| format!("failed to read the folder {}", folder.display()))?;
        for entry in entries {
            let path = entry?.path();
            if path
                .extension()
                .is_some_and(|extension| extension == "wasm")
            {
                super::push::push(&artifacts, &path, progress).await?;
            }
        }
        Ok(())
    }
}

impl Steps {
    fn add(&mut self, thing: &str, over: u64, step: Step) {
        let what = match over {
            0 => ChangeKind::Added,
            _ => ChangeKind::Changed,
        };
        self.changes.push(Change {
            what,
            thing: thing.to_owned(),
        });
        self.steps.push(step);
    }

    fn remove(&mut self, thing: String, step: Step) {
        let what = ChangeKind::Removed;
        self.changes.push(Change { what, thing });
        self.steps.push(step);
    }

    async fn compare_app(
        &mut self,
        client: &Client,
        name: &AppName,
        manifest: String,
    ) -> anyhow::Result<()> {
        let wanted = Manifest::parse(&manifest)
            .map_err(|error| Usage(format!("app {name} in the export: {error}")))?;
        let before = exported(client, name).await?;
        let (over, before) = match &before {
            Some((export, app)) => (export.revision, Some(app)),
            None => (0, None),
        };
        let changes = diff(before, Some(wanted.app()));
        if before != Some(wanted.app()) {
            self.changes.extend(changes);
            let name = name.clone();
            self.steps.push(Step::Apply {
                name,
                manifest,
                over,
            });
        }
        Ok(())
    }
}

/// An app may link to another that comes later: what is refused is tried again after the others, as
/// long as that leads on.
async fn take_all(client: &Client, mut steps: Vec<Step>) -> anyhow::Result<()> {
    while !steps.is_empty() {
        let (before, mut refusal) = (steps.len(), None);
        let mut left = Vec::new();
        for step in steps {
            match step.take(client).await {
                Err(ControlError::Refused(problem)) if problem.code == ProblemCode::BadRequest => {
                    refusal.get_or_insert(problem);
                    left.push(step);
                }
                taken => taken?,
            }
        }
        match refusal {
            Some(problem) if left.len() == before => {
                return Err(ControlError::Refused(problem).into());
            }
            _ => steps = left,
        }
    }
    Ok(())
}

impl Step {
    /// The app that is declared by it.
    fn app(&self) -> Option<&AppName> {
        match self {
            Self::Apply { name, .. } => Some(name),
            _ => None,
        }
    }

    async fn take(&self, client: &Client) -> Result<(), ControlError> {
        match self.clone() {
            Self::Put { name, values, over } => {
                let if_revision = Some(over);
                let request = ConfigPut {
                    name,
                    values,
                    if_revision,
                };
                client
                    .control::<NamedConfig>(Verb::ConfigPut, &request)
                    .await?;
            }
            Self::Unset { name, over } => {
                let if_revision = Some(over);
                let request = ByConfig { name, if_revision };
                client
                    .control::<NamedConfig>(Verb::ConfigDelete, &request)
                    .await?;
            }
            Self::Apply { manifest, over, .. } => {
                let if_revision = Some(over);
                let request = AppApply {
                    manifest,
                    if_revision,
                };
                client.control::<Applied>(Verb::AppApply, &request).await?;
            }
            Self::Delete { name, over } => {
                let if_revision = Some(over);
                let request = ByApp { name, if_revision };
                client.control::<Applied>(Verb::AppDelete, &request).await?;
            }
        }
        Ok(())
    }
}

async fn configs(client: &Client) -> anyhow::Result<BTreeMap<AppName, u64>> {
    let listed: Vec<ConfigSummary> = client.control(Verb::ConfigList, &Nothing {}).await?;
    Ok(listed
        .into_iter()
        .map(|one| (one.name, one.revision))
        .collect())
}

async fn apps(client: &Client) -> anyhow::Result<BTreeMap<AppName, u64>> {
    let listed: Vec<AppSummary> = client.control(Verb::AppList, &Nothing {}).await?;
    Ok(listed
        .into_iter()
        .map(|one| (one.name, one.revision))
        .collect())
}

async fn get_config(client: &Client, name: &AppName) -> anyhow::Result<NamedConfig> {
    let request = ByConfig {
        name: name.clone(),
        if_revision: None,
    };
    Ok(client.control(Verb::ConfigGet, &request).await?)
}
