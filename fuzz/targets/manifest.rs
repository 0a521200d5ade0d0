//! A manifest as any operator or NATS client may send it.
#![no_main]

use std::collections::BTreeSet;

use lattice_config::manifest::{Error, MANIFEST_LEN_MAX};
use lattice_config::{Manifest, validate};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    match Manifest::parse(text) {
        Ok(manifest) => stands(&manifest),
        Err(Error::TooLarge(bytes)) => assert!(bytes > MANIFEST_LEN_MAX),
        Err(Error::Malformed {
            message,
            line,
            column,
        }) => {
            assert!(!message.is_empty(), "an error says something");
            let lines = text.matches('\n').count() + 1;
            assert!(line.is_none_or(|line| (1..=lines).contains(&line)));
            assert!(column.is_none_or(|column| (1..=text.len() + 1).contains(&column)));
        }
    }
});

/// What is wrong with it is told in lines; what is right with it is written and read as the same.
fn stands(manifest: &Manifest) {
    let app = manifest.app();
    match validate(app, &BTreeSet::new()) {
        Ok(()) => {
            let written = app.to_toml();
            let again = Manifest::parse(&written).expect("what was written can be read");
            assert_eq!(again.app(), app, "{written}");
        }
        Err(problems) => assert!(!problems.is_empty(), "a refusal has a reason"),
    }
}
