use lattice_config::{Actor, ComponentRef, Provider};
use lattice_protocol::digest::Digest;
use lattice_protocol::id::{HostId, ProviderName};
use lattice_protocol::report::{Phase, Refused, Report};

use super::*;

fn app() -> App {
    let mut app = App::new("demo".parse().unwrap(), "1");
    let mut actor = Actor::new(ComponentRef::Digest(Digest::of(b"a")));
    actor.instances = 8;
    app.actors.insert("counter".parse().unwrap(), actor);
    app.providers.insert(
        "kv".parse().unwrap(),
        Provider::new(Runs::Kind("keyvalue".into())),
    );
    app.providers
        .insert("old".parse().unwrap(), Provider::new(Runs::External));
    app
}

fn placement(revision: &Revision, slots: u32, phase: Phase) -> Placement {
    Placement {
        revision: revision.to_string(),
        slots,
        settings: None,
        refused: None,
        phase,
    }
}

/// The actor as it is listed: wanted 8 times, and nowhere.
fn counter(app: &App) -> ActorSummary {
    ActorSummary {
        name: "counter".parse().unwrap(),
        app: app.name.clone(),
        component: String::new(),
        wanted: 8,
        hosts: BTreeMap::new(),
        unplaced: None,
        rolled_back: None,
    }
}

fn look_at(actor: Vec<(u32, Phase)>, provider: Vec<Phase>) -> Outlook {
    let app = app();
    let name: ActorName = "counter".parse().unwrap();
    let declared = &app.actors[&name];
    let revision = Revision::of_actor(declared.component.digest().unwrap(), &declared.spec());
    let host = |n: usize| format!("h{n}").parse::<HostId>().unwrap();
    let hosts = actor.into_iter().enumerate();
    let hosts = hosts.map(|(n, (slots, phase))| (host(n), placement(&revision, slots, phase)));
    let mut listed = counter(&app);
    listed.hosts = hosts.collect();
    let name: ProviderName = "kv".parse().unwrap();
    let revision = Revision::of_provider(&app.providers[&name].spec());
    let hosts = provider.into_iter().enumerate();
    let hosts = hosts.map(|(n, phase)| (host(n), placement(&revision, 0, phase)));
    let providers = vec![ProviderSummary {
        name,
        app: app.name.clone(),
        kind: "keyvalue".into(),
        settings: None,
        hosts: hosts.collect(),
        unplaced: None,
    }];
    outlook(&app, vec![listed], providers, &[])
}

fn waiting(things: &[&str]) -> Outlook {
    Outlook::Waiting(Awaited {
        things: things.iter().map(ToString::to_string).collect(),
        unplaced: Vec::new(),
    })
}

#[test]
fn an_app_runs_when_all_its_instances_and_providers_do() {
    let running = || Phase::Running;
    assert_eq!(
        look_at(vec![(8, running())], vec![running()]),
        Outlook::Running
    );
    assert_eq!(
        look_at(vec![(4, running()), (4, running())], vec![running()]),
        Outlook::Running
    );
    assert_eq!(
        look_at(vec![(4, running()), (4, Phase::Starting)], vec![running()]),
        waiting(&["counter (4 of 8 instances)"])
    );
    assert_eq!(look_at(vec![(8, running())], vec![]), waiting(&["kv"]));
}

#[test]
fn more_instances_than_are_wanted_are_awaited_until_they_have_ended() {
    let running = || Phase::Running;
    assert_eq!(
        look_at(vec![(8, running()), (1, running())], vec![running()]),
        waiting(&["counter (9 of 8 instances)"])
    );
}

#[test]
fn a_daemon_runs_when_it_runs_on_every_host_that_it_may_run_on() {
    let mut app = app();
    app.providers.clear();
    let name: ActorName = "counter".parse().unwrap();
    let declared = app.actors.get_mut(&name).unwrap();
    (declared.daemon, declared.instances) = (true, 2);
    declared.require = [("zone".to_owned(), "a".to_owned())].into();
    let revision = Revision::of_actor(declared.component.digest().unwrap(), &declared.spec());
    let host = |id: &str, zone: &str, silent_ms| HostSummary {
        report: Report {
            host: id.parse().unwrap(),
            version: String::new(),
            labels: [("zone".to_owned(), zone.to_owned())].into(),
            capacity: 10,
            uptime_ms: 0,
            connection: None,
            assignment: None,
            actors: BTreeMap::new(),
            providers: BTreeMap::new(),
        },
        silent_ms,
    };
    let hosts = [
        host("h0", "a", 0),
        host("h1", "a", 0),
        host("h2", "b", 0),
        host("h3", "a", present::SILENT_MS),
    ];
    let look = |on: &[&str]| {
        let placed = |id: &&str| (id.parse().unwrap(), placement(&revision, 2, Phase::Running));
        let listed = ActorSummary {
            wanted: 2,
            hosts: on.iter().map(placed).collect(),
            ..counter(&app)
        };
        outlook(&app, vec![listed], vec![], &hosts)
    };
    assert_eq!(look(&["h0"]), waiting(&["counter (2 of 4 instances)"]));
    assert_eq!(look(&["h0", "h1"]), Outlook::Running);
}

