//! `lattice drain`.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use anyhow::bail;
use lattice_client::{Client, ControlError};
use lattice_protocol::control::{
    ActorSummary, HostAnswer, HostSummary, HostVerb, Nothing, Placement, ProviderSummary, Verb,
};
use lattice_protocol::id::{HostId, TargetName};
use lattice_protocol::report::{Phase, Report};
use serde::Serialize;

use crate::connection::Connection;
use crate::present;
use crate::settle::is_passing;
use crate::ui::{self, Progress};

/// How often is looked: as often as hosts say what they have.
const LOOK_INTERVAL: Duration = lattice_protocol::report::HEARTBEAT_INTERVAL;
/// How long it may take: the host gives its work up after 30 s, and its last calls end by their
/// deadlines.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(180);
/// How long what it had may be nowhere else before that is told: others say it within two heartbeats.
const ELSEWHERE_WITHIN: Duration = Duration::from_secs(5);

/// Give the work of a host to the others, then stop it. Its calls end where they are. To have it back,
/// start it again.
#[derive(Debug, clap::Args)]
pub struct Drain {
    /// The host, as `ps` lists it.
    #[arg(value_name = "HOST")]
    host: String,

    /// Don't wait until it has left.
    #[arg(long)]
    no_wait: bool,

    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// What came of it.
#[derive(Debug, Serialize)]
struct Drained {
    host: HostId,
    /// Whether it has left; it may be on its way with --no-wait.
    left: bool,
    /// What it had and nobody has now.
    nowhere: Vec<Nowhere>,
}

/// A thing that no host runs.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Nowhere {
    name: TargetName,
    /// Why, by the word of the leader.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

impl Drain {
    pub(super) async fn run(self, connection: &Connection) -> anyhow::Result<()> {
        let client = connection.connect().await?;
        let hosts: Vec<HostSummary> = client.control(Verb::HostList, &Nothing {}).await?;
        let host = chosen(&client, &self.host, &hosts).await?;
        // By its own word: whoever answers for all may not know everything of it.
        let report: Report = client
            .control_host(&host, HostVerb::Inventory, &Nothing {})
            .await?;
        let had = running(&report);
        let request = client.control_host::<HostAnswer>(&host, HostVerb::Drain, &Nothing {});
        request.await?;
        let mut drained = Drained {
            host,
            left: false,
            nowhere: Vec::new(),
        };
        if !self.no_wait {
            let progress = Progress::new();
            progress.step(&format!(
                "waiting until others have the work of {}",
                drained.host
            ));
            until_left(&client, &drained.host, &had, &progress).await?;
            drained.left = true;
            drained.nowhere = until_elsewhere(&client, &drained.host, &had).await?;
        }
        self.tell(&drained)
    }

