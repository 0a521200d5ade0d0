//! A bare hyper server that asks a plain responder for each request: two processes and NATS between
//! them, as an HTTP provider and a host are, with nothing in them.

use anyhow::Context as _;
use bytes::Bytes;

use super::{Answer, Request, Response, SUBJECT};

pub(super) async fn run(nats: &str) -> anyhow::Result<()> {
    let client = async_nats::connect(nats)
        .await
        .context("failed to connect")?;
    super::listen(Web { client }).await
}

#[derive(Clone)]
struct Web {
    client: async_nats::Client,
}

impl Answer for Web {
    async fn answer(&self, request: Request) -> anyhow::Result<Response> {
        let path = Bytes::copy_from_slice(request.uri().path().as_bytes());
        let reply = self.client.request(SUBJECT, path).await?;
        Ok(Response::new(super::whole(reply.payload)))
    }
}
