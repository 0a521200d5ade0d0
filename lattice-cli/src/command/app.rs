//! What commands that change an app have in common.

use anyhow::{Context as _, bail};
use lattice_client::{Client, ControlError};
use lattice_config::{App, Manifest};
use lattice_protocol::control::{AppExport, Applied, ByApp, Change, ChangeKind, ProblemCode, Verb};
use lattice_protocol::id::{AppName, TargetName};

use super::history;
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
    /// Waits until what was declared runs and what was removed does not, and says what changed.
    pub(super) async fn of(&self, client: &Client, applied: &Applied) -> anyhow::Result<()> {
        let progress = Progress::new();
        progress.step("waiting until it is carried out");
        let declared = exported(client, &applied.app).await?;
        if let Some((export, _)) = &declared
            && export.revision != applied.revision
        {
            refuse_taken_back(client, applied).await?;
        }
        let app = declared.as_ref().map(|(_, app)| app);
        self.settle(client, applied, app, &progress).await?;
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
        progress.step("waiting until everything runs");
        self.settle(client, applied, Some(app), progress).await?;
        progress.clear();
        self.print(applied, true)
    }

    async fn settle(
        &self,
        client: &Client,
        applied: &Applied,
        app: Option<&App>,
        progress: &Progress,
    ) -> anyhow::Result<()> {
        if self.no_wait {
            return Ok(());
        }
        let still = |name: &TargetName| app.is_some_and(|app| app.declares(name.as_str()));
        let mut gone = removed(&applied.changes);
        gone.retain(|name| !still(name));
        settle::until_gone(client, &gone, progress).await?;
        match app {
            Some(app) => settle::until_running(client, app, progress).await,
            None => Ok(()),
        }
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

/// Fails if the lattice has taken the change back by now: what is declared instead runs, and says nothing
/// of it.
async fn refuse_taken_back(client: &Client, applied: &Applied) -> anyhow::Result<()> {
    let revisions = history::of(client, &applied.app).await;
    let revisions = revisions.with_context(|| {
        format!(
            "revision {} of app {} was declared; whether it was taken back is not known",
            applied.revision, applied.app
        )
    })?;
    let mut backs = revisions.into_iter().filter_map(|one| one.rolled_back);
    match backs.find(|back| back.from == applied.revision) {
        Some(back) => bail!("{}", history::why(&back)),
        None => Ok(()),
    }
}

/// The actors and providers that shall run nowhere any more.
fn removed(changes: &[Change]) -> Vec<TargetName> {
    let removed = changes
        .iter()
        .filter(|change| change.what == ChangeKind::Removed);
    let names = removed.filter_map(|change| {
        let (kind, name) = change.thing.split_once(' ')?;
        ["actor", "provider"].contains(&kind).then_some(name)
    });
    names.filter_map(|name| name.parse().ok()).collect()
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
