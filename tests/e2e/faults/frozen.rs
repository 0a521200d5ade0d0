//! A host that is frozen keeps its place in its queue groups, and what NATS gives it is lost: how long,
//! counted in calls.

use futures_util::StreamExt as _;
use lattice_tests::{Asked, Endings, Lattice, Load, Machine, Nats, eventually};

use super::hosts::{leader, settled_on, three};
use crate::program;
use crate::servers::{Servers, on_one_and_three};

on_one_and_three! {
    a_frozen_host_is_cut_off_by_the_leader_and_no_call_is_lost_after_that,
}

/// An account for the lattice, one for the system.
const ACCOUNTS: &str = r#"
accounts {
  LATTICE { jetstream: enabled, users: [{ user: "lattice", password: "l" }] }
  SYSTEM { users: [{ user: "system", password: "s:t" }] }
}
system_account: SYSTEM
no_auth_user: "lattice"
"#;
/// Three seconds of heartbeats, by which the lattice itself measures.
const HEARTBEATS_MAX: usize = 6;

/// How many heartbeats `host` sent so far.
fn heartbeats(events: &lattice_tests::Events, host: &str) -> usize {
    let all = events.so_far();
    let is_its = |event: &&serde_json::Value| {
        event["type"] == "lattice.host.heartbeat" && event["subject"] == format!("host/{host}")
    };
    all.iter().filter(is_its).count()
}

/// Freezes one of three under load until `cut` says that it was cut off; then every call is answered
/// again. Thawed, it takes its share as before.
async fn frozen_under_load(
    servers: Servers,
    lattice: &Lattice,
    victim: Machine,
    witness: &str,
    cut: impl AsyncFnOnce(),
) -> Endings {
    let events = lattice.events().await;
    let load = Load::steady(lattice);
    load.answers(200).await;
    let (before, beats) = (load.sent(), heartbeats(&events, witness));
    victim.freeze();
    cut().await;
    let said = heartbeats(&events, witness);
    let beats = said - beats;
    if servers == Servers::Three {
        // The one that had its connection tells the others, which pass nothing on to it from then on.
        eventually("the other servers have heard of it", async || {
            match heartbeats(&events, witness) > said {
                true => Ok(()),
                false => Err(()),
            }
        })
        .await;
    }
    let cut_at = load.sent();
    load.answers(200).await;
    let endings = load.end().await;
    eprintln!(
        "{servers:?}: frozen: {endings}; frozen before call {before}, cut off before call {cut_at}, the last one \
         lost was {:?}; {beats} heartbeats of another host in between",
        endings.last_failed
    );
    let last = endings.last_failed.expect("a frozen host swallows calls");
    assert!(
        last < cut_at,
        "a call was lost after the host was cut off: {endings}"
    );
    assert!(
        beats <= HEARTBEATS_MAX,
        "{beats} heartbeats until it was cut off"
    );
    settled_on(lattice, 2, 6).await;
    victim.thaw();
    victim.until_listed(lattice).await;
    settled_on(lattice, 3, 6).await;
    let load = Load::callers(lattice, 4);
    load.answers(200).await;
    load.end_without_failures().await;
    endings
}

async fn with_system_account(servers: Servers) -> (Lattice, Vec<Machine>) {
    // Their pings are rare: only a kick helps.
    let mut lattice = servers.lattice_with(ACCOUNTS).await;
    let creds = lattice.folder().join("system.creds");
    std::fs::write(&creds, "system:s:t\n").unwrap();
    let creds = creds.to_str().unwrap().to_owned();
    let machines = three(&mut lattice, &["--system-creds", &creds]).await;
    (lattice, machines)
}

