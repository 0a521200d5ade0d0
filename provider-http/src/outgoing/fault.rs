//! Why there is no response, in the words of `wasi:http`.

use std::error::Error as StdError;
use std::io;

use lattice_protocol::standard::http::OutgoingError as Fault;

/// Of a connection that was not made.
pub(super) fn of_connecting(error: &io::Error) -> Fault {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => Fault::ConnectionRefused,
        io::ErrorKind::TimedOut => Fault::ConnectionTimeout,
        io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted => {
            Fault::ConnectionTerminated
        }
        io::ErrorKind::NetworkUnreachable | io::ErrorKind::HostUnreachable => {
            Fault::DestinationIpUnroutable
        }
        _ => Fault::DestinationUnavailable,
    }
}

/// Of TLS that was not agreed on.
pub(super) fn of_tls(error: &io::Error) -> Fault {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref());
    match inner {
        Some(rustls::Error::InvalidCertificate(_)) => Fault::TlsCertificateError,
        Some(_) => Fault::TlsProtocolError,
        None => match error.kind() {
            // Somebody is there and hangs up instead of speaking TLS.
            io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidData => Fault::TlsProtocolError,
            _ => Fault::ConnectionTerminated,
        },
    }
}

/// Of a request that was sent, and not answered.
pub(super) fn of_request(error: &hyper::Error) -> Fault {
    if error.is_parse_too_large() {
        return Fault::HttpResponseHeaderSectionSize;
    }
    if error.is_parse() || error.is_parse_status() {
        return Fault::HttpProtocolError;
    }
    let ended = error.is_incomplete_message() || error.is_canceled() || error.is_closed();
    if ended || io_error(error).is_some() {
        return Fault::ConnectionTerminated;
    }
    Fault::HttpProtocolError
}

/// Of a response that broke off.
pub(super) fn of_body(error: &hyper::Error) -> Fault {
    match error.is_parse() {
        true => Fault::HttpProtocolError,
        false => Fault::HttpResponseIncomplete,
    }
}

fn io_error(error: &hyper::Error) -> Option<&io::Error> {
    let mut source = error.source();
    while let Some(error) = source {
        if let Some(error) = error.downcast_ref() {
            return Some(error);
        }
        source = error.source();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_that_fails_says_how() {
        for (kind, wanted) in [
            (io::ErrorKind::ConnectionRefused, Fault::ConnectionRefused),
            (io::ErrorKind::TimedOut, Fault::ConnectionTimeout),
            (
                io::ErrorKind::HostUnreachable,
                Fault::DestinationIpUnroutable,
            ),
            (
                io::ErrorKind::PermissionDenied,
                Fault::DestinationUnavailable,
            ),
        ] {
            assert_eq!(of_connecting(&kind.into()), wanted);
        }
    }
}
