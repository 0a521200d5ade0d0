//! What the error of a call says of whoever was called.

use lattice_protocol::error::{CallError, ErrorCode, Executed};

/// Whether another try may do better, without doing work twice that must not be. Whoever refused
/// without having begun speaks for one host if that was `chosen`, else for all of them.
pub(super) fn may_retry(error: &CallError, chosen: bool, idempotent: bool) -> bool {
    let elsewhere = matches!(error.code, ErrorCode::Unavailable | ErrorCode::Overloaded);
    elsewhere
        && match error.executed {
            Executed::No => chosen,
            Executed::Maybe => idempotent,
        }
}

/// Whether the call was refused before anybody could take it on, by this process perhaps: there is no
/// connection, too many calls wait, nobody is there.
pub(super) fn says_nothing_of_it(error: &CallError) -> bool {
    error.executed == Executed::No
        && matches!(error.code, ErrorCode::Unavailable | ErrorCode::Overloaded)
}

/// Whether the call may have had no answer at all.
pub(super) fn is_silence(error: &CallError) -> bool {
    matches!(error.code, ErrorCode::Unavailable | ErrorCode::Deadline)
        && error.executed == Executed::Maybe
}
