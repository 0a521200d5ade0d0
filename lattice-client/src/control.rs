//! Control requests, asked and answered.

use std::time::Duration;

use async_nats::StatusCode;
use bytes::Bytes;
use lattice_protocol::control::{HostVerb, Problem, ProblemCode, Reply, Verb};
use lattice_protocol::id::HostId;
use lattice_protocol::subject::{self, QUEUE_GROUP, Route, Subject};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::connect::Client;
use crate::inflow::Inflow;
use crate::serve::ServeError;

/// How long a control request may take: it reads and writes state, it doesn't wait for effects.
const CONTROL_TIMEOUT: Duration = Duration::from_secs(10);

/// Why a control request has no value.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// It was answered: no.
    #[error("{0}")]
    Refused(Problem),
    /// No host is there.
    #[error("no host of lattice {0} answers: start one with `lattice host` or `lattice up`")]
    NoHost(String),
    /// No answer came.
    #[error("no answer to {0} within {CONTROL_TIMEOUT:?}")]
    TimedOut(String),
    /// It could not be sent, or the answer could not be read.
    #[error("failed to ask for {what}: {reason}")]
    Failed {
        /// The verb.
        what: String,
        /// What went wrong.
        reason: String,
    },
}

/// Control requests coming in, one by one.
pub struct Controls {
    client: Client,
    requests: Inflow,
}

/// One control request.
pub struct ControlRequest {
    client: Client,
    /// What is asked: `app.apply`, or a verb for this host.
    pub verb: String,
    /// Whether it came on this host's own subject.
    pub for_host: bool,
    /// The request, as JSON.
    pub payload: Bytes,
    reply: Option<async_nats::Subject>,
}

impl Client {
    /// Asks any host.
    pub async fn control<T: DeserializeOwned>(
        &self,
        verb: Verb,
        request: &impl Serialize,
    ) -> Result<T, ControlError> {
        self.ask(
            subject::control(&self.lattice, verb),
            verb.as_str(),
            request,
        )
        .await
    }

    /// Asks one host.
    pub async fn control_host<T: DeserializeOwned>(
        &self,
        host: &HostId,
        verb: HostVerb,
        request: &impl Serialize,
    ) -> Result<T, ControlError> {
        self.ask(
            subject::host_control(&self.lattice, host, verb),
            verb.as_str(),
            request,
        )
        .await
    }

    async fn ask<T: DeserializeOwned>(
        &self,
        subject: Subject,
        verb: &str,
        request: &impl Serialize,
    ) -> Result<T, ControlError> {
        let failed = |reason: String| ControlError::Failed {
            what: verb.to_owned(),
            reason,
        };
        let payload = serde_json::to_vec(request).map_err(|e| failed(e.to_string()))?;
        if payload.len() > self.max_payload() {
            return Err(failed(
                "the request is over the NATS server's max_payload".into(),
            ));
        }
        let mut ticket = self
            .mux
            .ticket()
            .ok_or_else(|| failed("too many requests wait".into()))?;
        self.nats
            .publish_with_reply(subject.into_string(), ticket.subject(), payload.into())
            .await
            .map_err(|e| failed(e.to_string()))?;
        let reply = tokio::time::timeout(CONTROL_TIMEOUT, ticket.reply())
            .await
            .map_err(|_| ControlError::TimedOut(verb.to_owned()))?
            .ok_or_else(|| failed("the connection to NATS was closed".into()))?;
        if reply.status == Some(StatusCode::NO_RESPONDERS) {
            return Err(ControlError::NoHost(self.lattice.to_string()));
        }
        serde_json::from_slice::<Reply<T>>(&reply.payload)
            .map_err(|e| failed(format!("the answer can't be read: {e}")))?
            .into_result()
            .map_err(ControlError::Refused)
    }

    /// Answers control requests together with the other hosts.
    pub async fn serve_control(&self) -> Result<Controls, ServeError> {
        let subject = subject::controls(&self.lattice).into_string();
        let requests = self
            .nats
            .queue_subscribe(subject.clone(), QUEUE_GROUP.to_owned())
            .await
            .map_err(|error| ServeError {
                subject: subject.clone(),
                reason: error.to_string(),
            })?;
        Ok(Controls {
            client: self.clone(),
            requests: Inflow::new(self.clone(), &subject, requests),
        })
    }

    /// Answers control requests for this host.
    pub async fn serve_host_control(&self, host: &HostId) -> Result<Controls, ServeError> {
        let subject = subject::host_controls(&self.lattice, host).into_string();
        let requests = self
            .nats
            .subscribe(subject.clone())
            .await
            .map_err(|error| ServeError {
                subject: subject.clone(),
                reason: error.to_string(),
            })?;
        Ok(Controls {
            client: self.clone(),
            requests: Inflow::new(self.clone(), &subject, requests),
        })
    }
}

impl Controls {
    /// The next request; `None` when the subscription has ended.
    pub async fn next(&mut self) -> Option<ControlRequest> {
        loop {
            let message = self.requests.next().await?;
            let route = subject::parse(&self.client.lattice, &message.subject);
            let named = match route {
                Ok(Route::Control { host, verb }) => Some((host.is_some(), verb.to_owned())),
                _ => None,
            };
            let (for_host, verb) = named.unwrap_or_default();
            let request = ControlRequest {
                client: self.client.clone(),
                for_host,
                payload: message.payload.clone(),
                reply: message.reply.clone(),
                verb,
            };
            if !request.verb.is_empty() {
                return Some(request);
            }
            let what = "the subject is not lattice.<L>.ctl.<noun>.<verb>";
            request
                .reply(Err(Problem::new(ProblemCode::BadRequest, what)))
                .await;
        }
    }

    /// Takes no more requests.
    pub async fn drain(&mut self) {
        self.requests.leave().await;
    }
}

impl ControlRequest {
    /// Answers the request.
    pub async fn reply(self, result: Result<serde_json::Value, Problem>) {
        let Some(subject) = self.reply else { return };
        let payload = self.client.fitting(Reply::from(result));
        if let Err(error) = self.client.nats.publish(subject, payload.into()).await {
            tracing::warn!(%error, "a control reply could not be sent");
        }
    }
}

impl Client {
    /// The reply as JSON, or a problem that says why it can't be sent.
    fn fitting(&self, reply: Reply<serde_json::Value>) -> Vec<u8> {
        let problem = match serde_json::to_vec(&reply) {
            Ok(payload) if payload.len() <= self.max_payload() => return payload,
            Ok(_) => "the answer is over the NATS server's max_payload".to_owned(),
            Err(error) => format!("the answer can't be written: {error}"),
        };
        let problem = Problem::new(ProblemCode::Internal, problem);
        serde_json::to_vec(&Reply::<()>::from(Err(problem))).unwrap_or_default()
    }
}
