//! `label`: labels of this host are set, or removed by `null`: `{"labels":{"zone":"b","gpu":null}}`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::control::desk::Desk;
use crate::control::request::{Answer, bad};

/// What to change.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::control) struct Label {
    labels: BTreeMap<String, Option<String>>,
}

/// Every label that the host has now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(in crate::control) struct Labels {
    labels: BTreeMap<String, String>,
}

pub(in crate::control) fn handle(desk: &Desk, request: Label) -> Answer<Labels> {
    let labels = desk
        .reporter
        .label(request.labels)
        .map_err(|error| bad(error.to_string()))?;
    tracing::info!(target: "audit", verb = "label", host = %desk.host, ?labels, "changed");
    Ok(Labels { labels })
}
