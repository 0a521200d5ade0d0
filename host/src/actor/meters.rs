//! Where the calls of one actor are counted, if anybody reads that.

use std::sync::Arc;

use lattice_protocol::interface::Endpoint;
use lattice_telemetry::Telemetry;
use lattice_telemetry::metrics::{Callee, Meter};

use crate::component::{Exported, Exports};

/// What is counted of calls that name no function. No function has such a name.
const UNKNOWN: &str = "(unknown)";

/// The meters of one actor.
pub(super) struct Meters {
    /// By the number of what is called.
    functions: Vec<Arc<Meter>>,
    /// Of calls of what is not there: a name from the wire is never a label, as whoever calls could
    /// make any number of them.
    others: Option<Arc<Meter>>,
}

impl Meters {
    /// Has calls counted from here on; none if nobody reads that.
    pub(super) fn of(exports: &Exports, telemetry: &Telemetry, actor: &str) -> Option<Self> {
        let registry = telemetry.registry()?;
        // By name, so that a component with too many always has the same ones counted.
        let names = exports.names();
        let names = names.iter().map(String::as_str);
        Some(Self {
            functions: registry.meters(Callee::Actor, actor, names),
            others: registry.meters(Callee::Actor, actor, [UNKNOWN]).pop(),
        })
    }

    /// Where calls of this are counted.
    pub(super) fn of_one(&self, exported: &Exported) -> Option<&Meter> {
        self.functions.get(exported.number).map(Arc::as_ref)
    }

    /// Where a call of `endpoint` is counted, be there such a function or not.
    pub(super) fn find(&self, exports: &Exports, endpoint: &Endpoint) -> Option<&Meter> {
        match exports.find(endpoint) {
            Ok(exported) => self.of_one(exported),
            Err(_) => self.others.as_deref(),
        }
    }
}
