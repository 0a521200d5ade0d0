//! An app without the changes that could not be started.
//!
//! A change is undone whole, as it was made whole: half of an apply may not fit the other half. What was
//! changed after it, and has nothing to do with it, stays.

use std::collections::BTreeMap;

use lattice_protocol::control::RolledBack;
use lattice_protocol::id::ActorName;
use lattice_protocol::report::Refused;

use crate::app::{Actor, App};
use crate::declared::Revised;
use crate::revision::Revision;

/// The app as it is to be in place of the last of `kept`: all that is kept of it since it was declared,
/// oldest first. None where there is nothing to go back to: no kept revision has each refused actor as it
/// `runs`, or the last one is a roll-back itself.
pub fn roll_back(
    kept: &[Revised<App>],
    refused: &BTreeMap<ActorName, Refused>,
    runs: impl Fn(&ActorName, &Revision) -> bool,
) -> Option<App> {
    let (now, earlier) = kept.split_last()?;
    if now.value.rolled_back.is_some() {
        return None;
    }
    let all_run = |app: &App| {
        let mut names = refused.keys();
        names.all(|name| revision(app, name).is_some_and(|revision| runs(name, &revision)))
    };
    let to = earlier.iter().rposition(|kept| all_run(&kept.value))?;
    let is_about = |before: &App, after: &App| {
        let mut names = refused.keys();
        names.any(|name| revision(before, name) != revision(after, name))
    };
    let mut app = now.value.clone();
    for change in kept[to..].windows(2).rev() {
        if let [before, after] = change
            && is_about(&before.value, &after.value)
        {
            undo(&mut app, &before.value, &after.value);
        }
    }
    app.rolled_back = Some(RolledBack {
        from: now.revision,
        to: kept[to].revision,
        refused: refused.clone(),
    });
    all_run(&app).then_some(app)
}

fn revision(app: &App, name: &ActorName) -> Option<Revision> {
    let actor = app.actors.get(name)?;
    Some(Revision::of_actor(actor.component.digest()?, &actor.spec()))
}

/// Undoes what one change did, as far as nobody changed it again.
fn undo(app: &mut App, before: &App, after: &App) {
    if app.version == after.version {
        app.version.clone_from(&before.version);
    }
    let actors: Vec<_> = before.actors.keys().chain(after.actors.keys()).collect();
    for name in actors {
        let now = app.actors.remove(name);
        let undone = undone(now, before.actors.get(name), after.actors.get(name));
        app.actors.extend(undone.map(|actor| (name.clone(), actor)));
    }
    let providers = before.providers.keys().chain(after.providers.keys());
    for name in providers {
        if app.providers.get(name) == after.providers.get(name) {
            app.providers.remove(name);
            let was = before.providers.get(name).cloned();
            app.providers.extend(was.map(|was| (name.clone(), was)));
        }
    }
}

/// An actor is two things here: how it runs, and how many of it run where.
fn undone(now: Option<Actor>, before: Option<&Actor>, after: Option<&Actor>) -> Option<Actor> {
    let (Some(now), Some(before), Some(after)) = (&now, before, after) else {
        return match now.as_ref() == after {
            true => before.cloned(),
            false => now,
        };
    };
    let runs = |actor: &Actor| (actor.component.clone(), actor.spec());
    let how = match runs(now) == runs(after) {
        true => before,
        false => now,
    };
    let place = |actor: &Actor| {
        let (require, spread) = (actor.require.clone(), actor.spread.clone());
        (actor.instances, require, spread, actor.daemon)
    };
    let (instances, require, spread, daemon) = match place(now) == place(after) {
        true => place(before),
        false => place(now),
    };
    Some(Actor {
        instances,
        require,
        spread,
        daemon,
        ..how.clone()
    })
}

#[cfg(test)]
#[path = "roll_back_test.rs"]
mod tests;
