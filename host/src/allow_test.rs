use std::collections::BTreeMap;
use std::os::unix::fs::symlink;

use super::*;

fn grants(from: &Path, mode: Mode) -> Grants {
    let from = from.to_str().unwrap().parse().unwrap();
    Grants {
        files: BTreeMap::from([("/data".parse().unwrap(), Folder { from, mode })]),
        ..Grants::default()
    }
}

fn allow(folders: &[&str]) -> Allow {
    Allow {
        files: folders.iter().map(|text| text.parse().unwrap()).collect(),
        ..Allow::default()
    }
}

fn refusal(allow: &Allow, grants: &Grants) -> String {
    allow.open(grants).unwrap_err().to_string()
}

#[test]
fn nothing_is_allowed_unless_told_and_the_refusal_names_the_flag() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().canonicalize().unwrap();
    let nothing = Allow::default();
    assert!(nothing.open(&Grants::default()).unwrap().is_empty());
    let error = refusal(&nothing, &grants(&path, Mode::Read));
    assert!(
        error.ends_with(&format!("--allow-files {}:ro", path.display())),
        "{error}"
    );
    let error = refusal(&nothing, &grants(&path, Mode::ReadWrite));
    assert!(
        error.ends_with(&format!("--allow-files {}", path.display())),
        "{error}"
    );
    let sockets = Grants {
        sockets: vec!["tcp:10.0.0.1:1".parse().unwrap()],
        ..Grants::default()
    };
    let error = refusal(&nothing, &sockets);
    assert!(error.ends_with("--allow-sockets tcp:10.0.0.1:1"), "{error}");
    let names = Grants {
        names: vec!["db.internal".parse().unwrap()],
        ..Grants::default()
    };
    assert!(refusal(&nothing, &names).ends_with("--allow-names db.internal"));
}

#[test]
fn a_folder_below_an_allowed_one_is_allowed_as_far_as_that_one() {
    let folder = tempfile::tempdir().unwrap();
    let below = folder.path().join("a/b");
    std::fs::create_dir_all(&below).unwrap();
    let all = folder.path().to_str().unwrap();
    let writable = allow(&[all]);
    assert_eq!(
        writable
            .open(&grants(&below, Mode::ReadWrite))
            .unwrap()
            .len(),
        1
    );
    let read_only = allow(&[&format!("{all}:ro")]);
    assert_eq!(
        read_only.open(&grants(&below, Mode::Read)).unwrap().len(),
        1
    );
    let error = refusal(&read_only, &grants(&below, Mode::ReadWrite));
    assert!(error.contains("read-write"), "{error}");
}

#[test]
fn a_neighbour_whose_name_begins_alike_is_not_allowed() {
    let folder = tempfile::tempdir().unwrap();
    let neighbour = folder.path().join("data-secret");
    std::fs::create_dir_all(&neighbour).unwrap();
    std::fs::create_dir_all(folder.path().join("data")).unwrap();
    let allowed = allow(&[folder.path().join("data").to_str().unwrap()]);
    let error = refusal(&allowed, &grants(&neighbour, Mode::Read));
    assert!(error.contains("--allow-files"), "{error}");
}

#[test]
fn a_link_that_leads_out_of_an_allowed_folder_is_refused_by_where_it_leads() {
    let folder = tempfile::tempdir().unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    let link = folder.path().join("link");
    symlink(elsewhere.path(), &link).unwrap();
    let allowed = allow(&[folder.path().to_str().unwrap()]);
    let error = refusal(&allowed, &grants(&link, Mode::Read));
    let real = elsewhere.path().canonicalize().unwrap();
    assert!(error.contains(real.to_str().unwrap()), "{error}");
}

#[test]
fn what_is_no_folder_or_not_there_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "x").unwrap();
    let allowed = allow(&[folder.path().to_str().unwrap()]);
    let error = refusal(&allowed, &grants(&file, Mode::Read));
    assert!(error.contains("can't open"), "{error}");
    let error = refusal(&allowed, &grants(&folder.path().join("none"), Mode::Read));
    assert!(error.contains("can't open"), "{error}");
    // Where nothing is allowed, what is there and what isn't look alike.
    let error = refusal(&allowed, &grants(Path::new("/no/such/folder"), Mode::Read));
    assert!(
        error.contains("--allow-files /no/such/folder:ro"),
        "{error}"
    );
}