async fn a_frozen_host_is_cut_off_by_the_leader_and_no_call_is_lost_after_that(servers: Servers) {
    let (lattice, mut machines) = with_system_account(servers).await;
    let mut leader = machines.remove(leader(&machines).await);
    let victim = machines.pop().unwrap();
    let witness = leader.id().to_owned();
    let cut = async || drop(leader.prints("cut off NATS").await);
    frozen_under_load(servers, &lattice, victim, &witness, cut).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_frozen_leader_is_followed_by_another_that_cuts_it_off() {
    let (lattice, mut machines) = with_system_account(Servers::One).await;
    let victim = machines.remove(leader(&machines).await);
    let witness = machines[0].id().to_owned();
    let cut = async || {
        eventually("one of the others cuts it off", async || {
            let said = |machine: &Machine| {
                machine
                    .lines()
                    .iter()
                    .any(|line| line.contains("cut off NATS"))
            };
            if machines.iter().any(said) {
                Ok(())
            } else {
                Err(())
            }
        })
        .await;
    };
    frozen_under_load(Servers::One, &lattice, victim, &witness, cut).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_system_credentials_the_pings_of_the_shipped_config_cut_a_frozen_host_off() {
    let nats = Nats::with_shipped_pings(ACCOUNTS).await;
    let system = async_nats::ConnectOptions::new()
        .user_and_password("system".into(), "s:t".into())
        .connect(nats.url())
        .await
        .unwrap();
    let mut gone = system
        .subscribe("$SYS.ACCOUNT.LATTICE.DISCONNECT")
        .await
        .unwrap();
    let mut lattice = Lattice::on(nats, program()).await;
    let mut machines = three(&mut lattice, &[]).await;
    let victim = machines.remove((leader(&machines).await + 1) % 3);
    let witness = machines[0].id().to_owned();
    let cut = async || {
        let said = gone.next().await.unwrap();
        let said: serde_json::Value = serde_json::from_slice(&said.payload).unwrap();
        assert_eq!(said["reason"], "Stale Connection", "{said}");
        assert_eq!(said["client"]["name"], "lattice-host", "{said}");
    };
    frozen_under_load(Servers::One, &lattice, victim, &witness, cut).await;
    for machine in machines {
        let again = machine
            .lines()
            .iter()
            .filter(|line| line.contains("lost the connection"))
            .count();
        assert_eq!(again, 0, "nobody who runs is cut off");
    }
}

/// What an actor has another one answer.
const THROUGH: Asked = Asked {
    subject: "lattice.default.call.caller.lattice:relay/shout.echo-string",
    arguments: r#"["a"]"#,
    answer: r#""A""#,
};
/// After three that are missing a host is left out; each may come late by as much as one, and be looked
/// for as much later.
const LEFT_OUT: usize = 5;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_frozen_host_is_left_out_of_the_calls_of_actors_before_anybody_cuts_it_off() {
    let mut lattice = Lattice::start(program()).await;
    let _caller = lattice.machine("a", &["--label", "side=a"]).await;
    let victim = lattice.machine("b", &["--label", "side=b"]).await;
    let _other = lattice.machine("c", &["--label", "side=b"]).await;
    // Room for all that waits in vain until its deadline.
    let manifest = "name = \"pair\"\n\
        [actor.caller]\ncomponent = \"relay\"\ninstances = 900\nrequire = { side = \"a\" }\n\
        [actor.caller.link.\"lattice:test\"]\nto = \"callee\"\n\
        [actor.callee]\ncomponent = \"types\"\ninstances = 1000\nrequire = { side = \"b\" }\n";
    lattice.apply(manifest).await;
    let events = lattice.events().await;
    let load = Load::steady_of(&lattice, THROUGH);
    load.answers(200).await;
    let (before, beats) = (load.sent(), heartbeats(&events, "c"));
    victim.freeze();
    eventually("another host was heard for long enough", async || {
        match heartbeats(&events, "c") - beats {
            LEFT_OUT.. => Ok(()),
            fewer => Err(fewer),
        }
    })
    .await;
    let left_out = load.sent();
    load.answers(200).await;
    let endings = load.end().await;
    let last = endings.last_failed;
    eprintln!(
        "frozen under actors' calls: {endings}; frozen before call {before}, to be left out before call \
         {left_out}, the last one lost was {last:?}"
    );
    assert!(last < Some(left_out), "{endings}");
    victim.thaw();
    victim.until_listed(&lattice).await;
    let load = Load::callers_of(&lattice, 4, THROUGH);
    load.answers(200).await;
    load.end_without_failures().await;
}
