//! What can be wrong with grants.

use lattice_protocol::id::ActorName;

use super::Problems;
use crate::app::Grants;
use crate::app::grant::{FILES_MAX, RULES_MAX};

pub(super) fn check(name: &ActorName, grants: &Grants, problems: &mut Problems) {
    for (what, count, max) in [
        ("files", grants.files.len(), FILES_MAX),
        ("sockets", grants.sockets.len(), RULES_MAX),
        ("names", grants.names.len(), RULES_MAX),
    ] {
        if count > max {
            problems.add(format_args!(
                "actor {name}: grant.{what} has {count} entries, at most {max} are taken"
            ));
        }
    }
}
