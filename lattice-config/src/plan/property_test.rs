use super::tests::{declared, host};
use super::*;
use proptest::prelude::*;

/// Hosts with distinct ids; capacities and labels of a few kinds, so that they meet.
fn hosts() -> impl Strategy<Value = Vec<HostView>> {
    let one = (
        0..4u32,
        prop::sample::select(vec!["eu", "us", "ap"]),
        prop::bool::weighted(0.1),
    );
    prop::collection::btree_map("[a-f0-9]{4}", one, 1..12).prop_map(|hosts| {
        let view = |(id, (kind, zone, draining)): (String, (u32, &str, bool))| HostView {
            draining,
            ..host(&id, kind * 50, &[("zone", zone)])
        };
        hosts.into_iter().map(view).collect()
    })
}

/// Hosts that are all alike.
fn equal_hosts() -> impl Strategy<Value = Vec<HostView>> {
    prop::collection::btree_set("[a-f0-9]{4}", 2..12)
        .prop_map(|ids| ids.iter().map(|id| host(id, 1_000, &[])).collect())
}

#[derive(Debug, Clone)]
struct Wish {
    name: String,
    instances: u32,
    rest: &'static str,
}

fn wishes() -> impl Strategy<Value = Vec<Wish>> {
    let rest = prop::sample::select(vec![
        "",
        ", require = { zone = \"eu\" }",
        ", spread = \"zone\"",
        ", spread = \"rack\", require = { zone = \"us\" }",
    ]);
    prop::collection::btree_map("[a-z]{1,6}", (0..400u32, rest), 1..6).prop_map(|wishes| {
        let wish = |(name, (instances, rest))| Wish {
            name,
            instances,
            rest,
        };
        wishes.into_iter().map(wish).collect()
    })
}

fn declare(wishes: &[Wish]) -> Declared {
    let line = |w: &Wish| {
        format!(
            "actor.{} = {{ component = \"c\", instances = {}{} }}",
            w.name, w.instances, w.rest
        )
    };
    let actors: Vec<_> = wishes.iter().map(line).collect();
    declared(&[format!(
        "name = \"demo\"\nprovider.p-1 = {{ kind = \"http\", copies = 2 }}\n{}",
        actors.join("\n")
    )])
}

fn slots(plan: &Plan, actor: &str) -> BTreeMap<HostId, u32> {
    let actor = actor.parse().unwrap();
    plan.assignments
        .iter()
        .map(|(id, a)| (id.clone(), a.slots(&actor)))
        .collect()
}

fn may_run(host: &HostView, wish: &Wish) -> bool {
    let zone = ["eu", "us"]
        .into_iter()
        .find(|zone| wish.rest.contains(&format!("\"{zone}\"")));
    !host.draining && zone.is_none_or(|zone| host.labels["zone"] == zone)
}

