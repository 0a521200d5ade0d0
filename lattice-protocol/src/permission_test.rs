use super::*;

fn of(role: &Role) -> Permissions {
    role.permissions(&"shop".parse().unwrap())
}

#[test]
fn nothing_of_another_lattice_is_in_reach() {
    let roles = [
        Role::Host,
        Role::Operator,
        Role::Provider {
            name: "kv".parse().unwrap(),
            keeps: true,
            calls: vec!["a".parse().unwrap()],
        },
        Role::Caller {
            name: "c".parse().unwrap(),
            calls: vec!["a".parse().unwrap()],
        },
    ];
    for role in roles {
        let Permissions {
            publish, subscribe, ..
        } = of(&role);
        for subject in publish.iter().chain(&subscribe) {
            let is_of_lattices = subject.starts_with("lattice.");
            assert!(
                !is_of_lattices || subject.starts_with("lattice.shop."),
                "{subject}"
            );
            assert_ne!(subject, ">");
        }
    }
}

#[test]
fn a_caller_calls_whom_it_may_and_hears_its_own_answers() {
    let caller = Role::Caller {
        name: "web".parse().unwrap(),
        calls: vec!["greeter".parse().unwrap()],
    };
    let may = of(&caller);
    assert_eq!(
        may.publish,
        ["lattice.shop.call.greeter.>", "lattice.shop.cancel.greeter"]
    );
    assert_eq!(may.subscribe, ["_INBOX.web.>"]);
}

#[test]
fn a_provider_that_keeps_nothing_reads_the_state_and_writes_nowhere() {
    let web = Role::Provider {
        name: "web".parse().unwrap(),
        keeps: false,
        calls: vec!["shop".parse().unwrap()],
    };
    let may = of(&web);
    let writes = |subject: &&String| {
        subject.starts_with("$KV") || subject.starts_with("$O") || subject.contains("API.>")
    };
    assert_eq!(may.publish.iter().find(writes), None);
    assert!(may.publish.contains(&"lattice.shop.call.shop.>".to_owned()));
}

#[test]
fn a_provider_that_keeps_data_changes_nothing_of_what_the_lattice_keeps() {
    let kv = Role::Provider {
        name: "kv".parse().unwrap(),
        keeps: true,
        calls: Vec::new(),
    };
    let may = of(&kv);
    for kept in [
        "$KV.lattice_shop.>",
        "$JS.API.STREAM.DELETE.KV_lattice_shop",
    ] {
        assert!(may.never_publish.contains(&kept.to_owned()), "{kept}");
    }
}
