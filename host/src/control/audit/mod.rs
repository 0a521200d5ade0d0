//! The audit trail: what was asked that changes something, by whom, and what became of it.

pub(super) mod list;
pub(super) mod trail;

use lattice_config::Manifest;
use lattice_protocol::control::{
    AppApply, AuditRecord, CHANGES_MAX, Change, ChangeKind, HostVerb, Problem, REASON_LEN_MAX, Verb,
};
use lattice_protocol::event::Kind;
use lattice_protocol::id::HostId;
use serde_json::Value;

/// A request as it came.
pub(super) struct Asked<'a> {
    /// What was asked.
    pub(super) verb: &'a str,
    /// Whether it was asked of this host alone.
    pub(super) for_host: bool,
    /// Who asked, by their own word.
    pub(super) by: Option<String>,
    /// The request.
    pub(super) payload: &'a [u8],
}

/// What is kept of a request; none of one that changed nothing and was not meant to.
pub(super) fn record(
    asked: Asked<'_>,
    host: &HostId,
    result: &Result<Value, Problem>,
) -> Option<(Kind, AuditRecord)> {
    if !changes(&asked) {
        return None;
    }
    let mut record = AuditRecord {
        verb: asked.verb.to_owned(),
        by: asked.by.clone(),
        host: host.clone(),
        about: String::new(),
        revision: None,
        changes: Vec::new(),
        code: None,
        reason: None,
    };
    match result {
        Ok(value) if changed_nothing(value) => None,
        Ok(value) => {
            record.about = about_answer(value).unwrap_or_else(|| about_request(&asked, host));
            record.revision = value["revision"].as_u64();
            record.changes = changes_of(value);
            Some((Kind::AuditChanged, record))
        }
        Err(problem) => {
            record.about = about_request(&asked, host);
            record.code = Some(problem.code);
            record.reason = Some(cut(&problem.message));
            Some((Kind::AuditRefused, record))
        }
    }
}

fn changes(asked: &Asked<'_>) -> bool {
    let request: Value = serde_json::from_slice(asked.payload).unwrap_or_default();
    if request["dry_run"] == true {
        return false;
    }
    if asked.for_host {
        asked.verb.parse().is_ok_and(HostVerb::changes)
    } else {
        asked.verb.parse().is_ok_and(Verb::changes)
    }
}

/// Every verb is idempotent: what was so already is told by an empty list of changes.
fn changed_nothing(value: &Value) -> bool {
    let is_empty = |name: &str| value[name].as_array().is_some_and(Vec::is_empty);
    is_empty("changes") || is_empty("removed") || value["deleted"] == false
}

fn about_answer(value: &Value) -> Option<String> {
    value["app"].as_str().map(|app| format!("app/{app}"))
}

fn about_request(asked: &Asked<'_>, host: &HostId) -> String {
    if asked.for_host {
        return format!("host/{host}");
    }
    let request: Value = serde_json::from_slice(asked.payload).unwrap_or_default();
    let noun = asked.verb.split('.').next().unwrap_or_default();
    let name = ["source", "name", "digest"]
        .iter()
        .find_map(|field| request[field].as_str());
    match name {
        Some(name) => cut(&format!("{noun}/{name}")),
        None => about_manifest(asked.payload).unwrap_or_default(),
    }
}

fn about_manifest(payload: &[u8]) -> Option<String> {
    let request: AppApply = serde_json::from_slice(payload).ok()?;
    let manifest = Manifest::parse(&request.manifest).ok()?;
    Some(format!("app/{}", manifest.app().name))
}

fn changes_of(value: &Value) -> Vec<Change> {
    let changes = value["changes"].as_array().into_iter().flatten();
    let changes = changes.filter_map(|change| serde_json::from_value(change.clone()).ok());
    let removed = value["removed"].as_array().into_iter().flatten();
    let removed = removed.filter_map(|artifact| {
        Some(Change {
            what: ChangeKind::Removed,
            thing: format!("component {}", artifact["digest"].as_str()?),
        })
    });
    changes.chain(removed).take(CHANGES_MAX).collect()
}

fn cut(text: &str) -> String {
    text.get(..text.floor_char_boundary(REASON_LEN_MAX))
        .unwrap_or_default()
        .to_owned()
}

#[cfg(test)]
mod tests {
    use lattice_protocol::control::ProblemCode;
    use serde_json::json;

    use super::*;

    fn kept(verb: &str, request: &Value, result: Result<Value, Problem>) -> Option<AuditRecord> {
        let payload = request.to_string();
        let asked = Asked {
            verb,
            for_host: !verb.contains('.'),
            by: Some("ann".into()),
            payload: payload.as_bytes(),
        };
        record(asked, &"h1".parse().unwrap(), &result).map(|(_, record)| record)
    }

    #[test]
    fn what_changed_is_kept_with_its_revision_and_what_did_not_is_not() {
        let change = json!([{ "what": "added", "thing": "actor a" }]);
        let applied = json!({ "app": "demo", "revision": 7, "changes": change });
        let record = kept("app.apply", &json!({ "manifest": "" }), Ok(applied)).unwrap();
        assert_eq!(
            (record.about.as_str(), record.revision),
            ("app/demo", Some(7))
        );
        assert_eq!(record.changes.len(), 1);
        assert_eq!(record.by.as_deref(), Some("ann"));
        let same = json!({ "app": "demo", "revision": 7, "changes": [] });
        assert_eq!(kept("app.apply", &json!({}), Ok(same)), None);
        assert_eq!(kept("actor.list", &json!({}), Ok(json!([]))), None);
    }

    #[test]
    fn what_was_refused_is_kept_with_the_reason() {
        let problem = Problem::new(ProblemCode::Conflict, "x".repeat(2 * REASON_LEN_MAX));
        let request = json!({ "name": "echo", "instances": 3 });
        let record = kept("actor.scale", &request, Err(problem.clone())).unwrap();
        assert_eq!(record.about, "actor/echo");
        assert_eq!(record.code, Some(ProblemCode::Conflict));
        assert_eq!(record.reason.unwrap().len(), REASON_LEN_MAX);
        let request = json!({ "manifest": "name = \"demo\"\nversion = \"1\"" });
        assert_eq!(
            kept("app.apply", &request, Err(problem.clone()))
                .unwrap()
                .about,
            "app/demo"
        );
        assert_eq!(kept("no.verb", &json!({}), Err(problem)), None);
    }

    #[test]
    fn what_is_asked_of_one_host_is_about_that_host() {
        let record = kept("drain", &json!({}), Ok(json!({ "host": "h1" }))).unwrap();
        assert_eq!(record.about, "host/h1");
        assert_eq!(kept("ping", &json!({}), Ok(json!({}))), None);
    }
}
