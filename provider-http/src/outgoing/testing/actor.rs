//! An actor that sends through its link.

use std::sync::Arc;

use bytes::Bytes;
use lattice_client::stream::Reader;
use lattice_protocol::call::Context;
use lattice_protocol::error::CallError;
use lattice_protocol::standard::http::{Body, FieldValue, Patience, Request};
use serde_json::{Value, json};

use super::Site;
use crate::config::Config;
use crate::outgoing::*;

/// An actor with a link.
pub(in crate::outgoing) struct Actor {
    pub(in crate::outgoing) outgoing: Arc<Outgoing>,
    pub(in crate::outgoing) link: Arc<Link>,
}

/// A response as the actor has it.
#[derive(Debug)]
pub(in crate::outgoing) struct Got {
    pub(in crate::outgoing) response: Response,
    pub(in crate::outgoing) stream: Option<Reader>,
}

impl Actor {
    /// With a config of the provider, and one of its link.
    pub(in crate::outgoing) async fn new(config: Value, link: Value) -> Self {
        let written = json!({ "outgoing": config });
        let config = Config::read(written.as_object().unwrap()).unwrap();
        let link = linked(link);
        let outgoing = Arc::new(Outgoing::default());
        let links = [Link::clone(&link)];
        outgoing.apply(config.outgoing, &links).await.unwrap();
        Self { outgoing, link }
    }

    /// With everything allowed, for what is not about that.
    pub(in crate::outgoing) async fn free(config: Value, site: &Site) -> Self {
        let port = site.address.port();
        let allow = [format!("http://*:{port}"), format!("https://*:{port}")];
        Self::new(config, json!({"allow": allow, "private": true})).await
    }

    /// The same actor through another link.
    pub(in crate::outgoing) fn through(&self, link: Value) -> Self {
        Self {
            outgoing: self.outgoing.clone(),
            link: linked(link),
        }
    }

    pub(in crate::outgoing) async fn call(
        &self,
        request: Request,
        options: Option<Patience>,
        stream: Option<Reader>,
    ) -> Result<Result<Got, Fault>, CallError> {
        let payload = rmp_serde::to_vec_named(&Arguments { request, options }).unwrap();
        let context = Context {
            traceparent: Some("00-trace".into()),
            ..Context::default()
        };
        let link = Some(self.link.clone());
        let mut call = Call::new(handle().unwrap(), link, context, payload.into()).unwrap();
        call.streams = stream.into_iter().collect::<Vec<_>>().into();
        call.takes_streams = true;
        let mut reply = self.outgoing.call(call).await?;
        Ok(match rmp_serde::from_slice(&reply.payload).unwrap() {
            Answer::Ok(response) => Ok(Got {
                response,
                stream: reply.streams.pop(),
            }),
            Answer::Err(fault) => Err(fault),
        })
    }

    pub(in crate::outgoing) async fn send(&self, request: Request) -> Result<Got, Fault> {
        self.call(request, None, None).await.unwrap()
    }

    /// `GET` of a site's path.
    pub(in crate::outgoing) async fn get(&self, site: &Site, path: &str) -> Result<Got, Fault> {
        self.send(request("GET", "http", &site.authority(), path))
            .await
    }
}

fn linked(config: Value) -> Arc<Link> {
    Arc::new(Link {
        source: "mailer".parse().unwrap(),
        interface: OUTGOING.parse().unwrap(),
        name: "default".parse().unwrap(),
        config: serde_json::from_value(config).unwrap(),
    })
}

pub(in crate::outgoing) fn request(
    method: &str,
    scheme: &str,
    authority: &str,
    path: &str,
) -> Request {
    Request {
        method: method.into(),
        scheme: scheme.into(),
        authority: authority.into(),
        path: path.into(),
        headers: Vec::new(),
        body: Body::default(),
    }
}

pub(in crate::outgoing) fn with_headers(mut request: Request, headers: &[(&str, &str)]) -> Request {
    let field = |(name, value): &(&str, &str)| ((*name).to_owned(), FieldValue::from(*value));
    request.headers = headers.iter().map(field).collect();
    request
}

impl Got {
    /// The body to its end.
    pub(in crate::outgoing) async fn body(mut self) -> Result<Bytes, CallError> {
        let mut all = match &self.response.body {
            Body::Whole(bytes) => bytes.to_vec(),
            Body::Stream(_) => Vec::new(),
        };
        if let Some(stream) = &mut self.stream {
            while let Some(piece) = stream.next().await {
                all.extend_from_slice(&piece?);
            }
        }
        Ok(all.into())
    }

    pub(in crate::outgoing) async fn json(self) -> Value {
        serde_json::from_slice(&self.body().await.unwrap()).unwrap()
    }
}
