//! How a request that no actor answered is answered: a status, a code and one sentence.
//!
//! What the provider refuses itself:
//!
//! | code | status | when |
//! |---|---|---|
//! | `bad-request` | 400 | no host, or one that can't be read; a body that breaks off |
//! | `no-route` | 404 | no route has this host and path |
//! | `method-not-allowed` | 405 | `CONNECT`: this is not a proxy |
//! | `slow-body` | 408 | the body paused for `body_timeout_ms`, or comes at less than the least pace |
//! | `too-large` | 413 | the body is over `body_bytes_max` |
//! | `path-too-long` | 414 | path and query are over 16 KiB |
//! | `headers-too-large` | 431 | the headers are over `header_bytes_max`, or more than 100; or the trailers |
//! | `overloaded` | 503, `Retry-After: 1` | `requests_max` are in flight, or `held_bytes_max` are held |
//! | `bad-response` | 502 | the actor answered what is no HTTP response |
//!
//! These hold until the response has begun. After that there is no status left to tell: `delivery`
//! breaks the response off.
//!
//! How the errors of calls are told:
//!
//! | error of the call | code | status | why |
//! |---|---|---|---|
//! | `bad-request` | `bad-gateway` | 502 | the actor doesn't take HTTP requests: not the client's fault |
//! | `denied` | `bad-gateway` | 502 | this provider may not call it: the client can't mend that |
//! | `not-found`, `unavailable` | `unavailable` | 503, `Retry-After: 1` | the actor is not running now |
//! | `cancelled` | `unavailable` | 503, `Retry-After: 1` | the actor was stopped under the call |
//! | `deadline` | `deadline` | 504 | |
//! | `too-large`, not executed | `too-large` | 413 | the request doesn't fit into a message |
//! | `too-large`, perhaps executed | `bad-response` | 502 | the response doesn't |
//! | `overloaded` | `overloaded` | 503, `Retry-After: 1` | |
//! | `trapped` | `trapped` | 502 | |
//! | `internal` | `internal` | 500 | |
//!
//! The body is one line of `application/problem+json` (RFC 9457) with the code, the sentence and the
//! request's id. A call's own message stays in the log: it may quote a guest.

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderValue, StatusCode};
use lattice_protocol::error::{CallError, ErrorCode, Executed};
use serde::Serialize;

use crate::delivery::Delivery;
use crate::response::Response;

/// Why a request is not answered by an actor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// The status.
    pub(crate) status: StatusCode,
    /// What happened, for programs.
    pub(crate) code: &'static str,
    /// What happened, for people.
    pub(crate) detail: &'static str,
    /// Whether the same request may be answered a moment later.
    retry: bool,
}

