//! An HTTP service of WASI 0.3, whose behaviour, good and bad, is picked by path.
//!
//! | path | what it does |
//! |---|---|
//! | `/echo` | answers the request's body and trailers, piece by piece as they come |
//! | `/pass` | answers the request's body as it is, without touching it |
//! | `/early` | answers at once, and reads nothing |
//! | `/together` | waits until two requests are in this instance, and answers how many there were at most |
//! | `/begun` | answers how many requests this instance has begun |
//! | `/fetch?to=URL` | answers the status that a request to there has |
//! | `/error` | answers an error code in place of a response |
//! | `/slow` | answers after a minute |
//! | `/trap` | panics before the response |
//! | `/trap-late` | panics in the middle of the body |

mod bindings {
    wit_bindgen::generate!({
        path: ["../../../wit/p3", "wit"],
        world: "lattice:service/service",
        generate_all,
    });
}

use std::sync::atomic::{AtomicU32, Ordering};

use bindings::exports::wasi::http::handler::Guest;
use bindings::wasi::clocks::monotonic_clock;
use bindings::wasi::http::client;
use bindings::wasi::http::types::{ErrorCode, Fields, Request, Response, Scheme, Trailers};
use bindings::{wit_future, wit_stream};
use wit_bindgen::rt::async_support::{FutureReader, StreamReader, StreamResult};

type Contents = StreamReader<u8>;
type Ending = FutureReader<Result<Option<Trailers>, ErrorCode>>;

/// What an echo holds at once.
const ECHO_BYTES: usize = 64 * 1024;
/// Longer than any deadline a test sets.
const SLOW_NS: u64 = 60_000_000_000;
/// How long a request looks for others each time.
const LOOK_NS: u64 = 1_000_000;
/// What is written before the body breaks off: more than goes inline.
const HALF_BYTES: usize = 200 * 1024;

static BEGUN: AtomicU32 = AtomicU32::new(0);
static NOW: AtomicU32 = AtomicU32::new(0);
static MOST: AtomicU32 = AtomicU32::new(0);

struct Service;

bindings::export!(Service with_types_in bindings);

impl Guest for Service {
    async fn handle(request: Request) -> Result<Response, ErrorCode> {
        BEGUN.fetch_add(1, Ordering::Relaxed);
        let target = request.get_path_with_query().unwrap_or_default();
        let (path, query) = target.split_once('?').unwrap_or((&target, ""));
        match path {
            "/echo" => {
                let headers = announced(&request);
                let (contents, trailers) = taken(request);
                Ok(echo(headers, contents, trailers))
            }
            "/pass" => {
                let (contents, trailers) = taken(request);
                Ok(respond(200, Fields::new(), Some(contents), trailers))
            }
            "/early" => Ok(say("early")),
            "/together" => Ok(say(&together().await.to_string())),
            "/begun" => Ok(say(&BEGUN.load(Ordering::Relaxed).to_string())),
            "/fetch" => fetch(query.trim_start_matches("to=")).await,
            "/error" => Err(ErrorCode::InternalError(Some("asked to fail".to_owned()))),
            "/slow" => {
                monotonic_clock::wait_for(SLOW_NS).await;
                Ok(say("late"))
            }
            "/trap" => panic!("asked to trap"),
            "/trap-late" => Ok(trap_late()),
            _ => Ok(respond(404, Fields::new(), None, no_trailers())),
        }
    }
}

/// The request's body. That it came whole is heard by reading it.
fn taken(request: Request) -> (Contents, Ending) {
    let (processed, heard) = wit_future::new(|| Ok(()));
    drop(processed);
    Request::consume_body(request, heard)
}

fn no_trailers() -> Ending {
    let (trailers, ending) = wit_future::new(|| Ok(None));
    drop(trailers);
    ending
}

/// The names of the trailers that will come, as the request tells them.
fn announced(request: &Request) -> Fields {
    let headers = Fields::new();
    for value in request.get_headers().get("trailer") {
        // A value that came in a request fits one more time.
        let _ = headers.append("trailer", &value);
    }
    headers
}

fn respond(status: u16, headers: Fields, contents: Option<Contents>, trailers: Ending) -> Response {
    let (response, _) = Response::new(headers, contents, trailers);
    // The numbers here are ones that HTTP has.
    let _ = response.set_status_code(status);
    response
}

fn say(text: &str) -> Response {
    let (mut writer, contents) = wit_stream::new();
    let text = text.as_bytes().to_vec();
    wit_bindgen::spawn_local(async move {
        writer.write_all(text).await;
    });
    respond(200, Fields::new(), Some(contents), no_trailers())
}

fn echo(headers: Fields, mut contents: Contents, trailers: Ending) -> Response {
    let (mut writer, back) = wit_stream::new();
    let (ending, after) = wit_future::new(|| Ok(None));
    wit_bindgen::spawn_local(async move {
        loop {
            let (state, piece) = contents.read(Vec::with_capacity(ECHO_BYTES)).await;
            let rest = writer.write_all(piece).await;
            if !rest.is_empty() || !matches!(state, StreamResult::Complete(_)) {
                break;
            }
        }
        drop(writer);
        // Whoever read the body may be gone.
        let _ = ending.write(trailers.await).await;
    });
    respond(200, headers, Some(back), after)
}

async fn together() -> u32 {
    let now = NOW.fetch_add(1, Ordering::Relaxed) + 1;
    MOST.fetch_max(now, Ordering::Relaxed);
    while MOST.load(Ordering::Relaxed) < 2 {
        monotonic_clock::wait_for(LOOK_NS).await;
    }
    NOW.fetch_sub(1, Ordering::Relaxed);
    MOST.load(Ordering::Relaxed)
}

async fn fetch(url: &str) -> Result<Response, ErrorCode> {
    let url = url.trim_start_matches("http://");
    let (authority, path) = url.split_once('/').unwrap_or((url, ""));
    let (request, _) = Request::new(Fields::new(), None, no_trailers(), None);
    // What can't be set is answered by whoever the request goes to.
    let _ = request.set_scheme(Some(&Scheme::Http));
    let _ = request.set_authority(Some(authority));
    let _ = request.set_path_with_query(Some(&format!("/{path}")));
    let response = client::send(request).await?;
    Ok(say(&response.get_status_code().to_string()))
}

fn trap_late() -> Response {
    let (mut writer, contents) = wit_stream::new();
    wit_bindgen::spawn_local(async move {
        writer.write_all(vec![b'x'; HALF_BYTES]).await;
        panic!("asked to trap late");
    });
    respond(200, Fields::new(), Some(contents), no_trailers())
}
