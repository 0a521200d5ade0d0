//! `app.rollback`: an earlier revision is written as a new one.

use std::collections::BTreeSet;

use lattice_client::StateRevision;
use lattice_config::App;
use lattice_config::state::{self, key};
use lattice_protocol::control::{AppRollback, Applied, Problem};
use lattice_protocol::event::Kind;
use lattice_protocol::id::AppName;

use super::history;
use crate::control::commit::{commit, stored_app};
use crate::control::desk::Desk;
use crate::control::edit::Draft;
use crate::control::request::{Answer, not_found};

pub(in crate::control) async fn handle(desk: &Desk, request: AppRollback) -> Answer<Applied> {
    let kept = history::read(desk, &request.name).await?;
    let (current, target) = choose(&request.name, &kept, request.to)?;
    let value = target.value.as_deref().unwrap_or_default();
    let app = stored_app(&key::app(&request.name), value)?;
    let draft = Draft {
        app: request.name.clone(),
        after: Some(app),
    };
    // "The one before" was said of what is there now: if that changes meanwhile, it is asked again.
    let if_revision = Some(request.if_revision.unwrap_or(current));
    let applied = commit(desk, if_revision, |_| Ok(draft.clone())).await?;
    desk.record_applied("app.rollback", Kind::AppApplied, &applied)
        .await;
    Ok(applied)
}

/// The app's revision now (0 when it is removed), and the one to return to. Where the lattice went back
/// by itself, what it took back is not returned to, and what it went back to is the present.
fn choose<'a>(
    name: &AppName,
    kept: &'a [StateRevision],
    to: Option<u64>,
) -> Result<(u64, &'a StateRevision), Problem> {
    let present = kept.last().filter(|last| last.value.is_some());
    let current = present.map_or(0, |present| present.revision);
    let mut earlier = kept.iter().filter(|kept| kept.value.is_some());
    let found = match to {
        Some(to) => earlier.find(|kept| kept.revision == to),
        None => {
            let passed_over = passed_over(kept, current);
            earlier.rfind(|kept| !passed_over.contains(&kept.revision))
        }
    };
    let found = found.ok_or_else(|| match to {
        Some(to) => not_found(format!(
            "app {name} has no revision {to} to return to: `lattice history {name}` (app.history) lists those that are kept"
        )),
        None => not_found(format!("app {name} has no earlier revision to return to")),
    })?;
    Ok((current, found))
}

/// What "the one before the present" can't mean.
fn passed_over(kept: &[StateRevision], current: u64) -> BTreeSet<u64> {
    let mut passed_over = BTreeSet::from([current]);
    for kept in kept {
        let app = kept.value.as_ref();
        let app = app.and_then(|value| state::decode::<App>(value).ok());
        if let Some(back) = app.and_then(|app| app.rolled_back) {
            passed_over.extend([kept.revision, back.from]);
            if kept.revision == current {
                passed_over.insert(back.to);
            }
        }
    }
    passed_over
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use lattice_protocol::control::RolledBack;

    use super::*;

    fn kept(revisions: &[(u64, bool)]) -> Vec<StateRevision> {
        let one = |&(revision, there): &(u64, bool)| StateRevision {
            revision,
            written: String::new(),
            value: there.then(|| "{}".into()),
        };
        revisions.iter().map(one).collect()
    }

    fn chosen(revisions: &[(u64, bool)], to: Option<u64>) -> Option<(u64, u64)> {
        let kept = kept(revisions);
        let name = "demo".parse().unwrap();
        choose(&name, &kept, to)
            .ok()
            .map(|(current, kept)| (current, kept.revision))
    }

    #[test]
    fn without_a_number_the_one_before_the_present_is_meant() {
        assert_eq!(
            chosen(&[(3, true), (5, true), (9, true)], None),
            Some((9, 5))
        );
        assert_eq!(chosen(&[(3, true)], None), None);
    }

    #[test]
    fn what_the_lattice_took_back_by_itself_is_not_returned_to() {
        let one = |revision: u64, back: Option<(u64, u64)>| {
            let mut app = App::new("demo".parse().unwrap(), "1");
            app.rolled_back = back.map(|(from, to)| RolledBack {
                from,
                to,
                refused: BTreeMap::new(),
            });
            StateRevision {
                revision,
                written: String::new(),
                value: Some(state::encode(&app).unwrap().into()),
            }
        };
        // 9 was refused: 11 is as 5 again.
        let mut kept = vec![
            one(3, None),
            one(5, None),
            one(9, None),
            one(11, Some((9, 5))),
        ];
        let name = "demo".parse().unwrap();
        let (current, to) = choose(&name, &kept, None).unwrap();
        assert_eq!((current, to.revision), (11, 3));
        kept.push(one(20, None));
        let (current, to) = choose(&name, &kept, None).unwrap();
        assert_eq!((current, to.revision), (20, 5));
        assert_eq!(choose(&name, &kept, Some(9)).unwrap().1.revision, 9);
    }

    #[test]
    fn what_was_removed_can_be_brought_back() {
        assert_eq!(
            chosen(&[(3, true), (5, true), (9, false)], None),
            Some((0, 5))
        );
    }

    #[test]
    fn only_a_revision_that_is_kept_and_holds_an_app_can_be_named() {
        let all = [(3, true), (5, false), (9, true)];
        assert_eq!(chosen(&all, Some(3)), Some((9, 3)));
        assert_eq!(chosen(&all, Some(5)), None);
        assert_eq!(chosen(&all, Some(4)), None);
    }
}