    fn tell(&self, drained: &Drained) -> anyhow::Result<()> {
        let host = &drained.host;
        if self.json {
            ui::json::print(drained)?;
        } else if drained.left {
            ui::out(format_args!("host {host} has left"))?;
        } else {
            ui::out(format_args!(
                "host {host} gives its work to others and leaves"
            ))?;
        }
        if drained.nowhere.is_empty() {
            return Ok(());
        }
        bail!(
            "of what host {host} had, this runs nowhere now: {}",
            lines(&drained.nowhere)
        )
    }
}

/// The host that is meant, if there is one and another to take its work.
async fn chosen(client: &Client, name: &str, hosts: &[HostSummary]) -> anyhow::Result<HostId> {
    let host = present::host(client, name, hosts).await?;
    with_another(host, hosts)
}

fn with_another(host: HostId, hosts: &[HostSummary]) -> anyhow::Result<HostId> {
    if present::alive(hosts).all(|other| other.report.host == host) {
        bail!(
            "host {host} is the only one: nobody could take its work. Start another with `lattice \
             host`, or end this one's process"
        );
    }
    Ok(host)
}

/// Waits until the host answers no more: then it has stopped, or ends its last calls.
async fn until_left(
    client: &Client,
    host: &HostId,
    had: &BTreeSet<TargetName>,
    progress: &Progress,
) -> anyhow::Result<()> {
    let deadline = Instant::now() + DRAIN_TIMEOUT;
    while Instant::now() < deadline {
        let ping = client.control_host::<HostAnswer>(host, HostVerb::Ping, &Nothing {});
        match ping.await {
            // What it is asked while it leaves may be lost.
            Ok(_) | Err(ControlError::TimedOut(_)) => {}
            Err(ControlError::NoHost(_)) => return Ok(()),
            Err(error) => return Err(error.into()),
        }
        if let Some(things) = Things::ask(client).await? {
            progress.detail(&lines(&things.nowhere(host, had)));
        }
        tokio::time::sleep(LOOK_INTERVAL).await;
    }
    bail!(
        "host {host} was asked to leave and still answers after {DRAIN_TIMEOUT:?}: its log says what it \
         waits for"
    )
}

/// What runs nowhere although others had the time to say that they have it.
async fn until_elsewhere(
    client: &Client,
    host: &HostId,
    had: &BTreeSet<TargetName>,
) -> anyhow::Result<Vec<Nowhere>> {
    let deadline = Instant::now() + ELSEWHERE_WITHIN;
    loop {
        let things = Things::ask(client).await?;
        let nowhere = things.map(|things| things.nowhere(host, had));
        match nowhere {
            Some(nowhere) if nowhere.is_empty() || Instant::now() >= deadline => {
                return Ok(nowhere);
            }
            None if Instant::now() >= deadline => {
                bail!("host {host} has left, and nobody says what of it runs elsewhere: see `ps`")
            }
            _ => tokio::time::sleep(LOOK_INTERVAL).await,
        }
    }
}

/// What is declared, and where it runs.
struct Things(BTreeMap<TargetName, Thing>);

struct Thing {
    hosts: BTreeMap<HostId, Placement>,
    unplaced: Option<String>,
}

impl Things {
    /// By the word of any host; none if that word was lost, as one may be of a host that leaves.
    async fn ask(client: &Client) -> Result<Option<Self>, ControlError> {
        match Self::asked(client).await {
            Ok(things) => Ok(Some(things)),
            Err(error) if is_passing(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn asked(client: &Client) -> Result<Self, ControlError> {
        let actors: Vec<ActorSummary> = client.control(Verb::ActorList, &Nothing {}).await?;
        let providers: Vec<ProviderSummary> =
            client.control(Verb::ProviderList, &Nothing {}).await?;
        let wanted = actors.into_iter().filter(|actor| actor.wanted > 0);
        let actors = wanted.map(|one| (one.name.into(), one.hosts, one.unplaced));
        let providers = providers.into_iter();
        let providers = providers.map(|one| (one.name.into(), one.hosts, one.unplaced));
        let thing = |(name, hosts, unplaced)| (name, Thing { hosts, unplaced });
        Ok(Self(actors.chain(providers).map(thing).collect()))
    }

    /// Which of these no other host runs; those that are declared no more need not run.
    fn nowhere(&self, host: &HostId, had: &BTreeSet<TargetName>) -> Vec<Nowhere> {
        let elsewhere = |thing: &Thing| {
            let mut others = thing.hosts.iter().filter(|(other, _)| *other != host);
            others.any(|(_, placement)| is_running(placement))
        };
        let nowhere = self.0.iter().filter(|(name, _)| had.contains(*name));
        let nowhere = nowhere.filter(|(_, thing)| !elsewhere(thing));
        let named = |(name, thing): (&TargetName, &Thing)| Nowhere {
            name: name.clone(),
            reason: thing.unplaced.clone(),
        };
        nowhere.map(named).collect()
    }
}

/// What runs on a host, by its report.
fn running(report: &Report) -> BTreeSet<TargetName> {
    let actors = report.actors.iter();
    let actors = actors.filter(|(_, one)| one.phase == Phase::Running && one.slots > 0);
    let providers = report.providers.iter();
    let providers = providers.filter(|(_, one)| one.phase == Phase::Running);
    let actors = actors.map(|(name, _)| TargetName::from(name));
    actors
        .chain(providers.map(|(name, _)| name.into()))
        .collect()
}

fn is_running(placement: &Placement) -> bool {
    placement.phase == Phase::Running
}

fn lines(nowhere: &[Nowhere]) -> String {
    let line = |one: &Nowhere| match &one.reason {
        Some(reason) => format!("{} ({reason})", one.name),
        None => one.name.to_string(),
    };
    nowhere.iter().map(line).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(id: &str, silent_ms: u64) -> HostSummary {
        let text = format!(
            r#"{{"host":"{id}","version":"1","labels":{{}},"capacity":1,"uptime_ms":1,"actors":{{}},"providers":{{}},"silent_ms":{silent_ms}}}"#
        );
        serde_json::from_str(&text).unwrap()
    }

    fn things(of: &[(&str, &[(&str, Phase)])]) -> Things {
        let placement = |phase: &Phase| Placement {
            revision: "r".into(),
            slots: 1,
            settings: None,
            refused: None,
            phase: phase.clone(),
        };
        let thing = |(name, hosts): &(&str, &[(&str, Phase)])| {
            let hosts = hosts.iter();
            let hosts = hosts.map(|(id, phase)| (id.parse().unwrap(), placement(phase)));
            let thing = Thing {
                hosts: hosts.collect(),
                unplaced: None,
            };
            (name.parse().unwrap(), thing)
        };
        Things(of.iter().map(thing).collect())
    }

    #[test]
    fn a_misspelt_host_is_told_the_one_that_was_meant_or_all() {
        let hosts = [host("rack-a", 10), host("rack-b", 10), host("gone", 9_000)];
        let refused = |name| present::listed(name, &hosts).unwrap_err().to_string();
        assert_eq!(
            present::listed("rack-a", &hosts).unwrap().as_str(),
            "rack-a"
        );
        assert_eq!(
            refused("rakc-a"),
            "no host rakc-a is there: did you mean rack-a?"
        );
        assert_eq!(
            refused("gone"),
            "no host gone is there: there are rack-a, rack-b"
        );
    }

    #[test]
    fn the_only_host_is_not_drained() {
        let hosts = [host("a", 10), host("gone", 9_000)];
        let refused = with_another("a".parse().unwrap(), &hosts);
        let refused = refused.unwrap_err().to_string();
        assert!(refused.contains("is the only one"), "{refused}");
    }

    #[test]
    fn what_no_other_host_runs_is_nowhere() {
        let (me, run, start) = ("me".parse().unwrap(), Phase::Running, Phase::Starting);
        let had = ["moved", "stuck", "deleted"];
        let had = had.iter().map(|name| name.parse().unwrap()).collect();
        let after = things(&[
            ("moved", &[("x", run.clone())]),
            ("stuck", &[("me", run), ("x", start)]),
            ("others", &[]),
        ]);
        let nowhere = after.nowhere(&me, &had);
        assert_eq!(lines(&nowhere), "stuck");
    }
}