#[test]
fn one_failure_ends_the_wait_with_its_reason() {
    let failed = Phase::Failed {
        reason: "no link for wasi:keyvalue/store".into(),
    };
    assert_eq!(
        look_at(vec![(0, failed)], vec![Phase::Starting]),
        Outlook::Failed("actor counter can't be started: no link for wasi:keyvalue/store".into())
    );
}

#[test]
fn what_nobody_has_begun_is_awaited() {
    assert_eq!(
        outlook(&app(), vec![], vec![], &[]),
        waiting(&["counter (0 of 8 instances)", "kv"])
    );
}

fn kv(app: &App, hosts: usize, unplaced: Option<&str>) -> ProviderSummary {
    let name: ProviderName = "kv".parse().unwrap();
    let revision = Revision::of_provider(&app.providers[&name].spec());
    let hosts = (0..hosts).map(|n| {
        let host = format!("h{n}").parse().unwrap();
        (host, placement(&revision, 0, Phase::Running))
    });
    ProviderSummary {
        name,
        app: app.name.clone(),
        kind: "keyvalue".into(),
        settings: None,
        hosts: hosts.collect(),
        unplaced: unplaced.map(str::to_owned),
    }
}

#[test]
fn what_no_host_fits_is_awaited_with_the_reason() {
    let mut app = app();
    app.actors.clear();
    let listed = vec![kv(&app, 0, Some("no host has label gpu=yes"))];
    let awaited = Awaited {
        things: vec!["kv (no host has label gpu=yes)".into()],
        unplaced: vec!["kv: no host has label gpu=yes".into()],
    };
    assert_eq!(
        outlook(&app, vec![], listed, &[]),
        Outlook::Waiting(awaited)
    );
}

#[test]
fn every_copy_that_has_a_host_is_awaited_and_no_other() {
    let mut app = app();
    app.actors.clear();
    for provider in app.providers.values_mut() {
        provider.copies = 3;
    }
    let look = |hosts, unplaced| outlook(&app, vec![], vec![kv(&app, hosts, unplaced)], &[]);
    assert_eq!(look(2, None), waiting(&["kv (2 of 3 copies)"]));
    assert_eq!(look(3, None), Outlook::Running);
    assert_eq!(look(2, Some("2 of 3 copies are placed")), Outlook::Running);
}

#[test]
fn what_was_taken_back_is_not_awaited() {
    let mut app = app();
    app.providers.clear();
    let actor = app.actors.values().next().unwrap();
    let revision = Revision::of_actor(actor.component.digest().unwrap(), &actor.spec());
    let listed = |refused: &str| ActorSummary {
        rolled_back: Some(Refused {
            revision: refused.into(),
            reason: "it does not compile".into(),
            may_pass: false,
        }),
        ..counter(&app)
    };
    let reason = "actor counter can't be started: it does not compile".to_owned();
    let taken_back = outlook(&app, vec![listed(revision.as_str())], vec![], &[]);
    assert_eq!(taken_back, Outlook::Failed(reason));
    let another = outlook(&app, vec![listed("0123456789ab")], vec![], &[]);
    assert_eq!(another, waiting(&["counter (0 of 8 instances)"]));
}

#[test]
fn a_reason_that_stands_is_told_once_and_one_that_passes_is_not() {
    let start = Instant::now();
    let later = start + UNPLACED_TOLD_AFTER;
    let mut unplaced = Unplaced::default();
    let one = || vec!["a: one".to_owned()];
    assert_eq!(unplaced.see(one(), start), None);
    assert_eq!(unplaced.see(one(), later), Some("a: one".into()));
    assert_eq!(unplaced.see(one(), later + UNPLACED_TOLD_AFTER), None);
    assert_eq!(unplaced.see(vec!["b: two".into()], later), None);
    assert_eq!(unplaced.see(vec![], later), None);
    assert_eq!(unplaced.see(one(), later), None);
}

