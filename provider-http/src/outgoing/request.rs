//! From the arguments of a call to a request that can be sent.

use http::header::{CONNECTION, CONTENT_LENGTH, HOST, TE};
use http::uri::{Authority, PathAndQuery};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};
use hyper::body::Body as _;
use lattice_client::stream::Streams;
use lattice_protocol::call::{Context, header};
use lattice_protocol::standard::http::{Body, OutgoingError as Fault, Request};

use super::destination::Destination;
use super::fields;
use super::upload::Upload;

/// The longest path with its query: what most servers take at the most, with room.
const PATH_LEN_MAX: usize = 32 * 1024;

/// A request as it can be sent, with a whole URI.
pub(super) fn prepare(
    request: Request,
    to: &Destination,
    streams: &Streams,
    context: &Context,
) -> Result<http::Request<Upload>, Fault> {
    let method = method(&request.method)?;
    let uri = uri(to, &request.path)?;
    let mut headers = fields::to_server(request.headers).map_err(|_| Fault::HttpProtocolError)?;
    trace(
        &mut headers,
        header::TRACEPARENT,
        context.traceparent.as_deref(),
    );
    if headers.contains_key(header::TRACEPARENT) {
        trace(
            &mut headers,
            header::TRACESTATE,
            context.tracestate.as_deref(),
        );
    }
    let body = body(request.body, &mut headers, streams)?;
    if body.is_end_stream() && [Method::POST, Method::PUT, Method::PATCH].contains(&method) {
        // Some servers ask for a length where a body is usual (RFC 9110, 8.6), and hyper writes none.
        headers.insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
    }
    let mut built = http::Request::new(body);
    *built.method_mut() = method;
    *built.uri_mut() = uri;
    *built.headers_mut() = headers;
    Ok(built)
}

/// Puts a request into the form of HTTP/1.1: the path alone, and the host in a field.
pub(super) fn for_http1(
    request: &mut http::Request<Upload>,
    to: &Destination,
) -> Result<(), Fault> {
    let path = request.uri().path_and_query().cloned();
    let host = HeaderValue::try_from(to.authority()).map_err(|_| Fault::HttpRequestUriInvalid)?;
    *request.uri_mut() = path
        .unwrap_or_else(|| PathAndQuery::from_static("/"))
        .into();
    let headers = request.headers_mut();
    if headers.contains_key(TE) {
        // It is about this connection, and has to be called so.
        headers.insert(CONNECTION, HeaderValue::from_static("te"));
    }
    headers.insert(HOST, host);
    Ok(())
}

/// Puts a request into the form of HTTP/2: a whole URI, and no `host`.
pub(super) fn for_http2(
    request: &mut http::Request<Upload>,
    to: &Destination,
) -> Result<(), Fault> {
    for name in [HOST, CONNECTION] {
        request.headers_mut().remove(name);
    }
    let path = request.uri().path_and_query().cloned();
    *request.uri_mut() = whole(to, path.unwrap_or_else(|| PathAndQuery::from_static("/")))?;
    Ok(())
}

/// `CONNECT` would make a tunnel of it, past everything that was checked.
fn method(text: &str) -> Result<Method, Fault> {
    let method: Method = text.parse().map_err(|_| Fault::HttpRequestMethodInvalid)?;
    match method == Method::CONNECT {
        true => Err(Fault::HttpRequestMethodInvalid),
        false => Ok(method),
    }
}

fn uri(to: &Destination, path: &str) -> Result<Uri, Fault> {
    if path.len() > PATH_LEN_MAX {
        return Err(Fault::HttpRequestUriInvalid);
    }
    let path = match path.starts_with('/') {
        true => path.to_owned(),
        false if path.is_empty() || path.starts_with('?') => format!("/{path}"),
        false => return Err(Fault::HttpRequestUriInvalid),
    };
    let path = PathAndQuery::try_from(path).map_err(|_| Fault::HttpRequestUriInvalid)?;
    whole(to, path)
}

fn whole(to: &Destination, path: PathAndQuery) -> Result<Uri, Fault> {
    let authority =
        Authority::try_from(to.authority()).map_err(|_| Fault::HttpRequestUriInvalid)?;
    let built = Uri::builder()
        .scheme(to.scheme.as_str())
        .authority(authority)
        .path_and_query(path)
        .build();
    built.map_err(|_| Fault::HttpRequestUriInvalid)
}

