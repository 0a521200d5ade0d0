//! Subjects: reading is the inverse of building, and nothing else is taken.
#![no_main]

use lattice_protocol::control::{HostVerb, Verb};
use lattice_protocol::event::Kind;
use lattice_protocol::id::{HostId, LatticeId, TargetName};
use lattice_protocol::interface::Endpoint;
use lattice_protocol::subject::{self, Error, Route, Subject};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    // The text's own lattice if it names one: else everything would be foreign.
    let named = text.split('.').nth(1).and_then(|name| name.parse().ok());
    let lattice: LatticeId = named.unwrap_or_default();
    let prefix = format!("lattice.{lattice}.");
    match subject::parse(&lattice, text) {
        Ok(route) => {
            assert!(
                text.starts_with(&prefix),
                "no other lattice's subject is taken"
            );
            if let Some(built) = build(&lattice, route) {
                assert_eq!(built.as_str(), text);
                assert!(!text.contains(['*', '>', ' ']), "no wildcard is built");
            }
        }
        Err(Error::Foreign) => assert!(!text.starts_with(&prefix)),
        Err(_) => assert!(text.starts_with(&prefix)),
    }
});

/// The subject that this route is built as; none for a verb or an event of another version.
fn build(lattice: &LatticeId, route: Route<'_>) -> Option<Subject> {
    Some(match route {
        Route::Call {
            host,
            target,
            interface,
            function,
        } => {
            let (target, endpoint) = (name(target), endpoint(interface, function));
            match host {
                Some(host) => subject::host_call(lattice, &id(host), &target, &endpoint),
                None => subject::call(lattice, &target, &endpoint),
            }
        }
        Route::Tell {
            target,
            interface,
            function,
        } => subject::tell(lattice, &name(target), &endpoint(interface, function)),
        Route::Control { host: None, verb } => {
            subject::control(lattice, verb.parse::<Verb>().ok()?)
        }
        Route::Control {
            host: Some(host),
            verb,
        } => subject::host_control(lattice, &id(host), verb.parse::<HostVerb>().ok()?),
        Route::Event { kind } => subject::event(lattice, kind.parse::<Kind>().ok()?),
        Route::Cancel { target } => subject::cancel(lattice, &name(target)),
        Route::Log { target } => subject::log(lattice, &name(target)),
    })
}

fn name(text: &str) -> TargetName {
    text.parse().expect("every part has been checked")
}

fn id(text: &str) -> HostId {
    text.parse().expect("every part has been checked")
}

fn endpoint(interface: Option<&str>, function: &str) -> Endpoint {
    Endpoint {
        interface: interface.map(|i| i.parse().expect("every part has been checked")),
        function: function.parse().expect("every part has been checked"),
    }
}
