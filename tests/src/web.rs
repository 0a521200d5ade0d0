//! An HTTP client, as simple as curl.

use std::net::SocketAddr;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;

/// What a server answered.
#[derive(Debug, Clone)]
pub struct Page {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: http::HeaderMap,
    /// The body.
    pub body: Bytes,
}

/// `GET`, once.
pub async fn get(address: SocketAddr, path: &str) -> anyhow::Result<Page> {
    send(address, "GET", path, Bytes::new()).await
}

/// Any request, once, on a connection of its own.
pub async fn send(
    address: SocketAddr,
    method: &str,
    path: &str,
    body: impl Into<Bytes>,
) -> anyhow::Result<Page> {
    send_to(address, &address.to_string(), method, path, body).await
}

/// Any request, to a host of that name.
pub async fn send_to(
    address: SocketAddr,
    host: &str,
    method: &str,
    path: &str,
    body: impl Into<Bytes>,
) -> anyhow::Result<Page> {
    let request = http::Request::builder()
        .method(method)
        .uri(format!("http://{address}{path}"))
        .header(http::header::HOST, host)
        .body(Full::new(body.into()))?;
    let response = Client::builder(TokioExecutor::new())
        .build_http()
        .request(request)
        .await?;
    let (parts, body) = response.into_parts();
    let body = body.collect().await?.to_bytes();
    Ok(Page {
        status: parts.status.as_u16(),
        headers: parts.headers,
        body,
    })
}

impl Page {
    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The number in `count: N`, as the demo's counter answers.
    ///
    /// # Panics
    /// If the page is something else.
    pub fn count(&self) -> u64 {
        let text = self.text();
        let number = text
            .trim_end()
            .strip_prefix("count: ")
            .and_then(|number| number.parse().ok());
        number.unwrap_or_else(|| panic!("no count: {} {text}", self.status))
    }

    /// The code of a refusal by the HTTP provider.
    pub fn code(&self) -> String {
        let problem: Value = serde_json::from_slice(&self.body).unwrap_or_default();
        problem["code"].as_str().unwrap_or_default().to_owned()
    }
}
