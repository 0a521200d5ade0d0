//! `config.get`: a named config.

use lattice_protocol::control::{ByConfig, NamedConfig, Nothing, Problem};
use lattice_protocol::id::AppName;
use lattice_protocol::near::nearest;

use super::{list, named, read};
use crate::control::desk::Desk;
use crate::control::request::{Answer, not_found};

pub(in crate::control) async fn handle(desk: &Desk, request: ByConfig) -> Answer<NamedConfig> {
    match read(desk, &request.name).await? {
        (revision, values @ Some(_)) => Ok(named(request.name, revision, values)),
        (_, None) => Err(unset(desk, &request.name).await?),
    }
}

async fn unset(desk: &Desk, name: &AppName) -> Answer<Problem> {
    let set = list::handle(desk, Nothing {}).await?;
    let near = nearest(name.as_str(), set.iter().map(|config| config.name.as_str()));
    let hint = near.map(|near| format!(": did you mean {near}?"));
    let hint = hint.unwrap_or_default();
    Ok(not_found(format!("no config {name} is set{hint}")))
}
