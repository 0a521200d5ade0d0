//! A program as any other: arguments, environment, standard streams, an exit code.

use std::io::Read as _;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU32, Ordering};

static RUNS: AtomicU32 = AtomicU32::new(0);

fn main() -> ExitCode {
    let runs = RUNS.fetch_add(1, Ordering::Relaxed) + 1;
    let arguments: Vec<String> = std::env::args().collect();
    let variables: Vec<String> = std::env::vars()
        .map(|(key, value)| format!("{key}={value}"))
        .collect();
    println!("run {runs} of {}", arguments.join(" "));
    println!("with [{}]", variables.join(" "));
    match arguments.get(1).map(String::as_str) {
        Some("input") => {
            let mut input = String::new();
            let read = std::io::stdin().read_to_string(&mut input);
            println!("read {read:?}");
        }
        Some("exit") => std::process::exit(1),
        Some("exit-well") => std::process::exit(0),
        Some("fail") => return ExitCode::FAILURE,
        Some("panic") => panic!("on request"),
        _ => {}
    }
    ExitCode::SUCCESS
}
