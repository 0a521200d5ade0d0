use proptest::prelude::*;

use super::*;

fn route(host: Option<&str>, path: &str, actor: &str) -> Route {
    Route {
        host: host.map(str::to_owned),
        path: path.to_owned(),
        actor: actor.parse().unwrap(),
    }
}

fn table(routes: &[(Option<&str>, &str, &str)]) -> Table {
    let routes: Vec<_> = routes.iter().map(|(h, p, a)| route(*h, p, a)).collect();
    Table::build(&routes).unwrap()
}

fn found<'a>(table: &'a Table, host: &str, path: &str) -> Option<&'a str> {
    table.find(host, path).map(TargetName::as_str)
}

#[test]
fn a_prefix_ends_where_a_segment_ends() {
    let table = table(&[(None, "/a", "a"), (None, "/b/", "b")]);
    assert_eq!(found(&table, "h", "/a"), Some("a"));
    assert_eq!(found(&table, "h", "/a/"), Some("a"));
    assert_eq!(found(&table, "h", "/a/x"), Some("a"));
    assert_eq!(found(&table, "h", "/ab"), None);
    assert_eq!(found(&table, "h", "/b"), Some("b"));
    assert_eq!(found(&table, "h", "/"), None);
    assert_eq!(found(&table, "h", "*"), None);
}

#[test]
fn the_root_matches_every_path() {
    let table = table(&[(None, "/", "root")]);
    for path in ["/", "/a", "/a/b/", "//"] {
        assert_eq!(found(&table, "h", path), Some("root"), "{path}");
    }
}

#[test]
fn a_route_with_a_host_wins_over_a_longer_one_without() {
    let table = table(&[
        (Some("a.example"), "/", "host"),
        (Some("b.example"), "/x", "other"),
        (None, "/x/y", "any"),
    ]);
    assert_eq!(found(&table, "a.example", "/x/y"), Some("host"));
    assert_eq!(found(&table, "b.example", "/x/y"), Some("other"));
    assert_eq!(found(&table, "c.example", "/x/y"), Some("any"));
}

#[test]
fn a_host_without_a_match_falls_back_to_the_routes_for_every_host() {
    let table = table(&[(Some("a.example"), "/x", "host"), (None, "/", "any")]);
    assert_eq!(found(&table, "a.example", "/y"), Some("any"));
}

#[test]
fn a_host_matches_without_regard_to_case_and_a_dot_at_the_end() {
    let table = table(&[(Some("A.example"), "/", "host")]);
    assert_eq!(found(&table, "a.EXAMPLE.", "/"), Some("host"));
}

#[test]
fn a_route_that_cannot_match_is_refused_with_the_rule() {
    for (host, path, says) in [
        (None, "a", "begin it with a slash"),
        (None, "", "begin it with a slash"),
        (None, "/a?b", "without query"),
        (None, "/*", "wildcard"),
        (None, "/ä", "as it stands in a URL"),
        (Some("a:80"), "/", "bare name"),
        (Some("*.a"), "/", "bare name"),
        (Some("http://a"), "/", "bare name"),
        (Some(""), "/", "bare name"),
    ] {
        let error = Table::build(&[route(host, path, "actor")])
            .unwrap_err()
            .to_string();
        assert!(error.contains(says) && error.contains("actor"), "{error}");
    }
    let long = format!("/{}", "a".repeat(PATH_LEN_MAX));
    assert!(Table::build(&[route(None, &long, "actor")]).is_err());
}

#[test]
fn two_routes_for_the_same_requests_are_refused_with_both_names() {
    let routes = [route(None, "/a", "one"), route(None, "/a/", "two")];
    let error = Table::build(&routes).unwrap_err().to_string();
    assert!(error.contains("one") && error.contains("two"), "{error}");
}

/// What the table must do, spelled as slowly as it can be.
fn reference<'a>(prefixes: &'a [String], path: &str) -> Option<&'a String> {
    let matches = |prefix: &str| {
        let prefix = prefix.trim_end_matches('/');
        path.strip_prefix(prefix)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    prefixes
        .iter()
        .filter(|p| matches(p))
        .max_by_key(|p| p.trim_end_matches('/').len())
}

proptest! {
    #[test]
    fn the_longest_prefix_wins(
        prefixes in proptest::collection::btree_set("(/[ab]{1,2}){1,4}", 0..12),
        path in "(/[ab]{0,2}){1,6}",
    ) {
        let prefixes: Vec<String> = prefixes.into_iter().collect();
        let routes: Vec<_> = prefixes
            .iter()
            .enumerate()
            .map(|(i, path)| route(None, path, &format!("a{i}")))
            .collect();
        let table = Table::build(&routes).unwrap();
        let wanted = reference(&prefixes, &path)
            .and_then(|prefix| prefixes.iter().position(|p| p == prefix))
            .map(|i| format!("a{i}"));
        prop_assert_eq!(table.find("h", &path).map(ToString::to_string), wanted);
    }

    #[test]
    fn no_path_or_host_breaks_a_lookup(host in ".*", path in ".*") {
        let table = table(&[(Some("a.example"), "/a", "a"), (None, "/b", "b")]);
        let _ = table.find(&host, &path);
    }
}