/// What the actor says of its trace itself wins.
fn trace(headers: &mut HeaderMap, name: &'static str, value: Option<&str>) {
    // The lattice spells its headers as NATS does.
    let Ok(name) = HeaderName::from_bytes(name.as_bytes()) else {
        return;
    };
    if let Some(value) = value.and_then(|value| HeaderValue::from_str(value).ok()) {
        headers.entry(name).or_insert(value);
    }
}

fn body(body: Body, headers: &mut HeaderMap, streams: &Streams) -> Result<Upload, Fault> {
    let announced = fields::length(headers).map_err(|_| Fault::HttpProtocolError)?;
    match body {
        Body::Whole(bytes) => {
            // hyper writes it, where one belongs.
            headers.remove(CONTENT_LENGTH);
            match announced {
                Some(announced) if announced != bytes.len() as u64 => {
                    Err(Fault::HttpRequestBodySize)
                }
                _ => Ok(Upload::whole(bytes)),
            }
        }
        Body::Stream(number) => match streams.take(number) {
            Some(reader) => Ok(Upload::streamed(reader, announced)),
            None => {
                let reason = format!("the body is stream {number}, and there is none");
                Err(Fault::InternalError(Some(reason)))
            }
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(method: &str, path: &str, headers: &[(&str, &str)]) -> Request {
        let field = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).into());
        Request {
            method: method.into(),
            scheme: "https".into(),
            authority: "example.com".into(),
            path: path.into(),
            headers: headers.iter().map(field).collect(),
            body: Body::Whole("four".into()),
        }
    }

    fn prepared(request: Request) -> Result<http::Request<Upload>, Fault> {
        let to = Destination::read("https", "example.com:8443").unwrap();
        let context = Context {
            traceparent: Some("00-ours".into()),
            ..Context::default()
        };
        prepare(request, &to, &Streams::default(), &context)
    }

    #[test]
    fn what_is_no_request_is_refused_by_its_fault() {
        for (request, wanted) in [
            (request("G T", "/", &[]), Fault::HttpRequestMethodInvalid),
            (
                request("CONNECT", "/", &[]),
                Fault::HttpRequestMethodInvalid,
            ),
            (request("GET", "a", &[]), Fault::HttpRequestUriInvalid),
            (request("GET", "/a b", &[]), Fault::HttpRequestUriInvalid),
            (
                request("GET", "//h@x/\r\n", &[]),
                Fault::HttpRequestUriInvalid,
            ),
            (
                request("PUT", "/", &[("content-length", "5")]),
                Fault::HttpRequestBodySize,
            ),
            (
                request("PUT", "/", &[("a", "b\n")]),
                Fault::HttpProtocolError,
            ),
        ] {
            assert_eq!(prepared(request).map(|_| ()).unwrap_err(), wanted);
        }
        let mut streamed = request("PUT", "/", &[]);
        streamed.body = Body::Stream(1);
        assert!(matches!(
            prepared(streamed),
            Err(Fault::InternalError(Some(_)))
        ));
    }

    #[test]
    fn the_host_is_the_authority_in_each_version() {
        let to = Destination::read("https", "example.com:8443").unwrap();
        let mut request = prepared(request("PUT", "?q", &[("host", "other")])).unwrap();
        assert_eq!(request.uri(), "https://example.com:8443/?q");
        for_http1(&mut request, &to).unwrap();
        assert_eq!(request.uri(), "/?q");
        assert_eq!(request.headers()[HOST], "example.com:8443");
        for_http2(&mut request, &to).unwrap();
        assert_eq!(request.uri(), "https://example.com:8443/?q");
        assert!(!request.headers().contains_key(HOST));
    }

    #[test]
    fn the_trace_of_the_call_goes_on_unless_the_actor_has_its_own() {
        let ours = prepared(request("GET", "/", &[])).unwrap();
        assert_eq!(ours.headers()["traceparent"], "00-ours");
        let own = prepared(request("GET", "/", &[("traceparent", "00-own")])).unwrap();
        assert_eq!(own.headers()["traceparent"], "00-own");
        assert_eq!(own.headers().get_all("traceparent").iter().count(), 1);
    }
}
