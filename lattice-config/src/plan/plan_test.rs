use super::*;
use crate::Manifest;
use crate::declared::Revised;

pub(super) fn host(id: &str, capacity: u32, labels: &[(&str, &str)]) -> HostView {
    HostView {
        id: id.parse().unwrap(),
        labels: labels
            .iter()
            .map(|(k, v)| ((*k).into(), (*v).into()))
            .collect(),
        capacity,
        draining: false,
    }
}

pub(super) fn declared(texts: &[String]) -> Declared {
    let read = |text: &String| {
        let manifest = Manifest::parse(text).unwrap();
        let digest = lattice_protocol::digest::Digest::of(b"code");
        let digests = manifest
            .components()
            .into_iter()
            .map(|c| (c.clone(), digest.clone()));
        let digests = digests.collect();
        let app = manifest.resolve(&digests).unwrap();
        (
            app.name.clone(),
            Revised {
                revision: 1,
                value: app,
            },
        )
    };
    Declared {
        apps: texts.iter().map(read).collect(),
        ..Declared::default()
    }
}

fn app(rest: &str) -> Declared {
    declared(&[format!("name = \"demo\"\n{rest}")])
}

fn fresh(declared: &Declared, hosts: &[HostView]) -> Plan {
    plan(declared, hosts, &BTreeMap::new(), 1)
}

fn slots(plan: &Plan, actor: &str) -> Vec<u32> {
    let actor = actor.parse().unwrap();
    plan.assignments
        .values()
        .map(|assignment| assignment.slots(&actor))
        .collect()
}

fn reason(plan: &Plan) -> &str {
    assert_eq!(plan.unplaced.len(), 1, "{:?}", plan.unplaced);
    &plan.unplaced[0].reason
}

#[test]
fn instances_are_divided_by_capacity() {
    let declared = app("actor.a = { component = \"c\", instances = 8 }");
    let plan = fresh(&declared, &[host("h1", 100, &[]), host("h2", 300, &[])]);
    assert_eq!(slots(&plan, "a"), [2, 6]);
    assert_eq!(plan.assignments["h1"].epoch, 1);
}

#[test]
fn an_actor_without_instances_is_nowhere_and_nothing_is_wrong() {
    let plan = fresh(
        &app("actor.a = { component = \"c\", instances = 0 }"),
        &[host("h1", 9, &[])],
    );
    assert_eq!((slots(&plan, "a"), plan.unplaced.len()), (vec![0], 0));
}

#[test]
fn instances_that_nobody_has_room_for_are_reported() {
    let plan = fresh(
        &app("actor.a = { component = \"c\", instances = 50 }"),
        &[host("h1", 20, &[])],
    );
    assert_eq!(slots(&plan, "a"), [20]);
    assert!(reason(&plan).starts_with("20 of 50 instances are placed"));
}

#[test]
fn only_hosts_with_the_required_labels_are_chosen() {
    let declared =
        app("actor.a = { component = \"c\", instances = 4, require = { zone = \"eu\" } }");
    let hosts = [
        host("h1", 9, &[("zone", "us")]),
        host("h2", 9, &[("zone", "eu")]),
    ];
    assert_eq!(slots(&fresh(&declared, &hosts), "a"), [0, 4]);
}

#[test]
fn why_a_thing_has_no_place_is_said() {
    let text = "actor.a = { component = \"c\", require = { zone = \"eu\", gpu = \"yes\" } }";
    let declared = app(text);
    let why = |hosts: &[HostView]| reason(&fresh(&declared, hosts)).to_owned();
    let eu = host("h1", 9, &[("zone", "eu")]);
    let both = host("h2", 9, &[("zone", "eu"), ("gpu", "yes")]);
    assert_eq!(why(&[]), "there is no host");
    assert_eq!(why(std::slice::from_ref(&eu)), "no host has label gpu=yes");
    assert_eq!(
        why(&[eu, host("h3", 9, &[("gpu", "yes")])]),
        "no host has all the labels gpu=yes, zone=eu"
    );
    assert_eq!(
        why(&[HostView {
            draining: true,
            ..both.clone()
        }]),
        "every host that it may run on is draining"
    );
    assert_eq!(
        why(&[HostView {
            capacity: 0,
            ..both
        }]),
        "every host that it may run on has capacity 0"
    );
}

#[test]
fn spread_divides_evenly_over_zones_whatever_their_size() {
    let declared = app("actor.a = { component = \"c\", instances = 8, spread = \"zone\" }");
    let hosts = [
        host("h1", 900, &[("zone", "eu")]),
        host("h2", 900, &[("zone", "eu")]),
        host("h3", 10, &[("zone", "us")]),
    ];
    assert_eq!(slots(&fresh(&declared, &hosts), "a"), [2, 2, 4]);
}

#[test]
fn a_daemon_is_whole_on_every_host() {
    let declared = app("actor.a = { component = \"c\", instances = 4, daemon = true }");
    let hosts = [host("h1", 9, &[]), host("h2", 2, &[]), host("h3", 90, &[])];
    let plan = fresh(&declared, &hosts);
    assert_eq!((slots(&plan, "a"), plan.unplaced.len()), (vec![4, 2, 4], 0));
}

#[test]
fn a_draining_host_is_assigned_nothing() {
    let declared =
        app("actor.a = { component = \"c\", instances = 4 }\nprovider.p.kind = \"http\"");
    let hosts = [
        HostView {
            draining: true,
            ..host("h1", 9, &[])
        },
        host("h2", 9, &[]),
    ];
    let plan = fresh(&declared, &hosts);
    assert_eq!(
        plan.assignments["h1"],
        Assignment {
            epoch: 1,
            ..Assignment::default()
        }
    );
    assert_eq!(plan.assignments["h2"].providers.len(), 1);
}

