//! What all actors of one component share on a host.

use std::sync::{Arc, OnceLock};

use wasmtime::component::{Component, InstancePre};

use crate::capability::Guest;
use crate::capability::http::Handler;
use crate::component::Exports;

/// A component in use.
pub(super) struct Code {
    pub(super) component: Arc<Component>,
    /// What can be called.
    pub(super) exports: Exports,
    /// Its imports answered, for actors of whose links none is part of that.
    pub(super) given: OnceLock<InstancePre<Guest>>,
    http: OnceLock<Handler>,
}

impl Code {
    pub(super) fn of(component: Arc<Component>) -> Self {
        Self {
            exports: Exports::of(component.engine(), &component),
            component,
            given: OnceLock::new(),
            http: OnceLock::new(),
        }
    }

    /// The way in for HTTP requests, if it serves them.
    pub(super) fn handler(&self, pre: &InstancePre<Guest>) -> wasmtime::Result<Option<Handler>> {
        if !self.exports.serves_http() {
            return Ok(None);
        }
        if let Some(handler) = self.http.get() {
            return Ok(Some(handler.clone()));
        }
        let handler = Handler::new(pre)?;
        Ok(Some(self.http.get_or_init(|| handler).clone()))
    }
}
