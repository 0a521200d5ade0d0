//! What an actor is granted of its host, ready to be given to each of its guests.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};

use lattice_config::ActorSpec;
use lattice_config::app::{Mode, NameRule, SocketRule, Use};
use lattice_protocol::id::ActorName;
use tokio::runtime::Handle;
use wasmtime_wasi::filesystem::WasiFilesystemCtx;
use wasmtime_wasi::sockets::SocketAddrUse;
use wasmtime_wasi::{FsPerms, WasiCtx, WasiCtxBuilder};

use super::threads::Threads;
use super::voice::Voice;
use crate::allow::{self, Allow, Opened};

/// How many different refusals of an actor are logged: enough to mend a manifest, and a guest that
/// tries every address does not fill a log.
const REFUSALS_MAX: usize = 64;

/// What an actor is told and granted.
#[derive(Default)]
pub struct Granted {
    /// The actor; empty for one that is only tested.
    actor: String,
    args: Vec<String>,
    env: Vec<(String, String)>,
    /// Open already: a fresh instance has them for the price of a clone.
    files: WasiFilesystemCtx,
    sockets: Vec<SocketRule>,
    names: Vec<NameRule>,
    /// Wait for the disks of its folders; none where no folder is granted.
    threads: Option<Threads>,
    refused: Mutex<BTreeSet<String>>,
}

impl Granted {
    /// What the spec grants, if the host allows it.
    pub fn new(actor: &ActorName, spec: &ActorSpec, allow: &Allow) -> Result<Self, allow::Error> {
        let folders = allow.open(&spec.grants)?;
        let env = spec.env.iter();
        Ok(Self {
            actor: actor.to_string(),
            args: spec.args.clone(),
            env: env
                .map(|(key, value)| (key.clone(), value.clone()))
                .collect(),
            threads: match folders.is_empty() {
                true => None,
                false => Some(Threads::new().map_err(allow::Error::Threads)?),
            },
            files: files(folders)?,
            sockets: spec.grants.sockets.clone(),
            names: spec.grants.names.clone(),
            refused: Mutex::default(),
        })
    }

    /// The arguments of a program of this actor that is called with `more`: its name comes first.
    pub(super) fn arguments(&self, more: Vec<String>) -> Vec<String> {
        let own = self.args.iter().cloned();
        std::iter::once(self.actor.clone())
            .chain(own)
            .chain(more)
            .collect()
    }

    /// The arguments that an actor which is no program sees: none unless some are given.
    pub(super) fn given_arguments(&self) -> Vec<String> {
        match self.args.is_empty() {
            true => Vec::new(),
            false => self.arguments(Vec::new()),
        }
    }

    pub(super) fn environment(&self) -> &[(String, String)] {
        &self.env
    }

    pub(super) fn files(&self) -> Option<WasiFilesystemCtx> {
        self.threads.as_ref().map(|_| self.files.clone())
    }

    /// Where a guest runs that waits for files.
    pub(crate) fn threads(&self) -> Option<&Handle> {
        self.threads.as_ref()?.own()
    }

    /// Where runs what leaves such a guest.
    pub(crate) fn host(&self) -> Option<&Handle> {
        Some(self.threads.as_ref()?.host())
    }

    /// Whether the guest may hold files or sockets of the host.
    pub(super) fn reaches_out(&self) -> bool {
        self.threads.is_some() || !self.sockets.is_empty()
    }

    /// Whether a socket for one of these uses may be made.
    pub(super) fn may_use(&self, uses: [Use; 2]) -> bool {
        let about = |rule: &SocketRule| uses.iter().any(|wanted| rule.is_about(*wanted));
        self.sockets.iter().any(about)
    }

    pub(super) fn may_look_anything_up(&self) -> bool {
        !self.names.is_empty()
    }

    /// Whether a name may be looked up; if not, the log says what to write.
    pub(super) fn may_look_up(&self, name: &str, voice: &Voice) -> bool {
        // An address is its own answer: nobody is asked.
        if name.parse::<std::net::IpAddr>().is_ok() {
            return true;
        }
        let allowed = self.names.iter().any(|rule| rule.allows(name));
        if !allowed {
            let name: String = name.chars().take(64).collect();
            self.refuse(
                voice,
                &format!("name {name}"),
                &format!("names = [\"{name}\"]"),
            );
        }
        allowed
    }

    /// Whether an address may be used so; if not, the log says what to write.
    pub(super) fn may_reach(
        &self,
        wanted: SocketAddrUse,
        address: SocketAddr,
        voice: &Voice,
    ) -> bool {
        // A socket that is bound to nothing in particular is one that only reaches out.
        let anywhere = address.ip().is_unspecified() && address.port() == 0;
        let rule = match wanted {
            SocketAddrUse::TcpConnect => Use::Tcp,
            SocketAddrUse::UdpSend | SocketAddrUse::UdpReceive => Use::Udp,
            SocketAddrUse::TcpBind if anywhere && self.is_about(Use::Tcp) => return true,
            SocketAddrUse::UdpBind if anywhere && self.is_about(Use::Udp) => return true,
            SocketAddrUse::TcpAccept => return self.is_about(Use::TcpListen),
            SocketAddrUse::TcpBind | SocketAddrUse::TcpListen => Use::TcpListen,
            SocketAddrUse::UdpBind => Use::UdpListen,
        };
        let allowed = self
            .sockets
            .iter()
            .any(|granted| granted.allows(rule, address));
        // Who sends to the guest is not the guest's doing.
        if !allowed && !matches!(wanted, SocketAddrUse::UdpReceive) {
            let rule = SocketRule::exactly(rule, address);
            self.refuse(
                voice,
                &format!("socket {rule}"),
                &format!("sockets = [\"{rule}\"]"),
            );
        }
        allowed
    }

    fn is_about(&self, wanted: Use) -> bool {
        self.sockets.iter().any(|rule| rule.is_about(wanted))
    }

    /// Says once what was refused, and what to write.
    pub(super) fn refuse(&self, voice: &Voice, what: &str, line: &str) {
        let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        if refused.len() >= REFUSALS_MAX || !refused.insert(what.to_owned()) {
            return;
        }
        drop(refused);
        let actor = &self.actor;
        voice.refusal(&format!(
            "refused {what}: nothing grants it; write {line} under [actor.{actor}.grant]"
        ));
    }

    /// Says once that there is no folder.
    pub(super) fn refuse_files(&self, voice: &Voice) {
        let line = "files.\"/data\" = { from = \"/srv/data\", mode = \"read\" }";
        self.refuse(voice, "a look for folders", line);
    }
}

/// The folders as wasmtime gives them out.
fn files(folders: Vec<Opened>) -> Result<WasiFilesystemCtx, allow::Error> {
    let mut builder = WasiCtx::builder();
    builder.allow_blocking_current_thread(false);
    for folder in folders {
        open(&mut builder, &folder)?;
    }
    Ok(std::mem::take(builder.build().filesystem()))
}

fn open(builder: &mut WasiCtxBuilder, folder: &Opened) -> Result<(), allow::Error> {
    let perms = match folder.mode {
        Mode::Read => FsPerms::ReadOnly,
        Mode::ReadWrite => FsPerms::ReadWrite,
    };
    let opened = builder.preopened_dir(&folder.path, folder.guest.as_str(), perms);
    let failed = |error: wasmtime::Error| allow::Error::Folder {
        path: folder.guest.to_string(),
        source: std::io::Error::other(format!("{error:#}")),
    };
    opened.map(drop).map_err(failed)
}
