//! A token service: what a container with a web framework is often kept for, as one component.
//!
//! - [`http`]: `POST /auth/validate` with `Authorization: Bearer KEY`;
//! - [`keys`]: what is true of a key, whoever asks, and how keys come and go;
//! - [`record`]: what is stored of a key: never the key.

mod http;
mod keys;
mod record;

mod bindings {
    wit_bindgen::generate!({
        path: ["../../wit", "wit"],
        world: "example:auth/auth",
        generate_all,
    });
}

use bindings::exports::auth::admin::keys::{Guest as Admin, Issued, Swept};
use bindings::exports::auth::token::check::{Grant, Guest as Check, Refusal};
use bindings::exports::wasi::http::incoming_handler::Guest as Http;
use bindings::wasi::http::types::{IncomingRequest, ResponseOutparam};

struct Auth;

bindings::export!(Auth with_types_in bindings);

impl Http for Auth {
    fn handle(request: IncomingRequest, out: ResponseOutparam) {
        http::respond(out, &http::answer(&request));
    }
}

impl Check for Auth {
    fn validate(key: String) -> Result<Grant, Refusal> {
        keys::validate(&key)
    }
}

impl Admin for Auth {
    fn issue(user: String, ttl_s: u64) -> Result<Issued, String> {
        keys::issue(user, ttl_s)
    }

    fn revoke(key: String) -> Result<(), String> {
        keys::revoke(&record::id(&key))
    }

    fn revoke_id(id: String) -> Result<(), String> {
        keys::revoke(&id)
    }

    fn sweep(cursor: Option<u64>) -> Result<Swept, String> {
        keys::sweep(cursor)
    }
}
