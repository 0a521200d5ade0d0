//! Prints what other actors log: the lines arrive in the lattice's log under this actor's name.

mod bindings {
    wit_bindgen::generate!({ path: "wit" });
}

use std::io::Write;

use bindings::exports::cyber::system::logging::{Guest, Level};

struct Logger;

bindings::export!(Logger with_types_in bindings);

impl Guest for Logger {
    fn log(msg: String, lvl: Level) {
        // A host may close the stream of a guest that prints too much; that is no reason to trap.
        let _ = writeln!(std::io::stdout(), "[{}] {msg}", name(lvl));
    }
}

fn name(level: Level) -> &'static str {
    match level {
        Level::Info => "info",
        Level::Warn => "warn",
        Level::Critical => "critical",
    }
}
