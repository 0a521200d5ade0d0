//! Files of components.

use std::path::Path;

use anyhow::{Context as _, ensure};

/// What every WebAssembly file begins with.
const MAGIC: &[u8] = b"\0asm";

/// Reads one. What is none is found out here, before it is stored and declared: whether a host can run
/// it is the host's to say.
pub(crate) fn read(file: &Path) -> anyhow::Result<Vec<u8>> {
    let name = file.display();
    let bytes = std::fs::read(file).with_context(|| format!("failed to read {name}"))?;
    ensure!(
        bytes.starts_with(MAGIC),
        "{name} is no WebAssembly component: name the .wasm file that its build makes"
    );
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_no_webassembly_is_refused_by_its_name() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("notes.md");
        for (bytes, is_one) in [
            (&b"\0asm\x0d\0\x01\0"[..], true),
            (b"# Notes", false),
            (b"", false),
        ] {
            std::fs::write(&file, bytes).unwrap();
            let read = read(&file);
            assert_eq!(read.is_ok(), is_one);
            if let Err(error) = read {
                assert!(
                    error.to_string().contains("notes.md is no WebAssembly"),
                    "{error}"
                );
            }
        }
        let missing = read(&folder.path().join("none")).unwrap_err();
        assert!(missing.to_string().contains("failed to read"), "{missing}");
    }
}
