//! An edit carried out: made, checked, written by compare-and-swap, and made anew when somebody
//! else was first.

use std::collections::BTreeSet;

use lattice_client::{ArtifactError, StateError};
use lattice_config::state::{self, Error as RecordError, key};
use lattice_config::{App, ComponentRef, Declared, Revised, diff, validate};
use lattice_protocol::control::{Applied, Problem};
use lattice_protocol::digest::Digest;
use lattice_protocol::id::AppName;

use super::artifact;
use super::desk::Desk;
use super::edit::Draft;
use super::request::{Answer, bad, conflict, internal, state_problem};

/// How often a write is made anew: each time somebody else's was written, so among twenty clients that give
/// a few orders for one app each, all at once, all get through, whoever comes first each time.
pub(super) const ATTEMPTS_MAX: u32 = 128;

/// Carries out an edit. With `if_revision`, only if the app is still at that revision; 0 means that
/// it is not declared.
pub(super) async fn commit(
    desk: &Desk,
    if_revision: Option<u64>,
    edit: impl Fn(&Declared) -> Answer<Draft>,
) -> Answer<Applied> {
    for _ in 0..ATTEMPTS_MAX {
        let declared = desk.declared().await?;
        let mut draft = edit(&declared)?;
        let before = declared.apps.get(&draft.app);
        check_revision(&draft.app, before, if_revision)?;
        let is_unreadable = declared.unreadable.contains(&draft.app);
        if is_unreadable && if_revision.is_some() {
            return Err(unreadable(&draft.app));
        }
        let before_app = before.map(|revised| &revised.value);
        let changes = diff(before_app, draft.after.as_ref());
        // Whether it is a roll-back by itself is of the revision that is there, not of the next.
        if let Some(after) = &mut draft.after {
            after.rolled_back = before_app.and_then(|app| app.rolled_back.clone());
        }
        if before_app == draft.after.as_ref() {
            let revision = before.map_or(0, |revised| revised.revision);
            return Ok(Applied {
                app: draft.app,
                revision,
                changes,
            });
        }
        if let Some(after) = &mut draft.after {
            after.rolled_back = None;
            check(desk, &declared, before_app, after).await?;
        }
        let over = match before {
            Some(revised) => revised.revision,
            None if is_unreadable => replaceable(desk, &draft.app).await?,
            None => 0,
        };
        match write(desk, &draft, over).await {
            Ok(revision) => {
                return Ok(Applied {
                    app: draft.app,
                    revision,
                    changes,
                });
            }
            Err(StateError::Conflict { .. }) => {}
            Err(error) => return Err(state_problem(error)),
        }
    }
    Err(conflict(format!(
        "others changed it {ATTEMPTS_MAX} times meanwhile: try again"
    )))
}

/// Whether the app is at the revision that the request names, if it names one.
pub(super) fn check_revision(
    app: &AppName,
    before: Option<&Revised<App>>,
    if_revision: Option<u64>,
) -> Answer<()> {
    let revision = before.map_or(0, |revised| revised.revision);
    match if_revision {
        Some(wanted) if wanted != revision => Err(conflict(format!(
            "app {app} is at revision {revision}, not {wanted}: look at what changed, then try \
             again with if_revision {revision}"
        ))),
        _ => Ok(()),
    }
}

/// Everything that is wrong with an app, in one message.
pub(super) async fn check(
    desk: &Desk,
    declared: &Declared,
    before: Option<&App>,
    after: &App,
) -> Answer<()> {
    let mut problems = static_problems(declared, after);
    let missing = artifact::missing(&desk.artifacts, new_digests(before, after)).await?;
    let not_found = |digest| ArtifactError::NotFound(digest).to_string();
    problems.extend(missing.into_iter().map(not_found));
    unless_refused(after, &problems)
}

/// The same whatever is stored: of an app whose components are still to be pushed.
pub(super) fn check_unpushed(declared: &Declared, after: &App) -> Answer<()> {
    unless_refused(after, &static_problems(declared, after))
}

