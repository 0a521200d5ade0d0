//! `wasi:http/outgoing-handler.handle`: a request on its way out of an actor, to whoever its link names.

use serde::{Deserialize, Serialize};

use super::{Request, Response};
use crate::standard::WitResult;

/// The arguments.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Outgoing {
    /// The request; its `authority` says where it goes.
    pub request: Request,
    /// How long may be waited for what.
    #[serde(default)]
    pub options: Option<Patience>,
}

/// How long may be waited for what, in milliseconds; what is absent has the answerer's own bound.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Patience {
    /// For the connection.
    pub connect_ms: Option<u64>,
    /// For the response to begin.
    pub first_byte_ms: Option<u64>,
    /// For each piece of its body.
    pub between_bytes_ms: Option<u64>,
}

/// The result.
pub type Answer = WitResult<Response, ErrorCode>;

/// Why there is no response: those of `wasi:http/types.error-code` that whoever answers can know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum ErrorCode {
    /// The name server did not answer.
    #[error("the name could not be looked up in time")]
    #[serde(rename = "DNS-timeout")]
    DnsTimeout,
    /// The name can't be looked up.
    #[error("the name could not be looked up")]
    #[serde(rename = "DNS-error")]
    DnsError,
    /// There is no such name.
    #[error("there is no such host")]
    #[serde(rename = "destination-not-found")]
    DestinationNotFound,
    /// It can't be had now.
    #[error("the destination is not available")]
    #[serde(rename = "destination-unavailable")]
    DestinationUnavailable,
    /// The name leads to an address that may not be reached.
    #[error("the destination's address may not be reached")]
    #[serde(rename = "destination-IP-prohibited")]
    DestinationIpProhibited,
    /// There is no way to the address.
    #[error("there is no way to the destination's address")]
    #[serde(rename = "destination-IP-unroutable")]
    DestinationIpUnroutable,
    /// Nobody listens there.
    #[error("the connection was refused")]
    #[serde(rename = "connection-refused")]
    ConnectionRefused,
    /// The connection ended before the response did.
    #[error("the connection ended")]
    #[serde(rename = "connection-terminated")]
    ConnectionTerminated,
    /// The connection took too long.
    #[error("the connection took too long")]
    #[serde(rename = "connection-timeout")]
    ConnectionTimeout,
    /// A piece of the body took too long to come.
    #[error("reading took too long")]
    #[serde(rename = "connection-read-timeout")]
    ConnectionReadTimeout,
    /// A piece of the body took too long to be sent.
    #[error("writing took too long")]
    #[serde(rename = "connection-write-timeout")]
    ConnectionWriteTimeout,
    /// Too many requests are under way.
    #[error("too many connections are open")]
    #[serde(rename = "connection-limit-reached")]
    ConnectionLimitReached,
    /// TLS failed.
    #[error("TLS failed")]
    #[serde(rename = "TLS-protocol-error")]
    TlsProtocolError,
    /// The certificate is not one to be trusted.
    #[error("the certificate can't be trusted")]
    #[serde(rename = "TLS-certificate-error")]
    TlsCertificateError,
    /// The link does not allow it.
    #[error("the request is not allowed")]
    #[serde(rename = "HTTP-request-denied")]
    HttpRequestDenied,
    /// The body is too large.
    #[error("the request's body is too large")]
    #[serde(rename = "HTTP-request-body-size")]
    HttpRequestBodySize,
    /// The method is none.
    #[error("the method is not one")]
    #[serde(rename = "HTTP-request-method-invalid")]
    HttpRequestMethodInvalid,
    /// The address is none.
    #[error("the URI is not one")]
    #[serde(rename = "HTTP-request-URI-invalid")]
    HttpRequestUriInvalid,
    /// The response ended before its end.
    #[error("the response is not whole")]
    #[serde(rename = "HTTP-response-incomplete")]
    HttpResponseIncomplete,
    /// The response's header is too large.
    #[error("the response's header is too large")]
    #[serde(rename = "HTTP-response-header-section-size")]
    HttpResponseHeaderSectionSize,
    /// The response took too long to begin.
    #[error("the response took too long")]
    #[serde(rename = "HTTP-response-timeout")]
    HttpResponseTimeout,
    /// It is not HTTP.
    #[error("the other side does not speak HTTP")]
    #[serde(rename = "HTTP-protocol-error")]
    HttpProtocolError,
    /// The request came back to where it began.
    #[error("the request goes in a circle")]
    #[serde(rename = "loop-detected")]
    LoopDetected,
    /// The link's own settings are wrong.
    #[error("the settings are wrong")]
    #[serde(rename = "configuration-error")]
    ConfigurationError,
    /// Anything else, in words.
    #[error("{}", .0.as_deref().unwrap_or("something went wrong"))]
    #[serde(rename = "internal-error")]
    InternalError(Option<String>),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_spelled_as_the_interface_spells_it() {
        let refused = Answer::Err(ErrorCode::DestinationIpProhibited);
        let json = serde_json::to_string(&refused).unwrap();
        assert_eq!(json, r#"{"err":"destination-IP-prohibited"}"#);
        let other = Answer::Err(ErrorCode::InternalError(Some("why".into())));
        let json = serde_json::to_string(&other).unwrap();
        assert_eq!(json, r#"{"err":{"internal-error":"why"}}"#);
        let packed = rmp_serde::to_vec_named(&other).unwrap();
        assert_eq!(rmp_serde::from_slice::<Answer>(&packed).unwrap(), other);
    }

    #[test]
    fn arguments_need_a_request_and_nothing_else() {
        let json = r#"{"request":{"method":"GET","path":"/","authority":"example.com"}}"#;
        let read: Outgoing = serde_json::from_str(json).unwrap();
        assert_eq!(read.options, None);
        let with = r#"[{"method":"GET","path":"/"},{"connect-ms":5}]"#;
        let read: Outgoing = serde_json::from_str(with).unwrap();
        assert_eq!(read.options.unwrap().connect_ms, Some(5));
    }
}
