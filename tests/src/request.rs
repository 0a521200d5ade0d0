//! Requests by a client that knows NATS and nothing else.

use std::time::Duration;

use async_nats::{HeaderMap, Request, RequestErrorKind};
use bytes::Bytes;
use serde_json::Value;

use crate::{Lattice, Reply};

/// When a request that must be answered is given up: far above what any takes.
const REQUEST_WITHIN: Duration = Duration::from_secs(60);
/// The same for one that may be lost and is tried again.
const TRY_WITHIN: Duration = Duration::from_secs(10);

impl Lattice {
    /// A request by the plain client; nobody there is an error.
    pub async fn try_request(
        &self,
        subject: &str,
        headers: &[(&str, &str)],
        payload: impl Into<Bytes>,
    ) -> Result<Reply, RequestErrorKind> {
        self.ask(subject, headers, payload.into(), TRY_WITHIN).await
    }

    async fn ask(
        &self,
        subject: &str,
        headers: &[(&str, &str)],
        payload: Bytes,
        within: Duration,
    ) -> Result<Reply, RequestErrorKind> {
        let mut request = Request::new().payload(payload).timeout(Some(within));
        if !headers.is_empty() {
            let mut map = HeaderMap::new();
            headers
                .iter()
                .for_each(|(name, value)| map.insert(*name, *value));
            request = request.headers(map);
        }
        let answer = self.plain().send_request(subject.to_owned(), request).await;
        answer.map(Reply::new).map_err(|error| error.kind())
    }

    /// A request by the plain client, without headers.
    pub async fn request(&self, subject: &str, payload: impl Into<Bytes>) -> Reply {
        self.request_with(subject, &[], payload).await
    }

    /// A request by the plain client, with headers.
    pub async fn request_with(
        &self,
        subject: &str,
        headers: &[(&str, &str)],
        payload: impl Into<Bytes>,
    ) -> Reply {
        let answer = self
            .ask(subject, headers, payload.into(), REQUEST_WITHIN)
            .await;
        answer.unwrap_or_else(|error| panic!("{subject}: {error}"))
    }

    /// A call by the plain client with JSON: `greeter.greet`.
    pub async fn call(&self, endpoint: &str, arguments: Value) -> Reply {
        self.request(
            &format!("lattice.default.call.{endpoint}"),
            arguments.to_string(),
        )
        .await
    }

    /// A control request by the plain client; answers the whole reply.
    pub async fn control(&self, verb: &str, request: Value) -> Value {
        self.request(&format!("lattice.default.ctl.{verb}"), request.to_string())
            .await
            .json()
    }

    /// The same, where it may be that nobody answers: then it is null.
    pub async fn try_control(&self, verb: &str, request: Value) -> Value {
        let subject = format!("lattice.default.ctl.{verb}");
        match self.try_request(&subject, &[], request.to_string()).await {
            Ok(reply) => reply.json(),
            Err(_) => Value::Null,
        }
    }
}
