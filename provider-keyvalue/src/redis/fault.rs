//! What an error of the server, or of the way to it, means for the next step.

use ::redis::{ErrorKind, RedisError, ServerErrorKind};

use crate::attempt::Fault;
use crate::store::Error;

/// An error of a command that was sent.
pub(super) fn fault(error: RedisError) -> Fault {
    let said = format!("redis: {error}");
    // An error within a script may be told as one of the script: the word is in its text then.
    if said.contains("WRONGTYPE") {
        return Fault::Final(Error::refused(format!(
            "{said}: the key holds something that is no string"
        )));
    }
    if said.contains("READONLY") {
        return Fault::absent(said);
    }
    match error.kind() {
        ErrorKind::Server(kind) => refused(kind, said),
        ErrorKind::AuthenticationFailed => Fault::Final(Error::unavailable(said)),
        ErrorKind::UnexpectedReturnType | ErrorKind::Parse => Fault::Final(Error::lost(said)),
        ErrorKind::Extension if error.code() == Some("BUSY") => Fault::absent(said),
        ErrorKind::Extension => Fault::Final(Error::unavailable(said)),
        // The way broke: what was sent may have arrived.
        _ => Fault::silent(said),
    }
}

/// An error on the way to a connection: nothing was sent.
pub(super) fn unreachable(error: &RedisError) -> Fault {
    let said = format!("redis can't be reached: {error}");
    match error.kind() {
        ErrorKind::AuthenticationFailed | ErrorKind::InvalidClientConfig => {
            Fault::Final(Error::unavailable(said))
        }
        ErrorKind::RESP3NotSupported => Fault::Final(Error::unavailable(format!(
            "{said}: the server is older than version 6, add ?protocol=resp2 to the url"
        ))),
        _ => Fault::absent(said),
    }
}

/// A server that answers with an error did nothing.
fn refused(kind: ServerErrorKind, said: String) -> Fault {
    match kind {
        ServerErrorKind::BusyLoading
        | ServerErrorKind::MasterDown
        | ServerErrorKind::TryAgain
        | ServerErrorKind::ClusterDown => Fault::absent(said),
        ServerErrorKind::Moved | ServerErrorKind::Ask | ServerErrorKind::CrossSlot => {
            Fault::Final(Error::unavailable(format!(
                "{said}: a Redis Cluster is not spoken to, use one server or a proxy before it"
            )))
        }
        _ => Fault::Final(Error::unavailable(said)),
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[test]
    fn a_way_that_broke_may_have_carried_and_one_that_never_was_has_not() {
        let reset = || RedisError::from(io::Error::from(io::ErrorKind::ConnectionReset));
        assert!(matches!(fault(reset()), Fault::Silent(_)));
        assert!(matches!(unreachable(&reset()), Fault::Absent(_)));
    }

    #[test]
    fn a_server_that_refuses_did_nothing() {
        let said = |kind| fault(RedisError::from((ErrorKind::Server(kind), "said")));
        assert!(matches!(
            said(ServerErrorKind::BusyLoading),
            Fault::Absent(_)
        ));
        let replica = (ErrorKind::Extension, "error in a script", "READONLY".into());
        assert!(matches!(fault(replica.into()), Fault::Absent(_)));
        let Fault::Final(Error::Failed(error)) = said(ServerErrorKind::Moved) else {
            panic!("it is tried again");
        };
        assert!(error.message.contains("Cluster"), "{error:?}");
    }
}
