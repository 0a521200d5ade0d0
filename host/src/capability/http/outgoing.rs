//! `wasi:http/outgoing-handler@0.2`: a request leaves through the link, to a provider or an actor.

use std::sync::Arc;
use std::time::Duration;

use http_body_util::BodyExt as _;
use lattice_client::Reply;
use lattice_client::stream::{Reader, Streams, WINDOW_BYTES, Writer, pipe};
use lattice_config::Link;
use lattice_protocol::error::{CallError, ErrorCode};
use lattice_protocol::interface::{Endpoint, FunctionName, Interface};
use lattice_protocol::standard::WitResult;
use lattice_protocol::standard::http::{
    Answer, Body, HANDLE, INLINE_BYTES_MAX, OUTGOING, Outgoing, OutgoingError, Patience, Request,
    Response,
};
use tokio_util::task::AbortOnDropHandle;
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody, WasiHttpHooks};

use super::body::{self, Gathered, Next, Streamed, Wanted, gather, next};
use super::broken::Of;
use super::headers::{self, Room};
use super::request;
use crate::capability::voice::Voice;
use crate::capability::way::Way;
use crate::link::LinkTable;

/// What a body of version 0.3 moves at once: a part of a stream's window, so that what is under way
/// stays about as much as that.
const CHUNK_BYTES_MAX: usize = WINDOW_BYTES / 4;

/// Nothing leaves an actor but through a link.
pub(in crate::capability) struct Hooks {
    links: Arc<LinkTable>,
    way: Way,
    voice: Voice,
    /// What a response may have of headers.
    room: Room,
}

type Sent = Result<(::http::Response<WasiBody>, Io), Error>;
type Io = Box<dyn Future<Output = Result<(), Error>> + Send>;

impl Hooks {
    pub(in crate::capability) fn new(links: Arc<LinkTable>, voice: Voice, room: Room) -> Self {
        Self {
            links,
            way: Way::none(),
            voice,
            room,
        }
    }

    /// What is sent from here on belongs to the call that has this way.
    pub(in crate::capability) fn follow(&mut self, way: Way) {
        self.way = way;
    }
}

impl WasiHttpHooks for Hooks {
    fn p3_outgoing_body_chunk_size(&mut self) -> usize {
        CHUNK_BYTES_MAX
    }

    fn send_request(
        &mut self,
        request: ::http::Request<WasiBody>,
        options: Option<RequestOptions>,
        _done: Io,
    ) -> Box<dyn Future<Output = Sent> + Send> {
        let interface = OUTGOING.parse::<Interface>().ok();
        let link = interface.and_then(|interface| self.links.default_for(&interface).cloned());
        let (way, voice) = (self.way.clone(), self.voice.clone());
        let (source, room) = (self.links.source().clone(), self.room);
        Box::new(async move {
            let Some(link) = link else {
                return Err(Error::HttpRequestDenied);
            };
            let refused = |words: &str| {
                let (interface, to) = (&link.interface, &link.to);
                let table = format!("[actor.{source}.link.\"{interface}\"], which leads to {to}");
                voice.refusal(&words.replace("LINK", &table));
            };
            send(&way, &link, (request, options), room, refused).await
        })
    }
}

