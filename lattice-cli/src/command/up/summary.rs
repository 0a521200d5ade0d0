//! Where to look, once everything runs.

use std::path::{Path, PathBuf};

use lattice_client::process::NATS_DEFAULT;
use lattice_client::{Client, Options};
use lattice_config::App;
use lattice_protocol::control::{ActorDetail, ByActor, Verb};
use lattice_protocol::id::LatticeId;

use super::data::Data;
use super::listen;
use crate::connection::Connection;
use crate::ui::out;

/// What this program is called where it is installed.
const NAME: &str = "lattice";

/// Prints the addresses and the commands of a running app.
pub(super) async fn print(
    client: &Client,
    app: &App,
    connection: &Connection,
    data: &Data,
) -> anyhow::Result<()> {
    let lattice = program() + &options(connection);
    out("")?;
    for (name, url) in listen::urls(app) {
        line(name.as_str(), &url)?;
    }
    if let Some(call) = example(client, app).await {
        line("call", &format!("{lattice} call {call}"))?;
    }
    line("look", &format!("{lattice} ps"))?;
    line("logs", &format!("{lattice} logs -f"))?;
    line("NATS", &Options::shown(&connection.url()))?;
    line("data", &data.folder().display().to_string())?;
    out("")?;
    out("ctrl-c stops everything")
}

fn line(what: &str, text: &str) -> anyhow::Result<()> {
    out(format_args!("  {what:<6} {text}"))
}

/// What a command needs beyond its defaults to reach this lattice from any folder; a password in
/// the address is left to whoever has it.
fn options(connection: &Connection) -> String {
    let mut text = String::new();
    let url = connection.url();
    if url != NATS_DEFAULT {
        text.push_str(&format!(" --nats {}", word(&Options::shown(&url))));
    }
    if let Some(creds) = &connection.creds {
        text.push_str(&format!(" --creds {}", word(&creds.to_string_lossy())));
    }
    if connection.lattice != LatticeId::default() {
        text.push_str(&format!(" --lattice {}", connection.lattice));
    }
    text
}

/// How this program is called from here: by its name if the shell finds it, else by its path.
fn program() -> String {
    let Ok(exe) = std::env::current_exe().and_then(|exe| exe.canonicalize()) else {
        return NAME.to_owned();
    };
    let path = std::env::var_os("PATH").unwrap_or_default();
    let is_it = |found: PathBuf| found.canonicalize().is_ok_and(|found| found == exe);
    if std::env::split_paths(&path).any(|folder| is_it(folder.join(NAME))) {
        return NAME.to_owned();
    }
    let here = std::env::current_dir().and_then(|here| here.canonicalize());
    path_from(here.ok().as_deref(), &exe)
}

/// A path as a shell takes it for a command, also one that names a file of this folder.
fn path_from(here: Option<&Path>, exe: &Path) -> String {
    let below = here.and_then(|here| exe.strip_prefix(here).ok());
    let path = match below {
        Some(below) => Path::new(".").join(below),
        None => exe.to_owned(),
    };
    word(&path.to_string_lossy())
}

/// One word of a command: in quotes where the shell would read more into it.
fn word(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-+:@%,=".contains(c);
    if text.chars().all(is_plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// A call to try: of the first function that takes only what can be made up.
async fn example(client: &Client, app: &App) -> Option<String> {
    for name in app.actors.keys() {
        let request = ByActor {
            name: name.clone(),
            if_revision: None,
        };
        let Ok(detail) = client
            .control::<ActorDetail>(Verb::ActorInspect, &request)
            .await
        else {
            continue;
        };
        let functions = detail
            .endpoints
            .iter()
            .filter(|(function, _)| !function.starts_with("wasi:"));
        for (function, signature) in functions {
            if let Some(args) = arguments(signature) {
                return Some(format!("{name} {function}{args}"));
            }
        }
    }
    None
}

/// Arguments that fit a signature such as `greet: func(name: string) -> string`.
fn arguments(signature: &str) -> Option<String> {
    let (_, rest) = signature.split_once("func(")?;
    let (params, _) = rest.split_once(')')?;
    let mut text = String::new();
    for param in params.split(',').filter(|param| !param.trim().is_empty()) {
        let (_, kind) = param.split_once(':')?;
        let value = match kind.trim() {
            "string" => "World",
            "bool" => "true",
            "u8" | "u16" | "u32" | "u64" | "s8" | "s16" | "s32" | "s64" => "1",
            "f32" | "f64" => "1.5",
            _ => return None,
        };
        text.push(' ');
        text.push_str(value);
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_example_fits_its_signature() {
        assert_eq!(
            arguments("greet: func(name: string) -> string").unwrap(),
            " World"
        );
        assert_eq!(arguments("f: func(a: u32, b: bool)").unwrap(), " 1 true");
        assert_eq!(arguments("f: func()").unwrap(), "");
        assert_eq!(arguments("f: func(a: list<u8>)"), None);
    }

    #[test]
    fn a_program_is_called_so_that_a_shell_finds_it() {
        let call = |here, exe| path_from(Some(Path::new(here)), Path::new(exe));
        assert_eq!(call("/p", "/p/lattice"), "./lattice");
        assert_eq!(
            call("/p", "/p/target/release/lattice"),
            "./target/release/lattice"
        );
        assert_eq!(call("/p", "/q/lattice"), "/q/lattice");
        assert_eq!(call("/p", "/my files/it's"), r"'/my files/it'\''s'");
        assert_eq!(path_from(None, Path::new("/q/lattice")), "/q/lattice");
    }

    #[test]
    fn commands_carry_what_differs_from_their_defaults() {
        let connection = |nats: &str, lattice: &str| Connection {
            nats: Some(nats.into()),
            creds: None,
            lattice: lattice.parse().unwrap(),
        };
        assert_eq!(options(&connection(NATS_DEFAULT, "default")), "");
        assert_eq!(
            options(&connection("nats://127.0.0.1:5000", "edge")),
            " --nats nats://127.0.0.1:5000 --lattice edge"
        );
        assert_eq!(
            options(&connection("nats://user:pw@one", "default")),
            " --nats nats://one"
        );
    }
}
