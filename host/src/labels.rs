//! The labels of a host: those on its command line, and what was changed while it ran.
//!
//! A change is kept in the host's data directory, in `labels.json`, with what the command line said of
//! that label then. A host that starts anew has it still, unless its command line says something else
//! by now: then that is the later word.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::options::{LabelError, check_labels};
use crate::reconcile::home::write_whole;

const FILE: &str = "labels.json";

/// Why labels are not changed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// They are not labels.
    #[error(transparent)]
    Refused(#[from] LabelError),
    /// They would not hold over a restart.
    #[error("the labels can't be kept in the data directory: {0}")]
    Kept(String),
}

/// The labels of a host.
#[derive(Debug)]
pub struct Labels {
    file: PathBuf,
    /// Those of the command line.
    told: BTreeMap<String, String>,
    changed: BTreeMap<String, Change>,
}

/// What was said of one label while the host ran.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Change {
    /// Its value; none if it was removed.
    value: Option<String>,
    /// What the command line said of it then.
    over: Option<String>,
}

impl Labels {
    /// The labels of a host that was told `told`, with what the directory remembers.
    pub fn open(dir: &Path, told: BTreeMap<String, String>) -> Result<Self, LabelError> {
        check_labels(&told)?;
        let file = dir.join(FILE);
        let mut changed = read(&file).unwrap_or_else(|reason| {
            tracing::warn!(file = %file.display(), reason, "changed labels are lost: set them again");
            BTreeMap::new()
        });
        changed.retain(|key, change| told.get(key) == change.over.as_ref());
        let mut labels = Self {
            file,
            told,
            changed,
        };
        if let Err(error) = check_labels(&labels.all()) {
            tracing::warn!(%error, "changed labels no longer fit to those of the command line");
            labels.changed.clear();
        }
        Ok(labels)
    }

    /// All of them.
    pub fn all(&self) -> BTreeMap<String, String> {
        all(&self.told, &self.changed)
    }

    /// Sets labels, and removes those without a value; answers them all. It writes to the disk.
    pub fn change(
        &mut self,
        changes: BTreeMap<String, Option<String>>,
    ) -> Result<BTreeMap<String, String>, Error> {
        let mut changed = self.changed.clone();
        for (key, value) in changes {
            let over = self.told.get(&key).cloned();
            if value == over {
                changed.remove(&key);
            } else {
                changed.insert(key, Change { value, over });
            }
        }
        let labels = all(&self.told, &changed);
        check_labels(&labels)?;
        let bytes = serde_json::to_vec(&changed).map_err(|error| Error::Kept(error.to_string()))?;
        write_whole(&self.file, &bytes).map_err(|error| Error::Kept(error.to_string()))?;
        self.changed = changed;
        Ok(labels)
    }
}

fn all(
    told: &BTreeMap<String, String>,
    changed: &BTreeMap<String, Change>,
) -> BTreeMap<String, String> {
    let mut labels = told.clone();
    for (key, change) in changed {
        match &change.value {
            Some(value) => labels.insert(key.clone(), value.clone()),
            None => labels.remove(key),
        };
    }
    labels
}

fn read(file: &Path) -> Result<BTreeMap<String, Change>, String> {
    match std::fs::read(file) {
        Ok(bytes) => serde_json::from_slice(&bytes).map_err(|error| error.to_string()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(BTreeMap::new()),
        Err(error) => Err(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        let pair = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
        pairs.iter().map(pair).collect()
    }

    fn changes(pairs: &[(&str, Option<&str>)]) -> BTreeMap<String, Option<String>> {
        let pair =
            |(key, value): &(&str, Option<&str>)| ((*key).to_owned(), value.map(str::to_owned));
        pairs.iter().map(pair).collect()
    }

    #[test]
    fn changed_labels_survive_a_restart() {
        let dir = tempfile::tempdir().unwrap();
        let told = labels(&[("zone", "a"), ("gpu", "yes")]);
        let mut first = Labels::open(dir.path(), told.clone()).unwrap();
        let set = changes(&[("zone", Some("b")), ("gpu", None), ("disk", Some("ssd"))]);
        let after = labels(&[("zone", "b"), ("disk", "ssd")]);
        assert_eq!(first.change(set).unwrap(), after);
        drop(first);
        assert_eq!(Labels::open(dir.path(), told).unwrap().all(), after);
    }

    #[test]
    fn a_command_line_that_says_something_else_by_now_is_the_later_word() {
        let dir = tempfile::tempdir().unwrap();
        let mut first = Labels::open(dir.path(), labels(&[("zone", "a")])).unwrap();
        first
            .change(changes(&[("zone", Some("b")), ("gpu", Some("yes"))]))
            .unwrap();
        let next = Labels::open(dir.path(), labels(&[("zone", "c")])).unwrap();
        assert_eq!(next.all(), labels(&[("zone", "c"), ("gpu", "yes")]));
    }

    #[test]
    fn labels_that_are_refused_change_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let mut all = Labels::open(dir.path(), labels(&[("zone", "a")])).unwrap();
        assert!(all.change(changes(&[("", Some("b"))])).is_err());
        assert_eq!(all.all(), labels(&[("zone", "a")]));
    }

    #[test]
    fn a_damaged_file_is_not_fatal() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join(FILE), "{").unwrap();
        let told = labels(&[("zone", "a")]);
        assert_eq!(Labels::open(dir.path(), told.clone()).unwrap().all(), told);
    }
}
