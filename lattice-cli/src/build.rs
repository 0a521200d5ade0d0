//! Builds the components of a manifest with the commands that it gives.

use std::collections::{BTreeMap, VecDeque};
use std::path::Path;
use std::process::Stdio;
use std::time::Instant;

use anyhow::{bail, ensure};
use lattice_config::ComponentRef;
use lattice_protocol::id::ActorName;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, BufReader};
use tokio::process::Command;

use crate::process::Process;
use crate::project::Project;
use crate::toolchain;
use crate::ui::Progress;

/// How many lines of a failed build are shown: the first error is among them even when many follow.
const LINES_SHOWN: usize = 200;

/// Builds every actor that says how, and checks that each file is there afterwards.
pub(crate) async fn run(project: &Project, progress: &Progress) -> anyhow::Result<()> {
    let builds = project.manifest.builds();
    toolchain::prepare(builds.values(), &project.folder, progress).await?;
    // Actors that share a command are built by it at once.
    let mut commands: BTreeMap<&str, Vec<&ActorName>> = BTreeMap::new();
    for (actor, command) in builds {
        commands.entry(command).or_default().push(actor);
    }
    for (command, actors) in commands {
        let actors = actors
            .iter()
            .map(|a| a.as_str())
            .collect::<Vec<_>>()
            .join(", ");
        progress.step(&format!("building {actors}"));
        let started = Instant::now();
        execute(command, &actors, &project.folder, progress).await?;
        let seconds = started.elapsed().as_secs_f32();
        progress.done(&format!("built {actors} in {seconds:.1} s"));
    }
    check_files(project)
}

/// Every file that the manifest names, before anything else is tried with it.
pub(crate) fn check_files(project: &Project) -> anyhow::Result<()> {
    for (name, actor) in &project.manifest.app().actors {
        let ComponentRef::File(file) = &actor.component else {
            continue;
        };
        if project.folder.join(file).is_file() {
            continue;
        }
        match project.manifest.builds().get(name) {
            Some(build) => bail!("actor {name}: there is no {file} after its build: {build}"),
            None => bail!(
                "actor {name}: there is no {file}: build it, or say how in {} with `build = \"…\"`",
                project.path.display()
            ),
        }
    }
    Ok(())
}

async fn execute(
    build: &str,
    actors: &str,
    folder: &Path,
    progress: &Progress,
) -> anyhow::Result<()> {
    let mut command = Command::new("sh");
    command
        .args(["-c", build])
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut process = Process::spawn(command)?;
    let (stdout, stderr) = process.output();
    let said = std::sync::Mutex::new(VecDeque::new());
    let hear = |line: String| {
        progress.detail(&line);
        let mut said = said
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        if said.len() == LINES_SHOWN {
            said.pop_front();
        }
        said.push_back(line);
    };
    tokio::join!(lines(stdout, &hear), lines(stderr, &hear));
    let status = process.wait().await?;
    if !status.success() {
        let said = said.into_inner().unwrap_or_default();
        progress.note(&Vec::from(said).join("\n"));
    }
    ensure!(
        status.success(),
        "failed to build {actors} ({status}): {build}"
    );
    Ok(())
}

async fn lines(output: Option<impl AsyncRead + Unpin>, hear: &impl Fn(String)) {
    let Some(output) = output else { return };
    let mut lines = BufReader::new(output).split(b'\n');
    while let Ok(Some(line)) = lines.next_segment().await {
        hear(String::from_utf8_lossy(&line).into_owned());
    }
}