#[test]
fn a_provider_is_awaited_until_it_works_by_what_is_declared_for_it() {
    let mut app = app();
    let link = |to: &str| lattice_config::Link::new("a:b".parse().unwrap(), to.parse().unwrap());
    let name: ActorName = "counter".parse().unwrap();
    app.actors.get_mut(&name).unwrap().links = vec![link("far")];
    app.actors.get_mut(&name).unwrap().instances = 0;
    let look = |provider: &str, settings: Option<&str>, phase: Phase| {
        let mut listed = vec![kv(&app, 1, None), kv(&app, 1, None)];
        listed[1].name = "far".parse().unwrap();
        let other = listed.iter_mut().find(|one| one.name.as_str() == provider);
        let other = other.unwrap();
        other.settings = Some("new".into());
        let placement = other.hosts.values_mut().next().unwrap();
        placement.settings = settings.map(str::to_owned);
        placement.phase = phase;
        outlook(&app, vec![], listed, &[])
    };
    for provider in ["kv", "far"] {
        let behind = look(provider, Some("old"), Phase::Running);
        assert_eq!(behind, waiting(&[&format!("{provider} (its settings)")]));
        for says in [Some("new"), None] {
            assert_eq!(look(provider, says, Phase::Running), Outlook::Running);
        }
    }
    // Of another app, and away for reasons of its own.
    let away = |says| {
        let reason = "it does not answer".into();
        look("far", says, Phase::Failed { reason })
    };
    assert_eq!(away(Some("old")), waiting(&["far (its settings)"]));
    assert_eq!(away(None), Outlook::Running);
}

/// An app whose one provider works by old settings and refuses those of `revision`; new ones are declared.
fn refusing(revision: &str, phase: Phase) -> Outlook {
    let mut app = app();
    app.actors.clear();
    let mut listed = kv(&app, 1, None);
    listed.settings = Some("new".into());
    let placement = listed.hosts.values_mut().next().unwrap();
    placement.settings = Some("old".into());
    placement.refused = Some(Refused {
        revision: revision.into(),
        reason: "no disk".into(),
        may_pass: false,
    });
    placement.phase = phase;
    outlook(&app, vec![], vec![listed], &[])
}

#[test]
fn a_provider_that_refuses_what_is_declared_for_it_ends_the_wait_with_its_reason() {
    let reason = "provider kv refuses what is declared for it: no disk";
    let refused = refusing("new", Phase::Running);
    assert_eq!(refused, Outlook::Failed(reason.into()));
    let behind = refusing("old", Phase::Running);
    assert_eq!(behind, waiting(&["kv (its settings)"]));
}

#[test]
fn what_a_provider_says_of_settings_that_were_declared_before_ends_no_wait() {
    let failed = Phase::Failed {
        reason: "it refuses its settings: no disk".into(),
    };
    let Outlook::Waiting(awaited) = refusing("before", failed) else {
        panic!("it is awaited");
    };
    assert!(awaited.things.contains(&"kv (its settings)".to_owned()));
}

#[test]
fn what_runs_where_it_must_not_is_awaited_with_the_reason() {
    let app = app();
    let name: ActorName = "counter".parse().unwrap();
    let declared = &app.actors[&name];
    let revision = Revision::of_actor(declared.component.digest().unwrap(), &declared.spec());
    let host = (
        "h".parse().unwrap(),
        placement(&revision, 8, Phase::Running),
    );
    let actor = |unplaced: Option<&str>| ActorSummary {
        hosts: [host.clone()].into(),
        unplaced: unplaced.map(str::to_owned),
        ..counter(&app)
    };
    let look = |unplaced| outlook(&app, vec![actor(unplaced)], vec![kv(&app, 1, None)], &[]);
    assert_eq!(look(None), Outlook::Running);
    let Outlook::Waiting(awaited) = look(Some("no host has label zone=c")) else {
        panic!("it is awaited");
    };
    assert_eq!(awaited.unplaced, ["counter: no host has label zone=c"]);
}

#[test]
fn hosts_that_connect_anew_for_a_moment_end_no_wait() {
    assert!(is_passing(&ControlError::NoHost("default".into())));
    assert!(is_passing(&ControlError::TimedOut("actor.list".into())));
    let failed = ControlError::Failed {
        what: "actor.list".into(),
        reason: "the answer can't be read".into(),
    };
    assert!(!is_passing(&failed));
}
