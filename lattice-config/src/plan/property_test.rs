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
