//! An HTTP server of `wstd`, as its own examples are written: nothing in it knows of Lattice.
//!
//! | path | what it does |
//! |---|---|
//! | `/` | greets, with the length of the greeting |
//! | `/echo` | sends the request's body back as it comes |
//! | `/early` | answers at once, and reads nothing of the request |
//! | `/saw` | the method of the request, and its headers in order |
//! | `/teapot` | a status and headers of its own |
//! | `/trailers` | reads the request to its end, and sends its trailers back after the number of its bytes |
//! | `/ticks` | a piece whenever a timer rings, three times |
//! | `/fail` | an error in place of a response |
//! | `/half` | an error in the middle of the body, after it has read a piece of the request |

use futures_lite::stream::{iter, unfold};
use http_body_util::{BodyExt as _, StreamBody};
use wstd::http::body::{Body, Bytes, Frame};
use wstd::http::{Error, HeaderName, HeaderValue, Request, Response, StatusCode};
use wstd::time::Duration;

/// Longer than a host waits for the rest of a short response, so that each piece goes by itself.
const TICK_MS: u64 = 20;

#[wstd::http_server]
async fn main(request: Request<Body>) -> Result<Response<Body>, Error> {
    match request.uri().path() {
        "/" => Ok(Response::builder()
            .header("content-length", GREETING.len())
            .body(GREETING.into())?),
        "/echo" => Ok(Response::new(request.into_body())),
        "/early" => Ok(Response::new("early".into())),
        "/saw" => Ok(Response::new(saw(&request).into())),
        "/teapot" => teapot(&request),
        "/trailers" => trailers(request).await,
        "/ticks" => Ok(Response::new(ticks())),
        "/fail" => Err(Error::msg("there is no response")),
        "/half" => half(request).await,
        _ => Ok(Response::builder()
            .status(StatusCode::NOT_FOUND)
            .body(().into())?),
    }
}

const GREETING: &str = "Hello from wstd!\n";

fn saw(request: &Request<Body>) -> String {
    let header = |(name, value): (&HeaderName, &HeaderValue)| {
        format!("{name}: {}\n", String::from_utf8_lossy(value.as_bytes()))
    };
    let mut headers: Vec<_> = request.headers().iter().map(header).collect();
    headers.sort();
    format!("{}\n{}", request.method(), headers.concat())
}

fn teapot(request: &Request<Body>) -> Result<Response<Body>, Error> {
    let mut response = Response::builder()
        .status(StatusCode::IM_A_TEAPOT)
        .header("set-cookie", "a=1")
        .header("set-cookie", "b=2")
        .header("x-method", request.method().as_str());
    if let Some(kind) = request.headers().get("x-kind") {
        response = response.header("x-kind", kind);
    }
    Ok(response.body("short and stout".into())?)
}

async fn trailers(request: Request<Body>) -> Result<Response<Body>, Error> {
    let all = request.into_body().into_boxed_body().collect().await?;
    let trailers = all.trailers().cloned().unwrap_or_default();
    let said = Bytes::from(format!("{} bytes", all.to_bytes().len()));
    let frames = [
        Ok::<_, Error>(Frame::data(said)),
        Ok(Frame::trailers(trailers)),
    ];
    let response = Response::builder().header("trailer", "x-sum");
    Ok(response.body(Body::from_http_body(StreamBody::new(iter(frames))))?)
}

fn ticks() -> Body {
    Body::from_stream(unfold(3_u32, |left| async move {
        let left = left.checked_sub(1)?;
        wstd::task::sleep(Duration::from_millis(TICK_MS)).await;
        Some((format!("{left}\n"), left))
    }))
}

/// The error comes only after a piece of the request, which a client may hold back until it has the
/// beginning of the response.
async fn half(request: Request<Body>) -> Result<Response<Body>, Error> {
    let body = request.into_body().into_boxed_body();
    let frames = unfold((0, body), |(step, mut body)| async move {
        let frame = match step {
            0 => Ok(Frame::data(Bytes::from_static(b"half"))),
            1 => {
                let _ = body.frame().await;
                Err(Error::msg("there is no other half"))
            }
            _ => return None,
        };
        Some((frame, (step + 1, body)))
    });
    Ok(Response::new(Body::from_http_body(StreamBody::new(frames))))
}
