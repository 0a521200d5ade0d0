//! How the program ends: one line for people, one number for scripts.

use std::process::ExitCode;

use lattice_client::process::UNREACHABLE;
use lattice_client::{ConnectError, ControlError};
use lattice_protocol::error::CallError;

/// What `--help` says of the numbers below.
pub(crate) const HELP: &str = "Exit codes:
  0  done
  1  failed
  2  the command line or the manifest is wrong
  3  the call or the request was answered with an error
  4  NATS or the lattice can't be reached";

/// How the program ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Done.
    Done = 0,
    /// Failed.
    Failed = 1,
    /// The command line or the manifest is wrong.
    Usage = 2,
    /// The call or the request was answered with an error.
    Answered = 3,
    /// NATS or the lattice can't be reached.
    Unreachable = UNREACHABLE as isize,
}

/// What was asked for makes no sense as it is written.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Usage(pub String);

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

impl Exit {
    /// The number for an error.
    pub fn of(error: &anyhow::Error) -> Self {
        error.chain().find_map(classify).unwrap_or(Self::Failed)
    }
}

fn classify(error: &(dyn std::error::Error + 'static)) -> Option<Exit> {
    if error.is::<Usage>() {
        return Some(Exit::Usage);
    }
    if error.is::<CallError>() {
        return Some(Exit::Answered);
    }
    if is_no_connection(error) {
        return Some(Exit::Unreachable);
    }
    if let Some(error) = error.downcast_ref::<ControlError>() {
        return Some(match error {
            ControlError::Refused(_) => Exit::Answered,
            _ => Exit::Unreachable,
        });
    }
    let io = error.downcast_ref::<std::io::Error>()?;
    // `lattice ps | head`: the reader has seen enough.
    (io.kind() == std::io::ErrorKind::BrokenPipe).then_some(Exit::Done)
}

/// Whether NATS can't be reached, be it a host or a provider that says so: their errors stand for that of
/// the connection, which is then no link of the chain.
fn is_no_connection(error: &(dyn std::error::Error + 'static)) -> bool {
    let of_host = error.downcast_ref::<host::Error>();
    let of_provider = error.downcast_ref::<provider_sdk::Error>();
    error.is::<ConnectError>()
        || matches!(of_host, Some(host::Error::Connect(_)))
        || of_provider.is_some_and(provider_sdk::Error::is_unreachable)
}

/// Prints what went wrong, if there is anybody to read it, and says how to end.
pub fn report(result: anyhow::Result<()>) -> Exit {
    let Err(error) = result else {
        return Exit::Done;
    };
    let exit = Exit::of(&error);
    if exit != Exit::Done {
        crate::ui::err(format_args!("error: {error:#}"));
    }
    exit
}

#[cfg(test)]
mod tests {
    use anyhow::Context as _;
    use lattice_protocol::error::ErrorCode;

    use super::*;

    #[test]
    fn an_error_has_the_number_of_its_cause_whatever_stands_before_it() {
        let call = CallError::refused(ErrorCode::NotFound, "no function");
        let error = Err::<(), _>(call).context("failed to call").unwrap_err();
        assert_eq!(Exit::of(&error), Exit::Answered);
        let error = anyhow::Error::from(ControlError::NoHost("default".into()));
        assert_eq!(Exit::of(&error), Exit::Unreachable);
        let unreachable = || ConnectError::Inbox("closed".into());
        let of_host = anyhow::Error::from(host::Error::from(unreachable()));
        assert_eq!(Exit::of(&of_host), Exit::Unreachable);
        let of_provider = anyhow::Error::from(provider_sdk::Error::from(unreachable()));
        assert_eq!(Exit::of(&of_provider), Exit::Unreachable);
        assert_eq!(Exit::of(&anyhow::anyhow!("other")), Exit::Failed);
        assert_eq!(
            Exit::of(&anyhow::Error::from(Usage("x".into()))),
            Exit::Usage
        );
    }
}
