use lattice_config::{AssignedProvider, ProviderSpec, Revision, Runs};

use super::*;

fn report(host: &str) -> Report {
    Report {
        host: host.parse().unwrap(),
        version: "1".into(),
        labels: BTreeMap::new(),
        capacity: 10,
        uptime_ms: 1,
        actors: BTreeMap::new(),
        providers: BTreeMap::new(),
    }
}

fn hearing(hosts: &[&str], since: Duration) -> Standing {
    let alive = hosts
        .iter()
        .map(|host| (host.parse().unwrap(), report(host)))
        .collect();
    Standing::Hearing { alive, since }
}

fn work() -> Assignment {
    let spec = ProviderSpec {
        runs: Runs::Kind("http".into()),
        config: serde_json::Map::new(),
        routes: Vec::new(),
        env: BTreeMap::new(),
    };
    let revision = Revision::of_provider(&spec);
    let provider = AssignedProvider {
        app: "demo".parse().unwrap(),
        revision,
        spec,
    };
    let providers = BTreeMap::from([("web".parse().unwrap(), provider)]);
    Assignment {
        epoch: 1,
        actors: Vec::new(),
        providers,
    }
}

fn assigned(host: &str, value: Assignment) -> Assigned {
    BTreeMap::from([(host.parse().unwrap(), Revised { revision: 3, value })])
}

fn names(hosts: Option<Vec<HostView>>) -> Option<Vec<String>> {
    hosts.map(|hosts| hosts.iter().map(|host| host.id.to_string()).collect())
}

#[test]
fn a_host_that_hears_nothing_plans_nothing() {
    assert_eq!(hosts_to_plan_for(Standing::Deaf, &Assigned::new()), None);
}

#[test]
fn the_first_host_of_a_lattice_plans_at_once() {
    let hosts = hosts_to_plan_for(hearing(&["a"], Duration::ZERO), &Assigned::new());
    assert_eq!(names(hosts).unwrap(), ["a"]);
}

#[test]
fn a_host_with_work_that_was_not_heard_yet_gets_the_time_to_be_heard() {
    let before = assigned("b", work());
    assert_eq!(
        hosts_to_plan_for(hearing(&["a"], GONE_AFTER), &before),
        None
    );
    let both = hosts_to_plan_for(hearing(&["a", "b"], Duration::ZERO), &before);
    assert_eq!(names(both).unwrap(), ["a", "b"]);
    let later = hearing(&["a"], GONE_AFTER + Duration::from_millis(1));
    assert_eq!(names(hosts_to_plan_for(later, &before)).unwrap(), ["a"]);
}

#[test]
fn a_host_without_work_is_not_waited_for() {
    let before = assigned("b", Assignment::default());
    assert_eq!(
        names(hosts_to_plan_for(hearing(&["a"], Duration::ZERO), &before)).unwrap(),
        ["a"]
    );
}

fn entry(key: &str, value: Option<&[u8]>) -> StateEntry {
    let value = value.map(|value| value.to_vec().into());
    StateEntry {
        key: key.into(),
        revision: 9,
        value,
    }
}

#[test]
fn an_assignment_that_can_not_be_read_is_written_over() {
    let (host, found) = read(entry("assign.a", Some(b"{"))).unwrap();
    assert_eq!((host.as_str(), found.revision), ("a", 9));
    assert_eq!(found.value, Assignment::default());
}

#[test]
fn what_is_no_assignment_is_passed_over() {
    assert!(read(entry("app.a", Some(b"{}"))).is_none());
    assert!(read(entry("assign.a", None)).is_none());
}
