//! What actors may be granted of a host: the flags of `lattice host` and `lattice up`.

use host::{Allow, AllowedFolder};
use lattice_config::app::{NameRule, SocketRule};
use tokio::process::Command;

/// Nothing is allowed unless it is given here: a manifest may come from anybody who may send one.
#[derive(Debug, Clone, Default, clap::Args)]
pub(super) struct Allowed {
    /// Folder that actors may be granted with all below it; with :ro behind it, only to be read. May be
    /// given several times.
    #[arg(long = "allow-files", value_name = "DIR[:ro]")]
    files: Vec<AllowedFolder>,

    /// Sockets that actors may be granted, such as tcp:10.0.0.0/8:5432; may be given several times.
    #[arg(long = "allow-sockets", value_name = "[USE:]NET:PORT")]
    sockets: Vec<SocketRule>,

    /// Names that actors may be granted to look up, such as *.internal; may be given several times.
    #[arg(long = "allow-names", value_name = "NAME")]
    names: Vec<NameRule>,
}

impl Allowed {
    /// Gives a host that is started as a process the same flags.
    pub(super) fn pass_on(&self, command: &mut Command) {
        for folder in &self.files {
            command.arg(format!("--allow-files={folder}"));
        }
        for rule in &self.sockets {
            command.arg(format!("--allow-sockets={rule}"));
        }
        for rule in &self.names {
            command.arg(format!("--allow-names={rule}"));
        }
    }
}

impl From<Allowed> for Allow {
    fn from(allowed: Allowed) -> Self {
        Self {
            files: allowed.files,
            sockets: allowed.sockets,
            names: allowed.names,
        }
    }
}
