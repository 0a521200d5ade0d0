//! `GET /healthz` (and `HEAD`): whether there is a connection to the lattice.
//!
//! It is answered here for every host, before any route: 200 while there is one, 503 while there is
//! none. A route for `/healthz` therefore never sees a `GET`; deeper paths (`/healthz/x`) and other
//! methods follow the routes.

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::request::Parts;
use http::{HeaderValue, Method, StatusCode};

use crate::delivery::Delivery;
use crate::response::Response;

/// The path of the health check.
const PATH: &str = "/healthz";

/// Whether a request is one.
pub(crate) fn is_asked(parts: &Parts) -> bool {
    parts.uri.path() == PATH && matches!(parts.method, Method::GET | Method::HEAD)
}

/// The answer.
pub(crate) fn answer(connected: bool) -> Response {
    let (status, text) = if connected {
        (StatusCode::OK, "ok\n")
    } else {
        (
            StatusCode::SERVICE_UNAVAILABLE,
            "no connection to the lattice\n",
        )
    };
    let body = Bytes::from_static(text.as_bytes());
    let mut response = Response::new(Delivery::whole(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(
        CONTENT_TYPE,
        HeaderValue::from_static("text/plain; charset=utf-8"),
    );
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
