use std::collections::BTreeSet;

use super::*;

/// What users read.
const WORLDS: &str = include_str!("../../../docs/worlds.md");

/// An interface, a version, and whether the host itself answers it.
type Line = (String, String, bool);

/// The table of imports, but for its last line, which is of all others.
fn documented() -> BTreeSet<Line> {
    let table = WORLDS.lines().skip_while(|line| !line.starts_with("|---"));
    let rows = table.skip(1).take_while(|line| line.starts_with('|'));
    let named = rows.filter(|row| !row.contains("any interface"));
    named.flat_map(lines_of).collect()
}

/// ``| `wasi:io` `poll` `streams` | 0.2 | the host | …``
fn lines_of(row: &str) -> Vec<Line> {
    let cells: Vec<_> = row.split('|').map(str::trim).collect();
    let words: Vec<_> = cells[1].split_whitespace().collect();
    let names: Vec<_> = words.iter().map(|word| word.trim_matches('`')).collect();
    let interfaces: Vec<_> = match names[..] {
        [one] => vec![one.to_owned()],
        [package, ..] => {
            let whole = |name: &&str| format!("{package}/{name}");
            names[1..].iter().map(whole).collect()
        }
        [] => panic!("{row}"),
    };
    let versions = cells[2].replace("and without a version", "");
    let versions: Vec<_> = versions.split(',').map(str::trim).collect();
    let is_host = cells[3] == "the host";
    let all = interfaces.iter().flat_map(|interface| {
        let line = |version: &&str| (interface.clone(), (*version).to_owned(), is_host);
        versions.iter().map(line)
    });
    all.collect()
}

#[test]
fn what_is_offered_and_what_the_docs_say_is_offered_are_the_same() {
    let offered = OFFERS.iter().flat_map(|offer| {
        offer.interfaces.iter().flat_map(|interface| {
            let is_host = offer.by == By::Host;
            let line =
                move |version: &&str| ((*interface).to_owned(), (*version).to_owned(), is_host);
            offer.versions.iter().map(line)
        })
    });
    let (offered, documented): (BTreeSet<_>, _) = (offered.collect(), documented());
    let missing: Vec<_> = offered.difference(&documented).collect();
    assert!(
        missing.is_empty(),
        "offered, and not in docs/worlds.md: {missing:?}"
    );
    let more: Vec<_> = documented.difference(&offered).collect();
    assert!(
        more.is_empty(),
        "in docs/worlds.md, and not offered: {more:?}"
    );
}

#[test]
fn an_import_is_offered_in_the_versions_that_fit_and_in_no_other() {
    for (import, wanted) in [
        ("wasi:io/poll@0.2.0", Some(By::Host)),
        ("wasi:io/poll@0.2.12", Some(By::Host)),
        ("wasi:io/poll@0.3.0", None),
        ("wasi:io/poll@0.20.0", None),
        ("wasi:io/poll", None),
        ("wasi:io/polls@0.2.0", None),
        ("wasi:cli/types@0.3.0", Some(By::Host)),
        ("wasi:cli/types@0.2.0", None),
        ("wasi:logging/logging", Some(By::Host)),
        ("wasi:logging/logging@0.1.0-draft", Some(By::Host)),
        ("wasi:logging/logging@0.1.0", None),
        ("wasi:config/store@0.2.0-rc.1", Some(By::Host)),
        ("wasi:config/store@0.2.0-rc.2", None),
        ("wasi:http/client@0.3.0", Some(By::Http)),
        ("wasi:http/client@0.2.0", None),
        ("wasi:keyvalue/batch@0.2.0-draft2", Some(By::KeyValue)),
        ("wasi:keyvalue/batch@0.2.0-draft3", None),
        ("shop:stock/orders@0.2.0", None),
    ] {
        assert_eq!(by(import), wanted, "{import}");
    }
}
