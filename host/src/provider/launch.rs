//! How a provider's process is started: its command line and its environment.
//!
//! The environment is empty but for:
//! - `PATH`, to find programs by, and `RUST_LOG`, so that a host's choice holds for its providers;
//! - `LATTICE_NATS` and `LATTICE_CREDS`: how this host reaches NATS;
//! - `OTEL_*`, so that one trace goes through both; not `OTEL_SERVICE_NAME`, which names this host;
//! - what the manifest declares, which wins over all of these: a provider may have credentials of
//!   its own;
//! - `LATTICE`, `LATTICE_PROVIDER`, `LATTICE_PROCESS` and `LATTICE_SUPERVISED`, which say what it is
//!   and always hold.
//!
//! With a folder of credentials each provider has its own, `<name>.creds` in it: only a host may speak
//! for actors, and one provider must not read what another one is sent.
//!
//! `HOME` is not passed on: it leads to the keys of whoever runs the host. One that needs it gets
//! it by the manifest.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use lattice_client::process::variable;
use lattice_config::app::{ProviderSpec, Runs};
use lattice_protocol::id::{ProcessId, ProviderName};
use tokio::process::Command;

use super::inline::{Around, Kinds, Task};
use super::outbox::Outbox;
use super::process::Process;
use super::work::Work;

/// Variables of the host that its providers get too.
const PASSED_ON: [&str; 2] = ["PATH", "RUST_LOG"];

/// How the variables begin that say where telemetry goes, and the one that names the process.
const TELEMETRY: &str = "OTEL_";
const TELEMETRY_NAME: &str = "OTEL_SERVICE_NAME";

/// What all providers of a host are started with.
#[derive(Debug, Clone)]
pub(super) struct Launch {
    program: PathBuf,
    client: lattice_client::Options,
    /// The folder of the providers' own credentials.
    creds: Option<PathBuf>,
    env: Vec<(OsString, OsString)>,
    kinds: Kinds,
    around: Around,
}

impl Launch {
    /// Reads the host's own environment, once.
    pub(super) fn new(
        program: PathBuf,
        client: lattice_client::Options,
        creds: Option<PathBuf>,
        kinds: Kinds,
        around: Around,
    ) -> Self {
        let mut env: Vec<_> = PASSED_ON
            .into_iter()
            .filter_map(|name| Some((name.into(), std::env::var_os(name)?)))
            .collect();
        env.extend(telemetry(std::env::vars_os()));
        env.push((variable::NATS.into(), client.nats.clone().into()));
        Self {
            program,
            client,
            creds,
            env,
            kinds,
            around,
        }
    }

    /// Starts a provider as a process or inline, or says why it can't.
    pub(super) fn start(
        &self,
        name: &ProviderName,
        spec: &ProviderSpec,
        process: &ProcessId,
        outbox: &Outbox,
    ) -> Result<Work, String> {
        match (&spec.runs, spec.inline) {
            (Runs::Kind(kind), true) => self.inline(kind, name, process).map(Work::Inline),
            _ => {
                let command = self.command(name, spec, process)?;
                let started = Process::start(command, outbox);
                started
                    .map(|process| Work::Child(Box::new(process)))
                    .map_err(|error| self.failure(spec, &error))
            }
        }
    }

    fn inline(&self, kind: &str, name: &ProviderName, process: &ProcessId) -> Result<Task, String> {
        let run = self.kinds.get(kind).ok_or_else(|| {
            format!("this host runs no {kind} inline: remove inline = true from provider {name}")
        })?;
        let client = lattice_client::Options {
            creds: self.creds_of(name)?,
            name: format!("provider {name}"),
            ..self.client.clone()
        };
        let (doors, around) = (self.kinds.doors(), &self.around);
        Ok(Task::start(run, doors, name, process, client, around))
    }

    /// The credentials of a provider: its own where the host has a folder of them, else the host's.
    fn creds_of(&self, name: &ProviderName) -> Result<Option<PathBuf>, String> {
        let Some(folder) = &self.creds else {
            return Ok(self.client.creds.clone());
        };
        let file = folder.join(format!("{name}.creds"));
        match file.is_file() {
            true => Ok(Some(file)),
            false => Err(format!(
                "it has no credentials: put them into {}, or start the host without --provider-creds",
                file.display()
            )),
        }
    }

