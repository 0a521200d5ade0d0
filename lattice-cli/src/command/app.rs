//! What commands that change an app have in common.

use anyhow::Context as _;
use lattice_client::{Client, ControlError};
use lattice_config::{App, Manifest};
use lattice_protocol::control::{AppExport, Applied, ByApp, Change, ChangeKind, ProblemCode, Verb};
use lattice_protocol::id::{AppName, TargetName};

use crate::settle;
use crate::ui::{self, Progress};

/// How a command ends that changes an app.
#[derive(Debug, clap::Args)]
pub(super) struct Outcome {
    /// Don't wait until it is carried out.
    #[arg(long)]
    no_wait: bool,

    /// Print JSON.
    #[arg(long)]
    json: bool,
}

impl Outcome {
    /// Waits until what was declared runs, and says what changed. `removed` are names that shall run
    /// nowhere any more.
    pub(super) async fn of(
        &self,
        client: &Client,
        applied: &Applied,
        removed: &[TargetName],
    ) -> anyhow::Result<()> {
        let progress = Progress::new();
        if !self.no_wait {
            progress.step("waiting until it is carried out");
            settle::until_gone(client, removed, &progress).await?;
        }
        let declared = exported(client, &applied.app).await?;
        if !self.no_wait
            && let Some((_, app)) = &declared
        {
            settle::until_running(client, app, &progress).await?;
        }
        progress.clear();
        self.print(applied, declared.is_some())
    }

    /// The same for an app that the caller knows.
    pub(super) async fn of_app(
        &self,
        client: &Client,
        applied: &Applied,
        app: &App,
        progress: &Progress,
    ) -> anyhow::Result<()> {
        if !self.no_wait {
            progress.step("waiting until everything runs");
            settle::until_running(client, app, progress).await?;
        }
        progress.clear();
        self.print(applied, true)
    }

    fn print(&self, applied: &Applied, is_declared: bool) -> anyhow::Result<()> {
        if self.json {
            return ui::json::print(applied);
        }
        print_changes(&applied.changes)?;
        let (app, revision) = (&applied.app, applied.revision);
        match is_declared {
            true => ui::out(format_args!("app {app} is at revision {revision}")),
            false => ui::out(format_args!("app {app} is deleted")),
        }
    }
}

/// An app as it is declared, with its revision; nothing if it is not.
pub(super) async fn exported(
    client: &Client,
    name: &AppName,
) -> anyhow::Result<Option<(AppExport, App)>> {
    let request = ByApp {
        name: name.clone(),
        if_revision: None,
    };
    let export: AppExport = match client.control(Verb::AppExport, &request).await {
        Ok(export) => export,
        Err(ControlError::Refused(problem)) if problem.code == ProblemCode::NotFound => {
            return Ok(None);
        }
        Err(error) => return Err(error.into()),
    };
    let manifest = Manifest::parse(&export.manifest);
    let manifest = manifest.with_context(|| format!("app {name} can't be read"))?;
    Ok(Some((export, manifest.app().clone())))
}

/// Prints one line for each change.
pub(super) fn print_changes(changes: &[Change]) -> anyhow::Result<()> {
    if changes.is_empty() {
        return ui::out("nothing changed");
    }
    changes.iter().try_for_each(|change| ui::out(line(change)))
}

/// A change as one line: `+` added, `~` changed, `-` removed.
pub(super) fn line(change: &Change) -> String {
    let mark = match change.what {
        ChangeKind::Added => '+',
        ChangeKind::Changed => '~',
        ChangeKind::Removed => '-',
    };
    format!("{mark} {}", change.thing)
}
