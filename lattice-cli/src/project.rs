//! A manifest with the folder that it stands in.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use lattice_client::Client;
use lattice_config::manifest::FILE_NAME;
use lattice_config::{App, ComponentRef, Manifest, validate};
use lattice_protocol::digest::Digest;

use crate::component;
use crate::exit::Usage;
use crate::ui::Progress;

/// A manifest with the folder that it stands in: paths and build commands start there.
pub(crate) struct Project {
    pub(crate) folder: PathBuf,
    pub(crate) path: PathBuf,
    pub(crate) manifest: Manifest,
}

impl Project {
    /// Reads a manifest, or the one in a folder.
    pub(crate) fn open(path: &Path) -> anyhow::Result<Self> {
        let path = match path.is_dir() {
            // In this folder the name says it all.
            true if path == Path::new(".") => PathBuf::from(FILE_NAME),
            true => path.join(FILE_NAME),
            false => path.to_owned(),
        };
        let text = std::fs::read_to_string(&path).map_err(|error| {
            let path = path.display();
            let hint = match error.kind() {
                std::io::ErrorKind::NotFound => "; name a manifest, or a folder that has one",
                _ => "",
            };
            Usage(format!("failed to read {path}: {error}{hint}"))
        })?;
        let bad = |what: String| Usage(format!("{}: {what}", path.display()));
        let manifest = Manifest::parse(&text).map_err(|error| bad(error.to_string()))?;
        let folder = path
            .parent()
            .filter(|parent| !parent.as_os_str().is_empty());
        let folder = folder.unwrap_or(Path::new(".")).canonicalize()?;
        Ok(Self {
            folder,
            path,
            manifest,
        })
    }

    /// Says everything that is wrong with an app which may not lean on other apps.
    pub(crate) fn validate_alone(&self) -> anyhow::Result<()> {
        let Err(problems) = validate(self.manifest.app(), &BTreeSet::new()) else {
            return Ok(());
        };
        let lines: Vec<_> = problems.iter().map(ToString::to_string).collect();
        Err(Usage(format!("{}: {}", self.path.display(), lines.join("\n  "))).into())
    }

    /// The app with the digests of its files, which need not be in the lattice.
    pub(crate) fn resolve(&self) -> anyhow::Result<App> {
        let mut digests = BTreeMap::new();
        for (component, bytes) in self.files()? {
            digests.insert(component, Digest::of(&bytes));
        }
        self.resolve_with(&digests)
    }

    /// Pushes the files into the lattice; the app then names their digests.
    pub(crate) async fn push(&self, client: &Client, progress: &Progress) -> anyhow::Result<App> {
        let artifacts = client.artifacts().await?;
        let mut digests = BTreeMap::new();
        for (component, bytes) in self.files()? {
            progress.detail(&format!("{component} ({} kB)", bytes.len() / 1000));
            let digest = artifacts
                .push(&bytes)
                .await
                .with_context(|| format!("failed to push {component}"))?;
            digests.insert(component, digest);
        }
        self.resolve_with(&digests)
    }

    fn files(&self) -> anyhow::Result<Vec<(ComponentRef, Vec<u8>)>> {
        let mut files = Vec::new();
        for component in self.manifest.components() {
            if let ComponentRef::File(file) = component {
                let bytes = component::read(&self.folder.join(file))?;
                files.push((component.clone(), bytes));
            }
        }
        Ok(files)
    }

    fn resolve_with(&self, digests: &BTreeMap<ComponentRef, Digest>) -> anyhow::Result<App> {
        match self.manifest.clone().resolve(digests) {
            Ok(app) => Ok(app),
            Err(unresolved) => {
                let Some(first) = unresolved.first() else {
                    bail!("the manifest has no components")
                };
                Err(Usage(format!(
                    "actor {}: component {} is no file and no digest: pull it, and name the file",
                    first.actor, first.component
                ))
                .into())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exit::Exit;

    #[test]
    fn a_folder_without_a_manifest_says_which_file_is_missing() {
        let folder = tempfile::tempdir().unwrap();
        let error = Project::open(folder.path()).map(|_| ()).unwrap_err();
        assert!(error.to_string().contains("lattice.toml"), "{error}");
        assert_eq!(Exit::of(&error), Exit::Usage);
    }

    #[test]
    fn a_broken_manifest_is_refused_with_its_place() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(
            folder.path().join(FILE_NAME),
            "name = \"a\"\nnonsense = 1\n",
        )
        .unwrap();
        let error = Project::open(folder.path())
            .map(|_| ())
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("lattice.toml") && error.contains("nonsense"),
            "{error}"
        );
    }

    #[test]
    fn files_are_resolved_to_their_digests() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("a.wasm"), b"\0asm").unwrap();
        let manifest = "name = \"a\"\nversion = \"1.0.0\"\n[actor.a]\ncomponent = \"a.wasm\"\n";
        std::fs::write(folder.path().join(FILE_NAME), manifest).unwrap();
        let app = Project::open(folder.path()).unwrap().resolve().unwrap();
        let component = &app.actors.values().next().unwrap().component;
        assert_eq!(component.digest(), Some(&Digest::of(b"\0asm")));
    }
}