fn unless_refused(app: &App, problems: &[String]) -> Answer<()> {
    Err(match problems {
        [] => return Ok(()),
        [one] => bad(format!("app {} is refused: {one}", app.name)),
        many => bad(format!(
            "app {} is refused for {} reasons:\n- {}",
            app.name,
            many.len(),
            many.join("\n- ")
        )),
    })
}

/// What is wrong whatever the store of components holds.
fn static_problems(declared: &Declared, app: &App) -> Vec<String> {
    let mut problems: Vec<String> = Vec::new();
    if let Err(taken) = declared.check_names(app) {
        problems.extend(taken.iter().map(ToString::to_string));
    }
    if let Err(wrong) = validate(app, &declared.names_of_others(&app.name)) {
        problems.extend(wrong.iter().map(ToString::to_string));
    }
    let unpushed = app.actors.iter().filter_map(|(name, actor)| match &actor.component {
        ComponentRef::Digest(_) => None,
        ComponentRef::File(file) => Some(format!(
            "actor {name}: the file {file} is on your machine, not in the lattice: push it first \
             and name its sha256:…; `lattice apply` does both"
        )),
        ComponentRef::Oci(reference) => Some(format!(
            "actor {name}: {reference} is not in the lattice: pull and push it first and name its \
             sha256:…; `lattice apply` does both"
        )),
    });
    problems.extend(unpushed);
    problems
}

/// The components that the app did not have before: those it had are not asked for again, so that
/// scaling works whatever became of the store.
fn new_digests<'a>(before: Option<&App>, after: &'a App) -> BTreeSet<&'a Digest> {
    let had: BTreeSet<_> = before.into_iter().flat_map(digests).collect();
    digests(after)
        .filter(|digest| !had.contains(digest))
        .collect()
}

fn digests(app: &App) -> impl Iterator<Item = &Digest> {
    app.actors
        .values()
        .filter_map(|actor| actor.component.digest())
}

async fn write(desk: &Desk, draft: &Draft, revision: u64) -> Result<u64, StateError> {
    let key = key::app(&draft.app);
    match &draft.after {
        Some(after) => {
            let bytes = state::encode(after).map_err(|error| StateError::Corrupt {
                key: key.clone(),
                reason: error.to_string(),
            })?;
            desk.state.put(&key, bytes.into(), revision).await
        }
        None => {
            desk.state.delete(&key, revision).await?;
            // Somebody may have declared it anew by now: the mark is what was written over `revision`.
            let kept = desk.state.history(&key).await?;
            let mark = kept.into_iter().find(|kept| kept.revision > revision);
            Ok(mark.map_or(revision, |mark| mark.revision))
        }
    }
}

fn unreadable(app: &AppName) -> Problem {
    conflict(format!(
        "what is stored of app {app} can't be read: declare it anew without if_revision"
    ))
}

/// At which revision a record that can't be read may be replaced. One of a newer version is not to be: it
/// says something, and this host does not know what.
async fn replaceable(desk: &Desk, app: &AppName) -> Answer<u64> {
    let key = key::app(app);
    let entry = desk.state.get(&key).await.map_err(state_problem)?;
    let Some((revision, value)) = entry.and_then(|entry| Some((entry.revision, entry.value?)))
    else {
        return Ok(0);
    };
    match state::decode::<App>(&value) {
        Err(error @ RecordError::TooNew { .. }) => {
            Err(internal(format!("{key} can't be read: {error}")))
        }
        Err(_) => Ok(revision),
        // Somebody else was first.
        Ok(_) => Ok(0),
    }
}

/// Reads a stored app.
pub(super) fn stored_app(key: &str, value: &[u8]) -> Answer<App> {
    state::decode(value).map_err(|error| internal(format!("{key} can't be read: {error}")))
}

#[cfg(test)]
#[path = "commit_test.rs"]
mod tests;