proptest! {
    #[test]
    fn every_instance_is_placed_once_and_only_where_it_may_be(hosts in hosts(), wishes in wishes()) {
        let plan = plan(&declare(&wishes), &hosts, &BTreeMap::new(), 1);
        for wish in &wishes {
            let placed = slots(&plan, &wish.name);
            let fit: Vec<_> = hosts.iter().filter(|host| may_run(host, wish)).collect();
            let room: u32 = fit.iter().map(|host| host.capacity).sum();
            prop_assert_eq!(placed.values().sum::<u32>(), wish.instances.min(room));
            for host in &hosts {
                let most = if may_run(host, wish) { host.capacity } else { 0 };
                prop_assert!(placed[&host.id] <= most);
            }
            let told = plan.unplaced.iter().any(|unplaced| unplaced.name.as_str() == wish.name);
            prop_assert_eq!(told, room < wish.instances || (wish.instances > 0 && room == 0));
        }
    }

    #[test]
    fn the_plan_of_a_plan_is_the_same_plan(
        before in hosts(), hosts in hosts(), old in wishes(), wishes in wishes(),
    ) {
        let first = plan(&declare(&old), &before, &BTreeMap::new(), 1);
        let declared = declare(&wishes);
        let second = plan(&declared, &hosts, &first.assignments, 1);
        let third = plan(&declared, &hosts, &second.assignments, 1);
        prop_assert_eq!(second, third);
    }

    #[test]
    fn the_order_of_the_hosts_does_not_matter(hosts in hosts(), wishes in wishes()) {
        let declared = declare(&wishes);
        let mut reversed = hosts.clone();
        reversed.reverse();
        let none = BTreeMap::new();
        prop_assert_eq!(plan(&declared, &hosts, &none, 1), plan(&declared, &reversed, &none, 1));
    }

    #[test]
    fn no_host_is_further_than_one_from_its_share(hosts in hosts(), instances in 0..400u32) {
        let wish = Wish { name: "a".into(), instances, rest: "" };
        let placed = slots(&plan(&declare(std::slice::from_ref(&wish)), &hosts, &BTreeMap::new(), 1), "a");
        let fit: Vec<_> = hosts.iter().filter(|host| may_run(host, &wish)).collect();
        let room: f64 = fit.iter().map(|host| f64::from(host.capacity)).sum();
        for host in fit.iter().filter(|host| host.capacity > 0) {
            let ideal = f64::from(instances).min(room) * f64::from(host.capacity) / room;
            prop_assert!((f64::from(placed[&host.id]) - ideal).abs() < 1.0);
        }
    }

    #[test]
    fn a_host_that_joins_takes_slots_and_no_other_host_gains(
        hosts in equal_hosts(), instances in 0..400u32,
    ) {
        let declared = declare(&[Wish { name: "a".into(), instances, rest: "" }]);
        let before = plan(&declared, &hosts[1..], &BTreeMap::new(), 1);
        let after = plan(&declared, &hosts, &before.assignments, 2);
        let (before, after) = (slots(&before, "a"), slots(&after, "a"));
        for (id, slots) in &before {
            prop_assert!(after[id] <= *slots, "{id} gained");
        }
        prop_assert!(after[&hosts[0].id] >= instances / u32::try_from(hosts.len()).unwrap());
    }

    #[test]
    fn a_host_that_leaves_gives_its_slots_away_and_no_other_host_loses(
        hosts in equal_hosts(), instances in 0..400u32,
    ) {
        let declared = declare(&[Wish { name: "a".into(), instances, rest: "" }]);
        let before = plan(&declared, &hosts, &BTreeMap::new(), 1);
        let after = plan(&declared, &hosts[1..], &before.assignments, 2);
        let (before, after) = (slots(&before, "a"), slots(&after, "a"));
        for (id, slots) in &after {
            prop_assert!(before[id] <= *slots, "{id} lost");
        }
    }

    #[test]
    fn scaling_up_takes_nothing_from_a_host(hosts in equal_hosts(), from in 0..400u32, more in 0..400u32) {
        let declare = |instances| declare(&[Wish { name: "a".into(), instances, rest: "" }]);
        let before = plan(&declare(from), &hosts, &BTreeMap::new(), 1);
        let after = plan(&declare(from + more), &hosts, &before.assignments, 2);
        let (before, after) = (slots(&before, "a"), slots(&after, "a"));
        prop_assert!(before.iter().all(|(id, slots)| after[id] >= *slots));
    }
}

/// Rounds until nothing moves any more: one to plan, one to let go of what was held, and one to see
/// that it stays.
const ROUNDS: usize = 3;

