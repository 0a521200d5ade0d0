//! `provider.settings`: what is declared for a provider, for processes that don't follow it by
//! themselves: those that are written without the kit.

use lattice_protocol::control::{ProviderNamed, ProviderSettings};

use crate::control::desk::Desk;
use crate::control::edit::no_provider;
use crate::control::request::Answer;

pub(in crate::control) async fn handle(
    desk: &Desk,
    request: ProviderNamed,
) -> Answer<ProviderSettings> {
    let declared = desk.declared().await?;
    declared
        .settings(&request.name)
        .ok_or_else(|| no_provider(&declared, &request.name))
}
