//! Where the copies of one provider go.

use lattice_protocol::id::{AppName, ProviderName};

use super::Draft;
use super::ground::{Ground, Host};
use super::rendezvous;
use crate::app::{Provider, Runs};
use crate::assignment::AssignedProvider;
use crate::revision::Revision;

pub(super) fn place(
    app: &AppName,
    name: &ProviderName,
    provider: &Provider,
    ground: &Ground<'_>,
    draft: &mut Draft,
) {
    if provider.runs == Runs::External {
        return;
    }
    let mut fit = match ground.fit(&provider.require) {
        Ok(fit) => fit,
        Err(reason) => return draft.leave(name.into(), reason),
    };
    let thing = rendezvous::hash(name.as_str());
    let had = |host: &Host<'_>| {
        host.previous
            .is_some_and(|was| was.providers.contains_key(name))
    };
    fit.sort_by_cached_key(|&at| {
        let host = &ground.hosts[at];
        (
            !had(host),
            rendezvous::rank(thing, host.hash, host.view.capacity),
        )
    });
    let copies = usize::try_from(provider.copies).unwrap_or(usize::MAX);
    if fit.len() < copies {
        let reason = format!(
            "{} of {copies} copies are placed: each needs a host of its own, and no more hosts fit",
            fit.len()
        );
        draft.leave(name.into(), reason);
    }
    let spec = provider.spec();
    let revision = Revision::of_provider(&spec);
    for at in fit.into_iter().take(copies) {
        let assigned = AssignedProvider {
            app: app.clone(),
            revision: revision.clone(),
            spec: spec.clone(),
        };
        draft.assignments[at]
            .providers
            .insert(name.clone(), assigned);
    }
}
