//! The settings in force.

use std::sync::Arc;

use crate::config::{Config, Limits};
use crate::forwarded::Trust;
use crate::route::Table;
use crate::tls::Tls;

/// What every request is answered by; replaced as a whole.
#[derive(Debug)]
pub(crate) struct Live {
    pub(crate) limits: Limits,
    pub(crate) trust: Trust,
    pub(crate) access_log: bool,
    /// What new connections speak TLS with.
    pub(crate) tls: Option<Arc<Tls>>,
    pub(crate) table: Table,
}

impl Live {
    /// The settings of a config.
    pub(crate) fn new(config: Config, table: Table, tls: Option<Arc<Tls>>) -> Self {
        Self {
            limits: config.limits,
            trust: config.trust,
            access_log: config.access_log,
            tls,
            table,
        }
    }
}
