//! What ARCHITECTURE.md says of the sources, as far as a test can tell.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use lattice_tests::guest;
use serde_json::Value;

/// The Rust files of a folder that are not tests.
fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() {
            sources(&path, found);
        } else if name.ends_with(".rs") && !name.ends_with("_test.rs") && name != "testing.rs" {
            found.push(path);
        }
    }
}

/// Whether a line spells a subject: `lattice.`, then a lattice's name or its place, then more.
fn spells_a_subject(line: &str) -> bool {
    line.match_indices("\"lattice.").any(|(at, start)| {
        let rest = &line[at + start.len()..];
        let token = rest
            .find(|c: char| !(c.is_ascii_alphanumeric() || c == '-'))
            .unwrap_or(rest.len());
        rest.starts_with('{') || rest.starts_with('*') || rest[token..].starts_with('.')
    })
}

#[test]
fn a_subject_is_spelled_in_lattice_protocol_and_nowhere_else() {
    assert!(spells_a_subject(r#"format!("lattice.{lattice}.call")"#));
    assert!(spells_a_subject(
        r#"let s = "lattice.default.ctl.app.list";"#
    ));
    assert!(!spells_a_subject(r#"FILE_NAME: &str = "lattice.toml";"#));
    let mut files = Vec::new();
    for member in members() {
        let source = guest::root().join(&member).join("src");
        if member != "lattice-protocol" && member != "tests" {
            sources(&source, &mut files);
        }
    }
    assert!(
        files.len() > 50,
        "{} files: this test looks in the wrong place",
        files.len()
    );
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        for (number, line) in code.lines().enumerate() {
            let is_comment = line.trim_start().starts_with("//");
            assert!(
                is_comment || !spells_a_subject(line),
                "{}:{}: {line}",
                file.display(),
                number + 1
            );
        }
    }
}

fn members() -> Vec<String> {
    let manifest = std::fs::read_to_string(guest::root().join("Cargo.toml")).unwrap();
    let (_, rest) = manifest.split_once("members = [").unwrap();
    let (list, _) = rest.split_once(']').unwrap();
    list.split('"')
        .skip(1)
        .step_by(2)
        .map(str::to_owned)
        .collect()
}

#[test]
fn what_only_says_things_depends_on_nothing_that_does_things() {
    let graph = dependencies();
    for (root, forbidden) in [
        (
            "lattice-protocol",
            &["tokio", "async-nats", "wasmtime", "hyper", "lattice-client"][..],
        ),
        (
            "lattice-config",
            &["tokio", "async-nats", "wasmtime", "hyper", "lattice-client"],
        ),
        ("lattice-client", &["wasmtime", "hyper", "host"]),
        ("provider-sdk", &["wasmtime", "host"]),
        ("provider-http", &["wasmtime", "host"]),
        ("provider-keyvalue", &["wasmtime", "host"]),
    ] {
        let reached = reach(&graph, root);
        assert!(reached.len() > 5, "{root}: {reached:?}");
        for name in forbidden {
            assert!(!reached.contains(*name), "{root} depends on {name}");
        }
    }
}

/// What each package is built with, tests aside.
fn dependencies() -> BTreeMap<String, Vec<String>> {
    let output = Command::new(env!("CARGO"))
        .args([
            "metadata",
            "--format-version",
            "1",
            "--offline",
            // What other systems need was never fetched.
            "--filter-platform",
            "host-tuple",
            "--manifest-path",
        ])
        .arg(guest::root().join("Cargo.toml"))
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap().iter();
    let names: BTreeMap<_, _> = packages
        .map(|package| (&package["id"], package["name"].as_str().unwrap()))
        .map(|(id, name)| (id.to_string(), name.to_owned()))
        .collect();
    let mut graph: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for node in metadata["resolve"]["nodes"].as_array().unwrap() {
        let built_with = node["deps"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|dependency| {
                dependency["dep_kinds"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .any(|kind| kind["kind"] != "dev")
            });
        let built_with = built_with.map(|dependency| names[&dependency["pkg"].to_string()].clone());
        graph
            .entry(names[&node["id"].to_string()].clone())
            .or_default()
            .extend(built_with);
    }
    graph
}

fn reach(graph: &BTreeMap<String, Vec<String>>, root: &str) -> BTreeSet<String> {
    let mut reached = BTreeSet::new();
    let mut next = vec![root.to_owned()];
    while let Some(name) = next.pop() {
        for dependency in &graph[&name] {
            if reached.insert(dependency.clone()) {
                next.push(dependency.clone());
            }
        }
    }
    reached
}

/// `65,536`.
fn with_commas(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[test]
fn the_tables_of_limits_say_what_the_code_says() {
    use lattice_protocol::frame;
    use lattice_protocol::standard::http;

    let text = std::fs::read_to_string(guest::root().join("docs/manifest.md")).unwrap();
    let (_, text) = text.split_once("\n## `limits`\n").unwrap();
    let (text, _) = text.split_once("\n## ").unwrap();
    let rows: Vec<_> = text
        .lines()
        .filter(|line| line.starts_with("| `"))
        .collect();
    let rows: BTreeSet<_> = rows
        .iter()
        .map(|row| row.split(" | ").take(3).collect::<Vec<_>>().join(" | "))
        .collect();
    let settable = lattice_config::Limits::ALL.iter().map(|limit| {
        let [default, min, max] = [limit.default, limit.min, limit.max].map(with_commas);
        format!("| `{}` | {default} | {min} to {max}", limit.name)
    });
    assert_eq!(rows, settable.collect());

    for (what, value) in [
        ("header fields of an HTTP message", http::HEADERS_MAX),
        ("bytes of all of them", http::HEADERS_BYTES_MAX),
        (
            "bytes of a body that travels in the message",
            http::INLINE_BYTES_MAX,
        ),
        ("bytes under way of one stream", frame::WINDOW_BYTES),
        ("bytes of one frame", frame::FRAME_BYTES_MAX),
        (
            "streams of a call, each way",
            usize::from(frame::STREAMS_MAX),
        ),
        (
            "bytes of a stream's tail, which are a body's trailers",
            frame::TAIL_BYTES_MAX,
        ),
    ] {
        let row = format!("| {what} | {} | ", with_commas(value as u64));
        assert!(text.contains(&row), "{row}");
    }
}
