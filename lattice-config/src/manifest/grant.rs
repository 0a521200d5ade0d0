//! An actor's `grant` tables.
//!
//! ```toml
//! [actor.importer.grant]
//! sockets = ["tcp:10.0.0.0/8:5432"]
//! names = ["db.internal"]
//!
//! [actor.importer.grant.files."/data"]     # where the actor sees it
//! from = "/srv/data"                       # where it is on the host
//! mode = "read"                            # or "read-write"
//! ```

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::app::{Folder, Grants, GuestPath, HostPath, Mode, NameRule, SocketRule};

/// All grants of an actor.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct GrantTable {
    files: BTreeMap<GuestPath, FolderTable>,
    sockets: Vec<SocketRule>,
    names: Vec<NameRule>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FolderTable {
    from: HostPath,
    #[serde(default)]
    mode: Mode,
}

impl From<GrantTable> for Grants {
    fn from(table: GrantTable) -> Self {
        let files = table.files.into_iter();
        Self {
            files: files
                .map(|(path, FolderTable { from, mode })| (path, Folder { from, mode }))
                .collect(),
            sockets: table.sockets,
            names: table.names,
        }
    }
}
