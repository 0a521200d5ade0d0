//! Subjects, read.

use crate::id::{LatticeId, is_name};
use crate::interface::{is_function, is_interface, split_endpoint};

/// What a subject says, borrowed from its text; every part has been checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Route<'a> {
    /// A call; `host` when a peer chose it. One to a process of a provider is read as any other: only
    /// that process hears it.
    Call {
        /// The host that must answer, if one was chosen.
        host: Option<&'a str>,
        /// Who is called.
        target: &'a str,
        /// The interface, unless the short form was used.
        interface: Option<&'a str>,
        /// The function.
        function: &'a str,
    },
    /// A caller of the target goes away.
    Cancel {
        /// Who was called.
        target: &'a str,
    },
    /// A message to be handled at least once.
    Tell {
        /// Who is told.
        target: &'a str,
        /// The interface, unless the short form was used.
        interface: Option<&'a str>,
        /// The function.
        function: &'a str,
    },
    /// A control request: `noun.verb`, or a verb for one host.
    Control {
        /// The host it is for, if for one.
        host: Option<&'a str>,
        /// `noun.verb`, or for one host `verb`: unknown ones are refused by whoever answers.
        verb: &'a str,
    },
    /// An event, `noun.what`.
    Event {
        /// `noun.what`.
        kind: &'a str,
    },
    /// A log record of a target.
    Log {
        /// Whose record.
        target: &'a str,
    },
}

/// Why a text is not a subject of the lattice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// It belongs to another lattice or to something else.
    #[error("the subject does not begin with this lattice's prefix")]
    Foreign,
    /// It has a shape that no version of this protocol has.
    #[error("the subject is not one of lattice.<L>.{{call|cancel|host|process|tell|ctl|evt|log}}")]
    Shape,
    /// The target is not a name.
    #[error("the target is not a name: use 1 to 63 of a-z, 0-9 and -")]
    Target,
    /// The function or interface is not one.
    #[error("the function is not named as <function> or <namespace:package/interface>.<function>")]
    Function,
}

/// Reads a subject of `lattice`: the inverse of the builders, without a copy.
pub fn parse<'a>(lattice: &LatticeId, subject: &'a str) -> Result<Route<'a>, Error> {
    let rest = subject
        .strip_prefix("lattice.")
        .and_then(|rest| rest.strip_prefix(lattice.as_str()))
        .and_then(|rest| rest.strip_prefix('.'))
        .ok_or(Error::Foreign)?;
    let (kind, rest) = rest.split_once('.').ok_or(Error::Shape)?;
    match kind {
        "call" => parse_call(None, rest),
        "tell" => match parse_call(None, rest)? {
            Route::Call {
                target,
                interface,
                function,
                ..
            } => Ok(Route::Tell {
                target,
                interface,
                function,
            }),
            other => Ok(other),
        },
        "host" => parse_host(rest),
        "process" => parse_process(rest),
        "ctl" if are_words(rest) => Ok(Route::Control {
            host: None,
            verb: rest,
        }),
        "evt" if are_words(rest) => Ok(Route::Event { kind: rest }),
        "cancel" if is_name(rest) => Ok(Route::Cancel { target: rest }),
        "log" if is_name(rest) => Ok(Route::Log { target: rest }),
        "log" | "cancel" => Err(Error::Target),
        _ => Err(Error::Shape),
    }
}

fn parse_host(rest: &str) -> Result<Route<'_>, Error> {
    let (host, rest) = rest.split_once('.').ok_or(Error::Shape)?;
    if !is_name(host) {
        return Err(Error::Shape);
    }
    match rest.split_once('.') {
        Some(("call", rest)) => parse_call(Some(host), rest),
        Some(("ctl", verb)) if is_name(verb) => Ok(Route::Control {
            host: Some(host),
            verb,
        }),
        _ => Err(Error::Shape),
    }
}

fn parse_process(rest: &str) -> Result<Route<'_>, Error> {
    let (process, rest) = rest.split_once('.').ok_or(Error::Shape)?;
    match rest.split_once('.') {
        Some(("call", rest)) if is_name(process) => parse_call(None, rest),
        _ => Err(Error::Shape),
    }
}

/// `noun.verb`, or one word of it: unknown ones are for whoever answers to refuse, by the words that
/// there are.
fn are_words(text: &str) -> bool {
    let (noun, verb) = text.split_once('.').unwrap_or((text, text));
    is_name(noun) && is_name(verb)
}

fn parse_call<'a>(host: Option<&'a str>, rest: &'a str) -> Result<Route<'a>, Error> {
    let (target, endpoint) = rest.split_once('.').ok_or(Error::Function)?;
    if !is_name(target) {
        return Err(Error::Target);
    }
    let (interface, function) = split_endpoint(endpoint);
    if !is_function(function) || !interface.is_none_or(is_interface) {
        return Err(Error::Function);
    }
    Ok(Route::Call {
        host,
        target,
        interface,
        function,
    })
}
