use lattice_config::{Actor, ComponentRef, Provider};
use lattice_protocol::digest::Digest;
use lattice_protocol::id::{ActorName, ProviderName};

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
        phase,
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
    let actors = vec![ActorSummary {
        name,
        app: app.name.clone(),
        component: String::new(),
        wanted: 8,
        hosts: hosts.collect(),
        unplaced: None,
    }];
    let name: ProviderName = "kv".parse().unwrap();
    let revision = Revision::of_provider(&app.providers[&name].spec());
    let hosts = provider.into_iter().enumerate();
    let hosts = hosts.map(|(n, phase)| (host(n), placement(&revision, 0, phase)));
    let providers = vec![ProviderSummary {
        name,
        app: app.name.clone(),
        kind: "keyvalue".into(),
        hosts: hosts.collect(),
        unplaced: None,
    }];
    outlook(&app, actors, providers)
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
        Outlook::Waiting("counter (4 of 8 instances)".into())
    );
    assert_eq!(
        look_at(vec![(8, running())], vec![]),
        Outlook::Waiting("kv".into())
    );
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
        outlook(&app(), vec![], vec![]),
        Outlook::Waiting("counter (0 of 8 instances), kv".into())
    );
}
