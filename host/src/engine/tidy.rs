//! Compiled code that nobody needs is not kept for ever: what no actor of this host uses stays up to a
//! bound, so that a rollback or a return is quick, and the longest unused goes first.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use lattice_protocol::digest::Digest;
use tracing::{debug, warn};

/// How many bytes of unused code stay: some hundred large components, or thousands of small ones.
pub(super) const UNUSED_BYTES_MAX: u64 = 1024 * 1024 * 1024;

/// The ending of the code, and those of what lies beside it.
const CODE: &str = "cwasm";
const BESIDE: [&str; 2] = ["sum", "async"];

/// Code on disk that no actor uses.
struct Unused {
    path: PathBuf,
    bytes: u64,
    used: SystemTime,
}

/// Notes that a component is used now.
pub(super) fn touch(sum: &Path) {
    let touched = fs::File::options()
        .append(true)
        .open(sum)
        .and_then(|file| file.set_modified(SystemTime::now()));
    if let Err(error) = touched {
        debug!(path = %sum.display(), %error, "its use is not noted");
    }
}

/// Removes what is over `bytes_max` of the code that is not `in_use`, the longest unused first.
pub(super) fn tidy(folder: &Path, in_use: &BTreeSet<Digest>, bytes_max: u64) {
    let mut unused = match unused(folder, in_use) {
        Ok(unused) => unused,
        Err(error) => return warn!(%error, "the folder of compiled components can't be listed"),
    };
    unused.sort_by_key(|code| code.used);
    let mut bytes: u64 = unused.iter().map(|code| code.bytes).sum();
    for code in unused {
        if bytes <= bytes_max {
            break;
        }
        remove(&code.path);
        bytes -= code.bytes;
    }
}

fn unused(folder: &Path, in_use: &BTreeSet<Digest>) -> std::io::Result<Vec<Unused>> {
    let is_used = |path: &Path| {
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        in_use.iter().any(|digest| digest.hex() == name)
    };
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_none_or(|ending| ending != CODE) || is_used(&path) {
            continue;
        }
        // One that has just gone is not there to be removed.
        let Ok(known) = fs::metadata(&path) else {
            continue;
        };
        let noted = fs::metadata(path.with_extension(BESIDE[0]));
        found.push(Unused {
            bytes: known.len(),
            used: noted.unwrap_or(known).modified()?,
            path,
        });
    }
    Ok(found)
}

/// The code first: without it, what lies beside says nothing. What is mapped stays mapped.
fn remove(code: &Path) {
    if let Err(error) = fs::remove_file(code) {
        return warn!(path = %code.display(), %error, "unused code can't be removed");
    }
    debug!(path = %code.display(), "unused code is removed");
    for ending in BESIDE {
        // Most have only one of them.
        let _ = fs::remove_file(code.with_extension(ending));
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_longest_unused_goes_first_and_what_is_in_use_stays() {
        let folder = tempfile::tempdir().unwrap();
        let digests: Vec<_> = (0..4u8).map(|number| Digest::of(&[number])).collect();
        let at = |digest: &Digest, ending: &str| {
            folder.path().join(format!("{}.{ending}", digest.hex()))
        };
        for (age, digest) in digests.iter().enumerate() {
            fs::write(at(digest, CODE), [0; 100]).unwrap();
            let sum = fs::File::create(at(digest, "sum")).unwrap();
            let age = Duration::from_secs(1_000 - 100 * u64::try_from(age).unwrap());
            sum.set_modified(SystemTime::now() - age).unwrap();
        }
        // The oldest is in use, the second oldest was used just now.
        let in_use = BTreeSet::from([digests[0].clone()]);
        touch(&at(&digests[1], "sum"));
        tidy(folder.path(), &in_use, 200);
        let left: Vec<_> = digests
            .iter()
            .map(|digest| at(digest, CODE).exists())
            .collect();
        assert_eq!(left, [true, true, false, true]);
        assert!(!at(&digests[2], "sum").exists());
        tidy(folder.path(), &in_use, 200);
        assert!(
            at(&digests[3], CODE).exists(),
            "within the bound nothing goes"
        );
    }
}