    /// The command of a provider, or why there is none.
    pub(super) fn command(
        &self,
        name: &ProviderName,
        spec: &ProviderSpec,
        process: &ProcessId,
    ) -> Result<Command, String> {
        let mut command = match &spec.runs {
            Runs::Kind(kind) => self.carried(kind, name),
            Runs::Exec(words) => exec(words)?,
            Runs::External => {
                return Err("it is started outside the lattice, not by a host".to_owned());
            }
        };
        let own = [
            (variable::LATTICE, self.client.lattice.as_str()),
            (variable::PROVIDER, name.as_str()),
            (variable::PROCESS, process.as_str()),
            (variable::SUPERVISED, "1"),
        ];
        // What the manifest names needs no file of the host's.
        let creds = match spec.env.contains_key(variable::CREDS) {
            true => None,
            false => self.creds_of(name)?,
        };
        command
            .env_clear()
            .envs(self.env.iter().cloned())
            .envs(creds.map(|file| (variable::CREDS, file)))
            .envs(&spec.env)
            .envs(own);
        Ok(command)
    }

    /// Why a start failed, in words that name the program.
    fn failure(&self, spec: &ProviderSpec, error: &std::io::Error) -> String {
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
        launch_with(None)
    }

    fn launch_with(creds: Option<PathBuf>) -> Launch {
        let client = lattice_client::Options {
            nats: "nats://n".into(),
            creds: Some("/host.creds".into()),
            lattice: "edge".parse().unwrap(),
            name: "h1".into(),
        };
        let kinds = Kinds::default();
        Launch::new(
            "/bin/lattice".into(),
            client,
            creds,
            kinds,
            Around::nothing(),
        )
    }

    fn command(launch: &Launch, name: &str, spec: &ProviderSpec) -> Result<Command, String> {
        launch.command(&name.parse().unwrap(), spec, &"p1".parse().unwrap())
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
        let command = command(&launch(), "web", &spec).unwrap();
        let arguments: Vec<_> = command.as_std().get_args().collect();
        assert_eq!(command.as_std().get_program(), "/bin/lattice");
        assert_eq!(arguments, ["provider", "http", "--name", "web"]);
    }

    #[test]
    fn the_manifest_may_give_credentials_but_not_another_name() {
        let mut spec = Provider::new(Runs::Exec(vec!["kv".into()])).spec();
        for name in [
            "LATTICE_CREDS",
            "LATTICE_PROVIDER",
            "LATTICE_PROCESS",
            "LATTICE",
            "DEBUG",
        ] {
            spec.env.insert(name.into(), "mine".into());
        }
        let env = env(&command(&launch(), "kv", &spec).unwrap());
        assert_eq!(env["LATTICE_CREDS"], "mine");
        assert_eq!(env["DEBUG"], "mine");
        assert_eq!(env["LATTICE_NATS"], "nats://n");
        assert_eq!(
            (env["LATTICE"].as_str(), env["LATTICE_PROVIDER"].as_str()),
            ("edge", "kv")
        );
        assert_eq!(env["LATTICE_PROCESS"], "p1");
        assert!(!env.contains_key("HOME"));
    }

    #[test]
    fn telemetry_goes_where_the_hosts_goes_under_another_name() {
        let all = [
            "OTEL_EXPORTER_OTLP_ENDPOINT",
            "OTEL_SERVICE_NAME",
            "HOTEL_X",
            "HOME",
        ];
        let all = all.map(|name| (name.into(), "value".into()));
        let names: Vec<_> = telemetry(all.into_iter()).map(|(name, _)| name).collect();
        assert_eq!(names, ["OTEL_EXPORTER_OTLP_ENDPOINT"]);
    }

    #[test]
    fn an_empty_command_is_refused_with_what_to_write() {
        let spec = Provider::new(Runs::Exec(Vec::new())).spec();
        let refused = command(&launch(), "kv", &spec).unwrap_err();
        assert!(refused.contains("exec = ["), "{refused}");
    }

    #[test]
    fn with_a_folder_of_credentials_each_provider_gets_its_own_and_never_the_hosts() {
        let folder = tempfile::tempdir().unwrap();
        let own = folder.path().join("kv.creds");
        std::fs::write(&own, "").unwrap();
        let launch = launch_with(Some(folder.path().into()));
        let spec = Provider::new(Runs::Exec(vec!["kv".into()])).spec();
        let given = env(&command(&launch, "kv", &spec).unwrap());
        assert_eq!(given["LATTICE_CREDS"], own.to_str().unwrap());
        let refused = command(&launch, "web", &spec).unwrap_err();
        assert!(refused.contains("web.creds"), "{refused}");
        assert_eq!(
            env(&command(&launch_with(None), "web", &spec).unwrap())["LATTICE_CREDS"],
            "/host.creds"
        );
    }

    #[test]
    fn a_kind_that_this_host_can_not_run_inline_is_refused_with_what_to_change() {
        let mut spec = Provider::new(Runs::Kind("http".into())).spec();
        spec.inline = true;
        let (post, _mail) = super::super::outbox::Post::new("h1".parse().unwrap());
        let (name, process) = ("web".parse().unwrap(), "p1".parse().unwrap());
        let refused = launch()
            .start(&name, &spec, &process, &post.outbox(&name))
            .unwrap_err();
        assert!(refused.contains("remove inline = true"), "{refused}");
    }
}
