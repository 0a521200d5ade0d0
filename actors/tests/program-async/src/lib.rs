//! A program of WASI 0.3: streams for output, waiting without blocking, an exit code.

mod bindings {
    wit_bindgen::generate!({
        path: ["../../../wit/p3", "wit"],
        world: "lattice:program-async/program-async",
        generate_all,
    });
}

use bindings::exports::wasi::cli::run::Guest;
use bindings::wasi::cli::{environment, exit, stdout};
use bindings::wasi::clocks::{monotonic_clock, system_clock};
use bindings::wasi::filesystem::preopens;
use bindings::wasi::filesystem::types::{DescriptorFlags, OpenFlags, PathFlags};
use bindings::wasi::random::random;
use bindings::wasi::sockets::ip_name_lookup;

/// What the clock is waited on for: a millisecond.
const WAIT_NS: u64 = 1_000_000;

struct Program;

bindings::export!(Program with_types_in bindings);

impl Guest for Program {
    async fn run() -> Result<(), ()> {
        let arguments = environment::get_arguments();
        monotonic_clock::wait_for(WAIT_NS).await;
        let after_1970 = system_clock::now().seconds > 0;
        say(&format!("ran {} {after_1970}", arguments.join(" "))).await;
        match arguments.get(1).map(String::as_str) {
            Some("exit") => exit::exit_with_code(7),
            Some("fail") => return Err(()),
            Some("random") => {
                let bytes = random::get_random_bytes(16);
                say(&format!("random {}", bytes.len())).await;
            }
            Some("flood") => drop(random::get_random_bytes(u64::MAX)),
            Some("read") => {
                let text = read(arguments.get(2).map_or("", String::as_str)).await;
                say(&format!("read {text:?}")).await;
            }
            Some("lookup") => {
                let name = arguments.get(2).cloned().unwrap_or_default();
                let found = ip_name_lookup::resolve_addresses(name).await;
                say(&format!("found {}", found.is_ok())).await;
            }
            _ => {}
        }
        Ok(())
    }
}

/// A file in the first folder that there is.
async fn read(path: &str) -> Result<String, String> {
    let folders = preopens::get_directories();
    let (folder, _) = folders.first().ok_or("no folder")?;
    let (follow, flags) = (PathFlags::SYMLINK_FOLLOW, OpenFlags::empty());
    let file = folder
        .open_at(follow, path.to_owned(), flags, DescriptorFlags::READ)
        .await
        .map_err(|error| error.to_string())?;
    let (stream, _) = file.read_via_stream(0);
    let bytes = stream.collect().await;
    String::from_utf8(bytes).map_err(|error| error.to_string())
}

async fn say(line: &str) {
    let (mut writer, reader) = bindings::wit_stream::new();
    let written = stdout::write_via_stream(reader);
    let rest = writer.write_all(format!("{line}\n").into_bytes()).await;
    drop((writer, rest));
    // What can't be said can't be told either.
    let _ = written.await;
}
