//! `provider-http`: the provider as a program of its own. `provider-http --help` says what it takes.

use std::process::ExitCode;

use provider_sdk::Program;

#[tokio::main]
async fn main() -> ExitCode {
    let program = Program::new("provider-http", env!("CARGO_PKG_VERSION"));
    program.run(provider_http::run).await
}
