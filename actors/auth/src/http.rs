//! The HTTP side. Headers as RFC 6750 has them.

use serde_json::{Value, json};

use crate::bindings::exports::auth::token::check::Refusal;
use crate::bindings::wasi::http::types::{
    Fields, IncomingRequest, Method, OutgoingBody, OutgoingResponse, ResponseOutparam,
};
use crate::keys;

const PATH: &str = "/auth/validate";
const METHOD: &str = "POST";
const SCHEME: &str = "Bearer";
/// The most bytes that one `blocking-write-and-flush` takes.
const WRITE_BYTES_MAX: usize = 4096;

/// What is answered.
pub(crate) struct Answer {
    status: u16,
    header: Option<(&'static str, String)>,
    body: Value,
}

/// Validates; the request's body plays no part, and is not read.
pub(crate) fn answer(request: &IncomingRequest) -> Answer {
    let path = request.path_with_query().unwrap_or_default();
    if path.split('?').next() != Some(PATH) {
        return error(404, format!("nothing is here: {METHOD} {PATH}"));
    }
    if !matches!(request.method(), Method::Post) {
        let mut answer = error(405, format!("only {METHOD} is answered here"));
        answer.header = Some(("allow", METHOD.to_owned()));
        return answer;
    }
    match bearer(&request.headers()) {
        Ok(key) => validated(&key),
        // RFC 6750, 3.1: who brought no credentials is told no error code.
        Err(reason) => refused(reason, format!("{SCHEME} realm=\"auth\"")),
    }
}

fn validated(key: &str) -> Answer {
    let invalid = |reason: &str| {
        let challenge = format!(
            "{SCHEME} realm=\"auth\", error=\"invalid_token\", error_description=\"{reason}\""
        );
        refused(reason, challenge)
    };
    match keys::validate(key) {
        Ok(grant) => Answer {
            status: 200,
            header: None,
            body: json!({
                "valid": true, "user_id": grant.user_id, "expires_at": grant.expires_at,
            }),
        },
        Err(Refusal::Unknown) => invalid("unknown key"),
        Err(Refusal::Expired(_)) => invalid("expired"),
        Err(Refusal::Malformed(text)) => error(500, text),
        Err(Refusal::Unavailable(text)) => error(503, text),
    }
}

/// The key of the one `Authorization` header.
fn bearer(headers: &Fields) -> Result<String, &'static str> {
    let values = headers.get("authorization");
    let value = match values.as_slice() {
        [] => return Err("missing header: Authorization"),
        [value] => String::from_utf8_lossy(value),
        _ => return Err("more than one Authorization header"),
    };
    match value.trim().split_once(' ') {
        Some((scheme, key)) if scheme.eq_ignore_ascii_case(SCHEME) => Ok(key.trim().to_owned()),
        _ => Err("the Authorization header is not of the form: Bearer KEY"),
    }
}

fn refused(reason: &str, challenge: String) -> Answer {
    Answer {
        status: 401,
        header: Some(("www-authenticate", challenge)),
        body: json!({"valid": false, "reason": reason}),
    }
}

fn error(status: u16, text: String) -> Answer {
    Answer {
        status,
        header: None,
        body: json!({ "error": text }),
    }
}

pub(crate) fn respond(out: ResponseOutparam, answer: &Answer) {
    let fields = Fields::new();
    // A verdict holds for one moment: nobody may keep it.
    let always = [
        ("content-type", "application/json"),
        ("cache-control", "no-store"),
    ];
    let more = answer
        .header
        .iter()
        .map(|(name, value)| (*name, value.as_str()));
    for (name, value) in always.into_iter().chain(more) {
        // Refused only if the host forbids the header; the answer is worth sending without it.
        let _ = fields.append(name, value.as_bytes());
    }
    let response = OutgoingResponse::new(fields);
    let _ = response.set_status_code(answer.status);
    let Ok(body) = response.body() else { return };
    ResponseOutparam::set(out, Ok(response));
    write(body, format!("{}\n", answer.body).as_bytes());
}

/// Stops early when the client has gone away: nobody is left to tell.
fn write(body: OutgoingBody, bytes: &[u8]) {
    if let Ok(stream) = body.write() {
        for chunk in bytes.chunks(WRITE_BYTES_MAX) {
            if stream.blocking_write_and_flush(chunk).is_err() {
                return;
            }
        }
    }
    let _ = OutgoingBody::finish(body, None);
}
