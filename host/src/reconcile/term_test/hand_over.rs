//! Whose word counts for what moves.

use lattice_protocol::report::{ActorReport, AssignmentRevision, Phase};

use super::*;
use crate::reconcile::written::WORD_AFTER;

/// An actor of `h` that is to move to `new`: a term that has written that `new` has it too.
struct Moving {
    term: Term,
    now: Instant,
    /// What `new` is assigned.
    assigned: AssignmentRevision,
}

impl Moving {
    fn begin() -> Self {
        let declared = on_new(declared());
        let mut moving = Self {
            term: Term::new(EPOCH, vec![head("h", 3, &work("h"))], declared),
            now: Instant::now(),
            assigned: AssignmentRevision {
                epoch: EPOCH,
                revision: 101,
            },
        };
        let old = AssignmentRevision {
            epoch: EPOCH - 1,
            revision: 3,
        };
        assert_eq!(moving.written_when(None, Some(old)), ["h", "new"]);
        moving
    }

    /// Whose assignment is written when `new` says this of the actor.
    fn written_when(
        &mut self,
        phase: Option<Phase>,
        assignment: Option<AssignmentRevision>,
    ) -> Vec<String> {
        let actors = phase.map(|phase| ("a", ActorReport { phase, ..actor(0) }));
        let new = Report {
            labels: zone("b"),
            assignment,
            ..with_actors("new", actors)
        };
        let reports = [report("h", &["a"]), Arc::new(new)];
        self.term.look(hearing(&reports, GONE_AFTER * 2), self.now);
        let asked = asked(&mut self.term, self.now);
        written(&mut self.term, &asked);
        hosts(&asked).into_iter().map(str::to_owned).collect()
    }

    fn passes(&mut self, time: Duration) {
        self.now += time;
    }
}

fn zone(zone: &str) -> BTreeMap<String, String> {
    BTreeMap::from([("zone".to_owned(), zone.to_owned())])
}

fn on_new(mut declared: Declared) -> Declared {
    let apps = declared.apps.values_mut();
    for actor in apps.flat_map(|app| app.value.actors.values_mut()) {
        actor.require = zone("b");
    }
    declared
}

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn the_word_of_who_follows_what_was_written_last_is_believed_at_once() {
    let mut moving = Moving::begin();
    let assigned = Some(moving.assigned);
    assert_eq!(moving.written_when(Some(Phase::Running), assigned), ["h"]);
}

#[test]
fn a_word_by_another_assignment_is_never_believed() {
    let mut moving = Moving::begin();
    let AssignmentRevision { epoch, revision } = moving.assigned;
    for (epoch, revision) in [(epoch - 1, revision), (epoch, revision - 1), (epoch, 0)] {
        moving.passes(10 * SECOND);
        let earlier = Some(AssignmentRevision { epoch, revision });
        let written = moving.written_when(Some(Phase::Running), earlier);
        assert!(written.is_empty(), "{written:?}");
    }
}

#[test]
fn the_word_of_an_older_version_is_believed_after_a_while() {
    let mut moving = Moving::begin();
    // The first look after the writing is when it begins to stand.
    assert!(moving.written_when(Some(Phase::Running), None).is_empty());
    moving.passes(WORD_AFTER);
    assert!(moving.written_when(Some(Phase::Running), None).is_empty());
    moving.passes(SECOND);
    assert_eq!(moving.written_when(Some(Phase::Running), None), ["h"]);
}

#[test]
fn a_found_assignment_of_an_earlier_leader_is_no_ground_to_take_anything_away() {
    // `new` serves by what the earlier leader wrote, which may write it again until this one has.
    let by_earlier = Assignment {
        epoch: EPOCH - 1,
        ..work("h")
    };
    let entries = vec![head("h", 3, &work("h")), head("new", 4, &by_earlier)];
    let mut term = Term::new(EPOCH, entries, on_new(declared()));
    let now = Instant::now();
    let new = Report {
        labels: zone("b"),
        assignment: Some(AssignmentRevision {
            epoch: EPOCH - 1,
            revision: 4,
        }),
        ..with_actors("new", [("a", actor(0))])
    };
    let reports = [report("h", &["a"]), Arc::new(new)];
    term.look(hearing(&reports, GONE_AFTER * 2), now);
    for (tag, ask) in asked(&mut term, now) {
        let Ask::Put { value, .. } = ask else {
            panic!("{ask:?}");
        };
        let work: Assignment = state::decode(&value).unwrap();
        assert_eq!(work.actors.len(), 1, "{tag:?}");
    }
}

#[test]
fn what_is_overdue_is_let_go_only_once_somebody_serves_it() {
    for word in [None, Some(Phase::Starting)] {
        let mut moving = Moving::begin();
        let assigned = Some(moving.assigned);
        for _ in 0..4 {
            moving.passes(HELD_MAX);
            let written = moving.written_when(word.clone(), assigned);
            assert!(written.is_empty(), "{word:?}: {written:?}");
        }
        assert_eq!(moving.written_when(Some(Phase::Running), assigned), ["h"]);
    }
}
