//! What is known of a request before anything is decided.

use http::HeaderValue;
use http::request::Parts;
use lattice_protocol::id::{CallId, TargetName};

use crate::access::Entry;
use crate::forwarded::{Peer, Source};
use crate::live::Live;
use crate::request;

/// A request as it came, and what follows from its head and its connection.
pub(crate) struct Asked {
    pub(crate) parts: Parts,
    pub(crate) source: Source,
    pub(crate) call: CallId,
    pub(crate) request_id: HeaderValue,
    /// Its line in the access log.
    pub(crate) entry: Option<Entry>,
}

impl Asked {
    /// What is known of a request that came now.
    pub(crate) fn new(parts: Parts, peer: Peer, live: &Live) -> Self {
        let call = CallId::new();
        let request_id = request::id(&parts.headers, call);
        let source = live.trust.source(&parts.headers, peer);
        let entry = live.access_log.then(|| {
            let mut entry = Entry::new(&parts, peer.address, &request_id);
            entry.client = source.client();
            entry
        });
        Self {
            parts,
            source,
            call,
            request_id,
            entry,
        }
    }

    /// The host that it names.
    pub(crate) fn is_to_host(&mut self, host: &str) {
        if let Some(entry) = &mut self.entry {
            entry.host = Some(host.to_owned());
        }
    }

    /// The actor that a route leads to.
    pub(crate) fn is_for(&mut self, actor: &TargetName) {
        if let Some(entry) = &mut self.entry {
            entry.actor = Some(actor.clone());
        }
    }
}
