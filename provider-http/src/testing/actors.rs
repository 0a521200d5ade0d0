//! Actors as the tests need them: what one does is told by the path of its request.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use bytes::Bytes;
use lattice_client::stream::{Reader, Writer, pipe};
use lattice_client::{Call, Reply};
use lattice_protocol::error::{CallError, ErrorCode};
use lattice_protocol::standard::http::{
    Body, FieldValue, Request, Response, read_trailers, write_trailers,
};
use lattice_telemetry::{Calling, Way};
use serde_json::{Map, Value, json};
use tokio::sync::Notify;

use crate::backend::Backend;

/// What an actor lets be under way of its response.
const WINDOW_BYTES: usize = 16 * 1024;

#[derive(Clone, Default)]
pub(crate) struct Actors(Arc<State>);

#[derive(Default)]
pub(crate) struct State {
    pub(crate) disconnected: AtomicBool,
    /// A call to `/wait`, `/stream`, `/hold` or `/endless` has begun.
    pub(crate) begun: Notify,
    /// Lets it go on.
    pub(crate) proceed: Notify,
    /// It was dropped before it ended.
    pub(crate) cancelled: Notify,
    /// What `/endless` could write.
    pub(crate) written: AtomicUsize,
}

impl std::ops::Deref for Actors {
    type Target = State;

    fn deref(&self) -> &State {
        &self.0
    }
}

impl Backend for Actors {
    fn is_connected(&self) -> bool {
        !self.disconnected.load(Ordering::Relaxed)
    }

    async fn call(&self, call: Call, calling: &mut Calling<'_>) -> Result<Reply, CallError> {
        calling.goes(Way::Peer);
        assert_eq!(
            call.endpoint.to_string(),
            "wasi:http/incoming-handler.handle"
        );
        let request: Request = rmp_serde::from_slice(&call.payload).unwrap();
        let response = match request.path.as_str() {
            "/trap" => return Err(CallError::begun(ErrorCode::Trapped, "secret of the guest")),
            "/full" => return Err(CallError::refused(ErrorCode::Overloaded, "no room")),
            "/garbage" => return Ok(Bytes::from_static(b"\xc1").into()),
            "/forge" => response(200, "a\r\nx-forged", ""),
            // Answers without a look at the request's body.
            "/early" => response(200, "x-early", "early"),
            "/wait" => {
                let cancelled = OnDrop(&self.cancelled);
                self.begun.notify_one();
                self.proceed.notified().await;
                std::mem::forget(cancelled);
                response(200, "x-waited", "waited")
            }
            "/hold" => {
                // Has the request's body and doesn't read it.
                let _held = call.streams.take(1);
                self.begun.notify_one();
                self.proceed.notified().await;
                response(200, "x-held", "held")
            }
            "/duplex" => return Ok(streamed(&[], call.streams.take(1).unwrap())),
            "/stream" => return Ok(self.stream(&[]).await),
            "/announced" => return Ok(self.stream(&[("content-length", "10")]).await),
            "/short" => return Ok(of_five_bytes("10")),
            "/long" => return Ok(of_five_bytes("3")),
            "/broken" => return Ok(broken()),
            "/trailers" => return Ok(with_trailers()),
            "/endless" => return Ok(self.endless()),
            // Says what it was asked.
            _ => self.echo(&call, &request).await?,
        };
        Ok(packed(&response).into())
    }
}

impl Actors {
    /// A response of two pieces; the second comes when the test lets it.
    async fn stream(&self, headers: &[(&str, &str)]) -> Reply {
        let (mut writer, reader) = pipe(WINDOW_BYTES);
        let actors = self.clone();
        tokio::spawn(async move {
            writer.push("first".into());
            actors.begun.notify_one();
            tokio::select! {
                () = actors.proceed.notified() => {}
                _ = writer.closed() => return actors.cancelled.notify_one(),
            }
            writer.push("later".into());
            writer.end(Bytes::new());
        });
        streamed(headers, reader)
    }

    /// A response that has no end but its client's.
    fn endless(&self) -> Reply {
        let (mut writer, reader) = pipe(WINDOW_BYTES);
        let actors = self.clone();
        tokio::spawn(async move {
            let piece = Bytes::from(vec![b'x'; 1024]);
            while writer.write(piece.clone()).await.is_ok() {
                actors.written.fetch_add(piece.len(), Ordering::Relaxed);
                actors.begun.notify_one();
            }
            actors.cancelled.notify_one();
        });
        streamed(&[], reader)
    }

    async fn echo(&self, call: &Call, request: &Request) -> Result<Response, CallError> {
        let (body_len, trailers) = match &request.body {
            Body::Whole(bytes) => (bytes.len(), Vec::new()),
            Body::Stream(number) => {
                let cancelled = OnDrop(&self.cancelled);
                let read = read(call.streams.take(*number).unwrap()).await?;
                std::mem::forget(cancelled);
                read
            }
        };
        let said = json!({
            "actor": call.target.as_str(),
            "method": request.method,
            "scheme": request.scheme,
            "authority": request.authority,
            "path": request.path,
            "headers": object(&request.headers),
            "body_len": body_len,
            "streamed": matches!(request.body, Body::Stream(_)),
            "trailers": object(&trailers),
        });
        Ok(response(200, "x-echo", &said.to_string()))
    }
}

/// The length of a stream and what it ended with.
async fn read(mut reader: Reader) -> Result<(usize, Vec<(String, FieldValue)>), CallError> {
    let mut length = 0;
    while let Some(piece) = reader.next().await {
        length += piece?.len();
    }
    Ok((length, read_trailers(&reader.tail()).unwrap()))
}

struct OnDrop<'a>(&'a Notify);

impl Drop for OnDrop<'_> {
    fn drop(&mut self) {
        self.0.notify_one();
    }
}

fn packed(response: &Response) -> Bytes {
    rmp_serde::to_vec_named(response).unwrap().into()
}

fn response(status: u16, header: &str, body: &str) -> Response {
    Response {
        status,
        headers: vec![(header.to_owned(), "1".into())],
        body: Bytes::copy_from_slice(body.as_bytes()).into(),
    }
}

/// A response whose body is a stream.
fn streamed(headers: &[(&str, &str)], body: Reader) -> Reply {
    let field = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).into());
    let response = Response {
        status: 200,
        headers: headers.iter().map(field).collect(),
        body: Body::Stream(1),
    };
    Reply {
        payload: packed(&response),
        streams: vec![body],
    }
}

fn of_five_bytes(announced: &str) -> Reply {
    let body = Reader::whole("12345".into(), Bytes::new());
    streamed(&[("content-length", announced)], body)
}

fn broken() -> Reply {
    let (mut writer, reader): (Writer, Reader) = pipe(WINDOW_BYTES);
    writer.push("half".into());
    writer.fail(CallError::begun(ErrorCode::Trapped, "secret of the guest"));
    streamed(&[], reader)
}

fn with_trailers() -> Reply {
    let trailers = [("x-sum", "abc"), ("content-length", "4")]
        .map(|(name, value)| (name.to_owned(), value.into()));
    let tail = write_trailers(&trailers).unwrap();
    streamed(&[("trailer", "x-sum")], Reader::whole("body".into(), tail))
}

fn object(fields: &[(String, FieldValue)]) -> Map<String, Value> {
    fields
        .iter()
        .map(|(n, v)| (n.clone(), String::from_utf8_lossy(&v.0).into()))
        .collect()
}