async fn send(
    way: &Way,
    link: &Link,
    (request, options): (::http::Request<WasiBody>, Option<RequestOptions>),
    room: Room,
    refused: impl Fn(&str) + Send,
) -> Sent {
    let (parts, mut body) = request.into_parts();
    let wanted = Wanted {
        bytes_max: INLINE_BYTES_MAX,
        streams: true,
    };
    let (body, stream, feed) = match gather(&mut body, wanted).await? {
        Gathered::Whole(bytes) => (Body::Whole(bytes), None, None),
        Gathered::Begun(first, trailers) => {
            let (mut writer, reader) = pipe(WINDOW_BYTES);
            writer.push(first);
            // Beside the call: whoever answers may want all of it before it begins.
            let feed = tokio::spawn(feed(body, trailers, writer));
            (
                Body::Stream(1),
                Some(reader),
                Some(AbortOnDropHandle::new(feed)),
            )
        }
        Gathered::TooLarge => return Err(Error::HttpRequestBodySize(None)),
    };
    let outgoing = Outgoing {
        request: described(&parts, body),
        options: options.map(patience),
    };
    let reply = call(way, link, &outgoing, stream).await.map_err(|error| {
        if error.code == ErrorCode::Denied {
            refused(&error.message);
        }
        failed(error)
    })?;
    let response = read(reply, room).inspect_err(|error| {
        if let Some(words) = advice(error, &parts.uri) {
            refused(&words);
        }
    })?;
    let io = async move {
        // The request goes on while somebody holds the response.
        match feed {
            Some(feed) => feed.await.unwrap_or(Err(Error::ConnectionTerminated)),
            None => Ok(()),
        }
    };
    Ok((response, Box::new(io)))
}

async fn call(
    way: &Way,
    link: &Link,
    outgoing: &Outgoing,
    stream: Option<Reader>,
) -> Result<Reply, CallError> {
    let unwritable = |error: String| CallError::refused(ErrorCode::Internal, error);
    let endpoint = Endpoint {
        interface: Some(OUTGOING.parse().map_err(|_| unwritable(OUTGOING.into()))?),
        function: FunctionName::from_wit(HANDLE).map_err(|e| unwritable(e.to_string()))?,
    };
    let payload = rmp_serde::to_vec_named(outgoing).map_err(|e| unwritable(e.to_string()))?;
    let streams: Streams = stream.into_iter().collect::<Vec<_>>().into();
    way.call_with(link, endpoint, payload.into(), streams).await
}

fn described(parts: &::http::request::Parts, body: Body) -> Request {
    let uri = &parts.uri;
    Request {
        method: parts.method.to_string(),
        scheme: uri.scheme_str().unwrap_or("https").to_owned(),
        authority: uri.authority().map(ToString::to_string).unwrap_or_default(),
        path: uri
            .path_and_query()
            .map_or("/", |path| path.as_str())
            .to_owned(),
        headers: headers::write(&parts.headers),
        body,
    }
}

fn patience(options: RequestOptions) -> Patience {
    let ms = |time: Option<Duration>| {
        time.map(|time| u64::try_from(time.as_millis()).unwrap_or(u64::MAX))
    };
    Patience {
        connect_ms: ms(options.connect_timeout),
        first_byte_ms: ms(options.first_byte_timeout),
        between_bytes_ms: ms(options.between_bytes_timeout),
    }
}

/// Sends the rest of the body on as the guest writes it.
async fn feed(
    mut body: WasiBody,
    mut trailers: Option<::http::HeaderMap>,
    mut writer: Writer,
) -> Result<(), Error> {
    loop {
        match next(&mut body, &mut writer).await {
            Next::Piece(piece) => writer.push(piece),
            Next::Trailers(fields) => trailers = Some(fields),
            Next::End => break,
            // Whoever answers needs no more of it.
            Next::Unwanted => return Ok(()),
            Next::Broken(reason) => {
                writer.fail(CallError::begun(ErrorCode::Cancelled, reason));
                return Err(Error::ConnectionTerminated);
            }
        }
    }
    writer.end(body::tail(trailers.as_ref()));
    Ok(())
}

fn read(reply: Reply, room: Room) -> Result<::http::Response<WasiBody>, Error> {
    let Reply { payload, streams } = reply;
    let answer: Answer = rmp_serde::from_slice(&payload).map_err(|_| Error::HttpProtocolError)?;
    match answer {
        WitResult::Ok(response) => response_of(response, streams, room),
        WitResult::Err(code) => Err(told(code)),
    }
}

