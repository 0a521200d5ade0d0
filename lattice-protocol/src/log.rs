//! Log records of actors and providers: one JSON object a message on `lattice.<L>.log.<target>`.

use serde::{Deserialize, Serialize};

use crate::id::{CallId, HostId, TargetName};
use crate::trace::TraceId;
use crate::words::words;

words! {
    /// How serious a record is; the names of `wasi:logging`.
    Level {
        /// Finest.
        Trace = "trace",
        /// For its author.
        Debug = "debug",
        /// What goes on: a guest's standard output.
        Info = "info",
        /// Odd: a guest's standard error.
        Warn = "warn",
        /// Failed: a guest's trap.
        Error = "error",
        /// The worst that `wasi:logging` knows.
        Critical = "critical",
    }
}

words! {
    /// Where a record came from.
    Stream {
        /// Standard output.
        Stdout = "stdout",
        /// Standard error.
        Stderr = "stderr",
        /// `wasi:logging`.
        Logging = "logging",
        /// The host, about the guest: a trap with its backtrace, lines left out.
        Host = "host",
    }
}

/// One record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// RFC 3339, by the host's clock.
    pub time: String,
    /// Whose.
    pub target: TargetName,
    /// Where it ran.
    pub host: HostId,
    /// How serious.
    pub level: Level,
    /// Where it came from.
    pub stream: Stream,
    /// The call it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "call_id")]
    pub call: Option<CallId>,
    /// The trace that the call belongs to, if its caller named one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace: Option<TraceId>,
    /// What was said, without its line break.
    pub message: String,
}

mod call_id {
    use serde::{Deserialize as _, Deserializer, Serializer};

    use crate::id::CallId;

    pub(super) fn serialize<S: Serializer>(id: &Option<CallId>, s: S) -> Result<S::Ok, S::Error> {
        match id {
            Some(id) => s.collect_str(id),
            None => s.serialize_none(),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Option<CallId>, D::Error> {
        Option::<String>::deserialize(d)?
            .map(|text| text.parse().map_err(serde::de::Error::custom))
            .transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_survives_json() {
        let record = Record {
            time: "2026-01-02T03:04:05Z".into(),
            target: "greeter".parse().unwrap(),
            host: "h1".parse().unwrap(),
            level: Level::Info,
            stream: Stream::Stdout,
            call: Some(CallId::new()),
            trace: TraceId::new(7),
            message: "greeting World".into(),
        };
        let text = serde_json::to_string(&record).unwrap();
        assert_eq!(serde_json::from_str::<Record>(&text).unwrap(), record);
    }
}