/// Writes what may be written of a plan, and lets every host serve what it is assigned, until nothing
/// changes; every actor that moves is served by somebody all the while.
fn carry_out(
    declared: &Declared,
    hosts: &[HostView],
    mut assigned: BTreeMap<HostId, Assignment>,
) -> Result<BTreeMap<HostId, Assignment>, TestCaseError> {
    for _ in 0..ROUNDS {
        let made = plan(declared, hosts, &assigned, 1);
        let before = assigned.clone();
        let serves = |host: &HostId, name: &lattice_protocol::id::TargetName| {
            let has = |at: &Assignment| {
                at.actors
                    .iter()
                    .any(|actor| actor.name.as_str() == name.as_str())
            };
            let has = before
                .get(host)
                .is_some_and(|at| has(at) || at.providers.contains_key(name.as_str()));
            if has { Word::Serves } else { Word::Silent }
        };
        let held = held(&made, &assigned, serves, |_| false);
        let next = hand_over(&made, &assigned, &held);
        for (host, was) in &before {
            for actor in was.actors.iter().filter(|_| next.contains_key(host)) {
                let planned = made
                    .assignments
                    .values()
                    .any(|at| at.slots(&actor.name) > 0);
                let stays = next.keys().any(|at| {
                    let had = before.get(at).is_some_and(|at| at.slots(&actor.name) > 0);
                    had && next[at].slots(&actor.name) > 0
                });
                prop_assert!(!planned || stays, "{} is left without a server", actor.name);
            }
        }
        assigned = next;
    }
    Ok(assigned)
}

proptest! {
    #[test]
    fn carried_out_step_by_step_a_plan_is_reached_and_nothing_that_moves_is_ever_without_a_server(
        hosts in hosts(), zones in prop::collection::vec(0..3usize, 12), old in wishes(), wishes in wishes(),
    ) {
        let before = plan(&declare(&old), &hosts, &BTreeMap::new(), 1).assignments;
        // Some hosts are elsewhere by now.
        let mut hosts = hosts;
        for (host, zone) in hosts.iter_mut().zip(zones) {
            host.labels.insert("zone".into(), ["eu", "us", "ap"][zone].into());
        }
        let declared = declare(&wishes);
        let reached = carry_out(&declared, &hosts, before)?;
        prop_assert_eq!(&plan(&declared, &hosts, &reached, 1).assignments, &reached);
    }

    #[test]
    fn a_host_that_drains_keeps_what_it_has_until_others_serve_it_and_then_has_nothing(
        hosts in equal_hosts(), instances in 1..400u32,
    ) {
        let declared = declare(&[Wish { name: "a".into(), instances, rest: "" }]);
        let before = plan(&declared, &hosts, &BTreeMap::new(), 1).assignments;
        let mut hosts = hosts;
        hosts[0].draining = true;
        let reached = carry_out(&declared, &hosts, before)?;
        prop_assert!(reached[&hosts[0].id].actors.is_empty());
        let all: u32 = reached.values().map(|at| at.slots(&"a".parse().unwrap())).sum();
        prop_assert_eq!(all, instances);
    }

    #[test]
    fn a_daemon_is_on_every_host_that_fits_and_on_no_other(hosts in hosts(), instances in 1..60u32) {
        let rest = ", daemon = true, require = { zone = \"eu\" }";
        let wish = Wish { name: "a".into(), instances, rest };
        let placed = slots(&plan(&declare(std::slice::from_ref(&wish)), &hosts, &BTreeMap::new(), 1), "a");
        for host in &hosts {
            let wanted = if may_run(host, &wish) { instances.min(host.capacity) } else { 0 };
            prop_assert_eq!(placed[&host.id], wanted);
        }
    }

    #[test]
    fn no_zone_has_more_than_one_above_another_that_has_room(hosts in hosts(), instances in 0..100u32) {
        let wish = Wish { name: "a".into(), instances, rest: ", spread = \"zone\"" };
        let placed = slots(&plan(&declare(std::slice::from_ref(&wish)), &hosts, &BTreeMap::new(), 1), "a");
        let mut zones: BTreeMap<&str, (u32, u32)> = BTreeMap::new();
        for host in hosts.iter().filter(|host| may_run(host, &wish)) {
            let zone = zones.entry(&host.labels["zone"]).or_default();
            zone.0 += placed[&host.id];
            zone.1 += host.capacity;
        }
        let most = zones.values().map(|(slots, _)| *slots).max().unwrap_or(0);
        for (zone, (slots, room)) in zones {
            prop_assert!(slots == room || slots + 1 >= most, "{zone} has {slots}, another {most}");
        }
    }
}
