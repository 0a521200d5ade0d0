//! `actor.start`: one actor without a manifest; it becomes an app of its name.

use lattice_config::{Actor, App, Declared, manifest};
use lattice_protocol::control::{ActorStart, Applied};
use lattice_protocol::event::Kind;

use crate::control::commit::commit;
use crate::control::desk::Desk;
use crate::control::edit::{Draft, app_named};
use crate::control::request::{Answer, bad};

pub(in crate::control) async fn handle(desk: &Desk, request: ActorStart) -> Answer<Applied> {
    let if_revision = request.if_revision;
    let app = app(request)?;
    let edit = |declared: &Declared| Draft::alone(declared, app.clone());
    let applied = commit(desk, if_revision, edit).await?;
    desk.record_applied("actor.start", Kind::AppApplied, &applied)
        .await;
    Ok(applied)
}

fn app(request: ActorStart) -> Answer<App> {
    let wrong = |what: &str, error: &dyn std::fmt::Display| {
        bad(format!("actor {}: {what}{error}", request.name))
    };
    let component = request
        .component
        .parse()
        .map_err(|error| wrong("", &error))?;
    let mut actor = Actor::new(component);
    actor.instances = request.instances;
    actor.config = request.config;
    actor.require = request.labels;
    if let Some(links) = request.links {
        actor.links = manifest::links(links).map_err(|error| wrong("", &error))?;
    }
    if let Some(limits) = request.limits {
        actor.limits = manifest::limits(limits).map_err(|error| wrong("", &error))?;
    }
    let mut app = App::new(app_named(request.name.as_str())?, "");
    app.actors.insert(request.name, actor);
    Ok(app)
}
