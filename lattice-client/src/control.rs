//! Control requests, asked and answered.

use std::time::Duration;

use async_nats::{HeaderMap, Message, StatusCode};
use bytes::Bytes;
use lattice_protocol::control::{
    BY_HEADER, BY_LEN_MAX, HostVerb, Problem, ProblemCode, Reply, Verb,
};
use lattice_protocol::error::one_line;
use lattice_protocol::id::HostId;
use lattice_protocol::subject::{self, QUEUE_GROUP, Route, Subject};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::connect::Client;
use crate::inflow::Inflow;
use crate::respond::understands_frames;
use crate::serve::ServeError;
use crate::stream::{Answering, Asking};

/// How long a control request may take: it reads and writes state, it doesn't wait for effects.
const CONTROL_TIMEOUT: Duration = Duration::from_secs(10);

/// How long an answer to what only reads may take before it is asked for again: the host that got the
/// request may have been killed or frozen with it.
const READ_TIMEOUT: Duration = Duration::from_secs(3);
/// How often what only reads is asked for.
const READS_MAX: u32 = 3;

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
    /// Who asks, by their own word.
    pub by: Option<String>,
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
        let subject = subject::control(&self.lattice, verb);
        self.ask(subject, verb.as_str(), verb.changes(), request)
            .await
    }

    /// The same connection, which says with each control request who asks.
    pub fn with_author(mut self, by: &str) -> Self {
        // A line break would be another header.
        self.by = Some(one_line(by.to_owned()).into());
        self
    }

    /// Asks one host.
    pub async fn control_host<T: DeserializeOwned>(
        &self,
        host: &HostId,
        verb: HostVerb,
        request: &impl Serialize,
    ) -> Result<T, ControlError> {
        let subject = subject::host_control(&self.lattice, host, verb);
        // Nobody else could answer for that host.
        self.ask(subject, verb.as_str(), true, request).await
    }

    async fn ask<T: DeserializeOwned>(
        &self,
        subject: Subject,
        verb: &str,
        once: bool,
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
        let payload = Bytes::from(payload);
        let (tries, time) = match once {
            true => (1, CONTROL_TIMEOUT),
            false => (READS_MAX, READ_TIMEOUT),
        };
        let mut reply = None;
        for _ in 0..tries {
            let asked = self.ask_once(&subject, payload.clone());
            if let Ok(answered) = tokio::time::timeout(time, asked).await {
                reply = Some(answered.map_err(failed)?);
                break;
            }
        }
        let reply = reply.ok_or_else(|| ControlError::TimedOut(verb.to_owned()))?;
        let Some(payload) = reply else {
            return Err(ControlError::NoHost(self.lattice.to_string()));
        };
        serde_json::from_slice::<Reply<T>>(&payload)
            .map_err(|e| failed(format!("the answer can't be read: {e}")))?
            .into_result()
            .map_err(ControlError::Refused)
    }

    /// The reply, whole; none if there is no host.
    async fn ask_once(&self, subject: &Subject, payload: Bytes) -> Result<Option<Bytes>, String> {
        let ticket = self.mux.ticket();
        let mut ticket = ticket.ok_or("too many requests wait")?;
        let (subject, inbox) = (subject.as_str().to_owned(), ticket.subject());
        let sent = match &self.by {
            None => self.nats.publish_with_reply(subject, inbox, payload).await,
            Some(by) => {
                let mut headers = HeaderMap::new();
                headers.insert(BY_HEADER, &**by);
                let nats = &self.nats;
                nats.publish_with_reply_and_headers(subject, inbox, headers, payload)
                    .await
            }
        };
        sent.map_err(|error| error.to_string())?;
        let reply = ticket.reply().await;
        let reply = reply.ok_or("the connection to NATS was closed")?;
        if reply.more.is_some() {
            let whole = Asking::gather(self, ticket, reply, READ_TIMEOUT).await;
            return whole.map(Some).map_err(|error| error.message);
        }
        let nobody = reply.message.status == Some(StatusCode::NO_RESPONDERS);
        Ok((!nobody).then_some(reply.message.payload))
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
                by: author(&message),
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

/// One line, cut where it is too long to be a name.
fn author(message: &Message) -> Option<String> {
    let said = message.headers.as_ref()?.get(BY_HEADER)?;
    let mut by = one_line(said.as_str().to_owned());
    by.truncate(by.floor_char_boundary(BY_LEN_MAX));
    (!by.is_empty()).then_some(by)
}

impl ControlRequest {
    /// Answers the request.
    pub async fn reply(self, result: Result<serde_json::Value, Problem>) {
        let Some(subject) = self.reply else { return };
        let client = self.client;
        let payload = written(Reply::from(result));
        if payload.len() > client.max_payload() {
            // Whoever lists thousands of actors takes what fits no message piece by piece.
            match understands_frames(&client, &subject) {
                true => return in_frames(&client, subject, payload).await,
                false => return send(&client, subject, written(too_much())).await,
            }
        }
        send(&client, subject, payload).await;
    }
}

async fn send(client: &Client, to: async_nats::Subject, payload: Vec<u8>) {
    if let Err(error) = client.nats.publish(to, payload.into()).await {
        tracing::warn!(%error, "a control reply could not be sent");
    }
}

async fn in_frames(client: &Client, to: async_nats::Subject, payload: Vec<u8>) {
    let reply = Bytes::from(payload).into();
    if let Err(error) = Answering::answer_plain(client, to, reply, READ_TIMEOUT).await {
        tracing::warn!(%error, "a control reply could not be sent");
    }
}

/// The reply as JSON, or a problem that says why there is none.
fn written(reply: Reply<serde_json::Value>) -> Vec<u8> {
    serde_json::to_vec(&reply).unwrap_or_else(|error| {
        let problem = Problem::new(
            ProblemCode::Internal,
            format!("the answer can't be written: {error}"),
        );
        serde_json::to_vec(&Reply::<()>::from(Err(problem))).unwrap_or_default()
    })
}

fn too_much() -> Reply<serde_json::Value> {
    let message = "the answer is over the NATS server's max_payload, and who asks takes no frames: ask \
                   with `lattice`, or raise max_payload";
    Reply::from(Err(Problem::new(ProblemCode::Internal, message)))
}