impl Refusal {
    pub(crate) const BAD_HOST: Self = Self::new(
        StatusCode::BAD_REQUEST,
        "bad-request",
        "the request names no valid host",
    );
    pub(crate) const BROKEN_BODY: Self =
        Self::new(StatusCode::BAD_REQUEST, "bad-request", "the body broke off");
    pub(crate) const NO_ROUTE: Self = Self::new(
        StatusCode::NOT_FOUND,
        "no-route",
        "no route leads from this host and path to an actor",
    );
    pub(crate) const NO_PROXY: Self = Self::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "method-not-allowed",
        "this server is not a proxy",
    );
    pub(crate) const SLOW_BODY: Self = Self::new(
        StatusCode::REQUEST_TIMEOUT,
        "slow-body",
        "the body took too long to arrive",
    );
    pub(crate) const TOO_LARGE: Self = Self::new(
        StatusCode::PAYLOAD_TOO_LARGE,
        "too-large",
        "the request is too large",
    );
    pub(crate) const PATH_TOO_LONG: Self = Self::new(
        StatusCode::URI_TOO_LONG,
        "path-too-long",
        "path and query are too long",
    );
    pub(crate) const HEADERS_TOO_LARGE: Self = Self::new(
        StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
        "headers-too-large",
        "the headers are too many or too large",
    );
    pub(crate) const OVERLOADED: Self =
        Self::again("overloaded", "there is no room for this request now");
    pub(crate) const UNAVAILABLE: Self = Self::again(
        "unavailable",
        "the actor behind this route is not running now",
    );
    pub(crate) const BAD_RESPONSE: Self = Self::new(
        StatusCode::BAD_GATEWAY,
        "bad-response",
        "the actor gave an answer that is no valid HTTP response",
    );
    pub(crate) const BAD_GATEWAY: Self = Self::new(
        StatusCode::BAD_GATEWAY,
        "bad-gateway",
        "the actor behind this route can't be called with HTTP requests",
    );
    pub(crate) const TRAPPED: Self = Self::new(
        StatusCode::BAD_GATEWAY,
        "trapped",
        "the actor failed while it answered",
    );
    pub(crate) const DEADLINE: Self = Self::new(
        StatusCode::GATEWAY_TIMEOUT,
        "deadline",
        "the actor did not answer in time",
    );
    pub(crate) const INTERNAL: Self = Self::new(
        StatusCode::INTERNAL_SERVER_ERROR,
        "internal",
        "the lattice failed",
    );

    const fn new(status: StatusCode, code: &'static str, detail: &'static str) -> Self {
        Self {
            status,
            code,
            detail,
            retry: false,
        }
    }

    const fn again(code: &'static str, detail: &'static str) -> Self {
        Self {
            status: StatusCode::SERVICE_UNAVAILABLE,
            code,
            detail,
            retry: true,
        }
    }

    /// What a client is told of a call's error.
    pub(crate) fn of_call(error: &CallError) -> Self {
        match (error.code, error.executed) {
            (ErrorCode::BadRequest | ErrorCode::Denied, _) => Self::BAD_GATEWAY,
            (ErrorCode::NotFound | ErrorCode::Unavailable, _) => Self::UNAVAILABLE,
            (ErrorCode::Cancelled, _) => Self::UNAVAILABLE,
            (ErrorCode::Deadline, _) => Self::DEADLINE,
            (ErrorCode::TooLarge, Executed::No) => Self::TOO_LARGE,
            (ErrorCode::TooLarge, Executed::Maybe) => Self::BAD_RESPONSE,
            (ErrorCode::Overloaded, _) => Self::OVERLOADED,
            (ErrorCode::Trapped, _) => Self::TRAPPED,
            (ErrorCode::Internal, _) => Self::INTERNAL,
        }
    }

    /// The refusal as a response.
    pub(crate) fn response(self, request_id: &HeaderValue) -> Response {
        let mut response = Response::new(Delivery::whole(self.body(request_id)));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(
            CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if self.retry {
            headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }

    fn body(self, request_id: &HeaderValue) -> Bytes {
        let problem = Problem {
            title: self.status.canonical_reason().unwrap_or_default(),
            status: self.status.as_u16(),
            code: self.code,
            detail: self.detail,
            request_id: request_id.to_str().unwrap_or_default(),
        };
        let mut line = serde_json::to_vec(&problem).unwrap_or_default();
        line.push(b'\n');
        line.into()
    }
}

/// A problem as RFC 9457 spells it.
#[derive(Serialize)]
struct Problem<'a> {
    title: &'a str,
    status: u16,
    code: &'a str,
    detail: &'a str,
    request_id: &'a str,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_errors_of_calls_become_the_statuses_of_the_table() {
        for (code, executed, status, retry) in [
            (ErrorCode::BadRequest, Executed::No, 502, false),
            (ErrorCode::Denied, Executed::No, 502, false),
            (ErrorCode::NotFound, Executed::No, 503, true),
            (ErrorCode::Unavailable, Executed::No, 503, true),
            (ErrorCode::Unavailable, Executed::Maybe, 503, true),
            (ErrorCode::Cancelled, Executed::Maybe, 503, true),
            (ErrorCode::Deadline, Executed::Maybe, 504, false),
            (ErrorCode::TooLarge, Executed::No, 413, false),
            (ErrorCode::TooLarge, Executed::Maybe, 502, false),
            (ErrorCode::Overloaded, Executed::No, 503, true),
            (ErrorCode::Trapped, Executed::Maybe, 502, false),
            (ErrorCode::Internal, Executed::Maybe, 500, false),
        ] {
            let refusal = Refusal::of_call(&CallError::new(code, "x", executed));
            assert_eq!(
                (refusal.status.as_u16(), refusal.retry),
                (status, retry),
                "{code}"
            );
        }
    }

    #[test]
    fn the_body_is_one_line_with_code_sentence_and_id() {
        let body = Refusal::OVERLOADED.body(&HeaderValue::from_static("id-1"));
        assert_eq!(
            std::str::from_utf8(&body).unwrap(),
            "{\"title\":\"Service Unavailable\",\"status\":503,\"code\":\"overloaded\",\
             \"detail\":\"there is no room for this request now\",\"request_id\":\"id-1\"}\n"
        );
    }
}