fn response_of(
    response: Response,
    streams: Vec<Reader>,
    room: Room,
) -> Result<::http::Response<WasiBody>, Error> {
    let body = match response.body {
        Body::Whole(bytes) => request::whole(bytes),
        Body::Stream(number) => {
            let reader = Streams::from(streams).take(number);
            let reader = reader.ok_or(Error::HttpProtocolError)?;
            Streamed::new(reader, Of::Response).boxed_unsync()
        }
    };
    let mut built = ::http::Response::new(body);
    *built.status_mut() =
        ::http::StatusCode::from_u16(response.status).map_err(|_| Error::HttpProtocolError)?;
    *built.headers_mut() = headers::read(response.headers, room)
        .map_err(|_| Error::HttpResponseHeaderSectionSize(None))?;
    Ok(built)
}

/// What to write where a request failed for want of it, in the actor's log: the guest hears a bare code.
fn advice(error: &Error, uri: &::http::Uri) -> Option<String> {
    let host = uri.host().unwrap_or_default();
    match error {
        Error::DestinationIpProhibited => Some(format!(
            "{host} has no address on the internet, and others must be granted: write allow_addresses = \
             [\"10.0.0.0/8\"], or private = true for all of them, in LINK"
        )),
        Error::ConfigurationError => Some(
            "a request was refused: the config of LINK means nothing to it; its log says what is wrong"
                .to_owned(),
        ),
        _ => None,
    }
}

/// What the guest hears of a call that failed.
fn failed(error: CallError) -> Error {
    match error.code {
        ErrorCode::Denied => Error::HttpRequestDenied,
        ErrorCode::Deadline => Error::HttpResponseTimeout,
        ErrorCode::Overloaded => Error::ConnectionLimitReached,
        ErrorCode::TooLarge => Error::HttpRequestBodySize(None),
        ErrorCode::Cancelled => Error::ConnectionTerminated,
        ErrorCode::Unavailable | ErrorCode::NotFound => Error::DestinationUnavailable,
        ErrorCode::BadRequest | ErrorCode::Trapped | ErrorCode::Internal => {
            Error::InternalError(Some(error.message))
        }
    }
}

/// What the guest hears of a request that was not answered.
fn told(code: OutgoingError) -> Error {
    match code {
        OutgoingError::DnsTimeout => Error::DnsTimeout,
        OutgoingError::DnsError => Error::DnsError {
            rcode: None,
            info_code: None,
        },
        OutgoingError::DestinationNotFound => Error::DestinationNotFound,
        OutgoingError::DestinationUnavailable => Error::DestinationUnavailable,
        OutgoingError::DestinationIpProhibited => Error::DestinationIpProhibited,
        OutgoingError::DestinationIpUnroutable => Error::DestinationIpUnroutable,
        OutgoingError::ConnectionRefused => Error::ConnectionRefused,
        OutgoingError::ConnectionTerminated => Error::ConnectionTerminated,
        OutgoingError::ConnectionTimeout => Error::ConnectionTimeout,
        OutgoingError::ConnectionReadTimeout => Error::ConnectionReadTimeout,
        OutgoingError::ConnectionWriteTimeout => Error::ConnectionWriteTimeout,
        OutgoingError::ConnectionLimitReached => Error::ConnectionLimitReached,
        OutgoingError::TlsProtocolError => Error::TlsProtocolError,
        OutgoingError::TlsCertificateError => Error::TlsCertificateError,
        OutgoingError::HttpRequestDenied => Error::HttpRequestDenied,
        OutgoingError::HttpRequestBodySize => Error::HttpRequestBodySize(None),
        OutgoingError::HttpRequestMethodInvalid => Error::HttpRequestMethodInvalid,
        OutgoingError::HttpRequestUriInvalid => Error::HttpRequestUriInvalid,
        OutgoingError::HttpResponseIncomplete => Error::HttpResponseIncomplete,
        OutgoingError::HttpResponseHeaderSectionSize => Error::HttpResponseHeaderSectionSize(None),
        OutgoingError::HttpResponseTimeout => Error::HttpResponseTimeout,
        OutgoingError::HttpProtocolError => Error::HttpProtocolError,
        OutgoingError::LoopDetected => Error::LoopDetected,
        OutgoingError::ConfigurationError => Error::ConfigurationError,
        OutgoingError::InternalError(reason) => Error::InternalError(reason),
    }
}
