//! How a provider's process is started: its command line and its environment.
//!
//! The environment is empty but for:
//! - `PATH`, to find programs by, and `RUST_LOG`, so that a host's choice holds for its providers;
//! - `LATTICE_NATS` and `LATTICE_CREDS`: how this host reaches NATS;
//! - `OTEL_*`, so that one trace goes through both; not `OTEL_SERVICE_NAME`, which names this host;
//! - what the manifest declares, which wins over all of these: a provider may have credentials of
//!   its own;
//! - `LATTICE`, `LATTICE_PROVIDER` and `LATTICE_SUPERVISED`, which say what it is and always hold.
//!
//! `HOME` is not passed on: it leads to the keys of whoever runs the host. One that needs it gets
//! it by the manifest.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use lattice_client::process::variable;
use lattice_config::app::{ProviderSpec, Runs};
use lattice_protocol::id::ProviderName;
use tokio::process::Command;

/// Variables of the host that its providers get too.
const PASSED_ON: [&str; 2] = ["PATH", "RUST_LOG"];

/// How the variables begin that say where telemetry goes, and the one that names the process.
const TELEMETRY: &str = "OTEL_";
const TELEMETRY_NAME: &str = "OTEL_SERVICE_NAME";

/// What all providers of a host are started with.
#[derive(Debug, Clone)]
pub(super) struct Launch {
    program: PathBuf,
    lattice: String,
    env: Vec<(OsString, OsString)>,
}

impl Launch {
    /// Reads the host's own environment, once.
    pub(super) fn new(program: PathBuf, client: &lattice_client::Options) -> Self {
        let mut env: Vec<_> = PASSED_ON
            .into_iter()
            .filter_map(|name| Some((name.into(), std::env::var_os(name)?)))
            .collect();
        env.extend(telemetry(std::env::vars_os()));
        env.push((variable::NATS.into(), client.nats.clone().into()));
        let creds = client.creds.clone();
        env.extend(creds.map(|path| (variable::CREDS.into(), path.into())));
        Self {
            program,
            lattice: client.lattice.to_string(),
            env,
        }
    }

    /// The command of a provider, or why there is none.
    pub(super) fn command(
        &self,
        name: &ProviderName,
        spec: &ProviderSpec,
    ) -> Result<Command, String> {
        let mut command = match &spec.runs {
            Runs::Kind(kind) => self.carried(kind, name),
            Runs::Exec(words) => exec(words)?,
            Runs::External => {
                return Err("it is started outside the lattice, not by a host".to_owned());
            }
        };
        let own = [
            (variable::LATTICE, self.lattice.as_str()),
            (variable::PROVIDER, name.as_str()),
            (variable::SUPERVISED, "1"),
        ];
        command
            .env_clear()
            .envs(self.env.iter().cloned())
            .envs(&spec.env)
            .envs(own);
        Ok(command)
    }

    /// Why a start failed, in words that name the program.
    pub(super) fn failure(&self, spec: &ProviderSpec, error: &std::io::Error) -> String {
        let program = match &spec.runs {
            Runs::Exec(words) => words.first().map(OsStr::new).unwrap_or_default(),
            Runs::Kind(_) | Runs::External => self.program.as_os_str(),
        };
        format!("failed to start {}: {error}", program.display())
    }

    fn carried(&self, kind: &str, name: &ProviderName) -> Command {
        let mut command = Command::new(&self.program);
        command.args(["provider", kind, "--name", name.as_str()]);
        command
    }
}

/// What says where telemetry goes. The endpoint's headers may hold a key: a provider has the host's
/// credentials for NATS too.
fn telemetry(
    all: impl Iterator<Item = (OsString, OsString)>,
) -> impl Iterator<Item = (OsString, OsString)> {
    all.filter(|(name, _)| {
        let name = name.as_encoded_bytes();
        name.starts_with(TELEMETRY.as_bytes()) && name != TELEMETRY_NAME.as_bytes()
    })
}

fn exec(words: &[String]) -> Result<Command, String> {
    let (program, arguments) = words
        .split_first()
        .ok_or("its exec names no program: write exec = [\"program\", \"argument\"]")?;
    let mut command = Command::new(program);
    command.args(arguments);
    Ok(command)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use lattice_config::app::Provider;

    use super::*;

    fn launch() -> Launch {
        Launch::new(
            "/bin/lattice".into(),
            &lattice_client::Options {
                nats: "nats://n".into(),
                creds: Some("/host.creds".into()),
                lattice: "edge".parse().unwrap(),
                name: "h1".into(),
            },
        )
    }

    fn env(command: &Command) -> BTreeMap<String, String> {
        let text = |text: &OsStr| text.to_str().unwrap().to_owned();
        let envs = command.as_std().get_envs();
        envs.filter_map(|(name, value)| Some((text(name), text(value?))))
            .collect()
    }

    #[test]
    fn a_kind_is_run_by_the_lattice_program_and_told_its_name() {
        let spec = Provider::new(Runs::Kind("http".into())).spec();
        let command = launch().command(&"web".parse().unwrap(), &spec).unwrap();
        let arguments: Vec<_> = command.as_std().get_args().collect();
        assert_eq!(command.as_std().get_program(), "/bin/lattice");
        assert_eq!(arguments, ["provider", "http", "--name", "web"]);
    }

    #[test]
    fn the_manifest_may_give_credentials_but_not_another_name() {
        let mut spec = Provider::new(Runs::Exec(vec!["kv".into()])).spec();
        for name in ["LATTICE_CREDS", "LATTICE_PROVIDER", "LATTICE", "DEBUG"] {
            spec.env.insert(name.into(), "mine".into());
        }
        let env = env(&launch().command(&"kv".parse().unwrap(), &spec).unwrap());
        assert_eq!(env["LATTICE_CREDS"], "mine");
        assert_eq!(env["DEBUG"], "mine");
        assert_eq!(env["LATTICE_NATS"], "nats://n");
        assert_eq!(
            (env["LATTICE"].as_str(), env["LATTICE_PROVIDER"].as_str()),
            ("edge", "kv")
        );
        assert!(!env.contains_key("HOME"));
    }

    #[test]
    fn telemetry_goes_where_the_hosts_goes_under_another_name() {
        let all = ["OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_SERVICE_NAME", "HOTEL_X", "HOME"];
        let all = all.map(|name| (name.into(), "value".into()));
        let names: Vec<_> = telemetry(all.into_iter()).map(|(name, _)| name).collect();
        assert_eq!(names, ["OTEL_EXPORTER_OTLP_ENDPOINT"]);
    }

    #[test]
    fn an_empty_command_is_refused_with_what_to_write() {
        let spec = Provider::new(Runs::Exec(Vec::new())).spec();
        let refused = launch().command(&"kv".parse().unwrap(), &spec).unwrap_err();
        assert!(refused.contains("exec = ["), "{refused}");
    }
}