#[test]
fn a_provider_stays_where_it_was() {
    let declared = app("provider.p.kind = \"http\"");
    let hosts: Vec<_> = (0..20).map(|at| host(&format!("h{at}"), 9, &[])).collect();
    for at in &hosts {
        let first = fresh(&declared, std::slice::from_ref(at));
        let next = plan(&declared, &hosts, &first.assignments, 2);
        assert!(next.assignments[&at.id].providers.contains_key("p"));
        assert_eq!(
            next.assignments
                .values()
                .filter(|a| !a.providers.is_empty())
                .count(),
            1
        );
    }
}

#[test]
fn copies_of_a_provider_are_on_hosts_of_their_own() {
    let declared = app("provider.p = { kind = \"http\", copies = 3 }\nprovider.q.external = true");
    let plan = fresh(&declared, &[host("h1", 0, &[]), host("h2", 9, &[])]);
    assert!(plan.assignments.values().all(|a| a.providers.len() == 1));
    assert!(reason(&plan).starts_with("2 of 3 copies are placed"));
}

#[test]
fn a_name_that_two_apps_have_goes_to_the_first() {
    let text = |app| format!("name = \"{app}\"\nactor.a = {{ component = \"c\", instances = 2 }}");
    let plan = fresh(
        &declared(&[text("one"), text("two")]),
        &[host("h1", 9, &[])],
    );
    assert_eq!(plan.assignments["h1"].actors.len(), 1);
    assert_eq!(plan.assignments["h1"].actors[0].app.as_str(), "one");
    assert_eq!(
        reason(&plan),
        "the name is taken by app one: rename it in app two"
    );
}

#[test]
fn what_an_unreadable_app_had_stays_where_it_was_and_its_names_are_free_for_others() {
    let text = |app: &str, actor: &str| {
        format!(
            "name = \"{app}\"\nactor.{actor} = {{ component = \"c\", instances = 4 }}\n\
             provider.of-{actor} = {{ kind = \"http\" }}"
        )
    };
    let hosts = [host("h1", 9, &[]), host("h2", 9, &[])];
    let both = declared(&[text("one", "a"), text("two", "b")]);
    let before = fresh(&both, &hosts).assignments;
    let mut spoilt = declared(&[text("two", "b")]);
    spoilt.unreadable.insert("one".parse().unwrap());
    let planned = plan(&spoilt, &hosts, &before, 2);
    for (host, assignment) in &planned.assignments {
        assert!(assignment.same_work(&before[host]), "{host}");
    }
    let again = plan(&spoilt, &hosts, &planned.assignments, 2);
    assert_eq!(again, planned);
    // One that leaves gives nothing of it to others: nobody knows how much of it is wanted.
    let mut leaving = hosts.clone();
    leaving[0].draining = true;
    let planned = plan(&spoilt, &leaving, &before, 2);
    assert!(planned.assignments["h1"].actors.is_empty());
    assert_eq!(
        slots(&planned, "a")[1],
        before["h2"].slots(&"a".parse().unwrap())
    );
    // Another app that has the name now has it alone.
    let mut other = declared(&[text("two", "a")]);
    other.unreadable.insert("one".parse().unwrap());
    let planned = plan(&other, &hosts, &before, 2);
    let owners = planned.assignments.values().flat_map(|one| &one.actors);
    assert!(owners.into_iter().all(|actor| actor.app.as_str() == "two"));
}

#[test]
fn ten_thousand_actors_are_spread_over_hosts_in_proportion() {
    let actors =
        (0..10_000).map(|at| format!("actor.a{at} = {{ component = \"c\", instances = 1 }}"));
    let declared = app(&actors.collect::<Vec<_>>().join("\n"));
    let hosts: Vec<_> = (0..10)
        .map(|at| host(&format!("h{at}"), 1_000, &[]))
        .collect();
    for assignment in fresh(&declared, &hosts).assignments.values() {
        assert!(
            (850..1_150).contains(&assignment.actors.len()),
            "{}",
            assignment.actors.len()
        );
    }
}

#[test]
fn a_host_is_told_what_links_and_routes_ask_of_an_actor() {
    let declared = declared(&[
        "name = \"one\"\nactor.a = { component = \"c\", instances = 1 }\n\
         [actor.b]\ncomponent = \"c\"\ninstances = 1\n[actor.b.link.\"x:y\"]\nto = \"a\"\n"
            .to_owned(),
        "name = \"two\"\n[actor.d]\ncomponent = \"c\"\ninstances = 1\n\
         [actor.d.link.\"x:y/z\"]\nto = \"a\"\n[provider.web]\nkind = \"http\"\n\
         [[provider.web.route]]\npath = \"/\"\nactor = \"a\"\n"
            .to_owned(),
    ]);
    let plan = fresh(&declared, &[host("h", 9, &[])]);
    let work = &plan.assignments["h"];
    let asked = |name: &str| -> Vec<String> {
        let name = name.parse().unwrap();
        let asked = work.actor(&name).flat_map(|actor| &actor.asked);
        asked.map(ToString::to_string).collect()
    };
    assert_eq!(asked("a"), ["wasi:http/incoming-handler", "x:y", "x:y/z"]);
    assert!(asked("b").is_empty() && asked("d").is_empty());
}
