//! `lattice ps`.

mod external;

use std::collections::BTreeMap;

use lattice_client::{Client, ControlError};
use lattice_protocol::control::{
    ActorSummary, HostSummary, LinkSummary, Nothing, Placement, ProviderSummary, Verb,
};
use lattice_protocol::id::{HostId, ProviderName};
use lattice_protocol::report::{Phase, Refused};
use serde::Serialize;

use super::link;
use crate::connection::Connection;
use crate::ui;

/// List hosts, actors, providers and links.
#[derive(Debug, clap::Args)]
pub struct Ps {
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Listing {
    hosts: Vec<HostSummary>,
    actors: Vec<ActorSummary>,
    providers: Vec<ProviderSummary>,
    links: Vec<LinkSummary>,
}

impl Ps {
    pub(super) async fn run(self, connection: &Connection) -> anyhow::Result<()> {
        let client = connection.connect().await?;
        let listing = ask(&client).await?;
        if self.json {
            return ui::json::print(&listing);
        }
        hosts(&listing.hosts)?;
        ui::out("")?;
        actors(&listing.actors)?;
        ui::out("")?;
        let external = external::states(&client, &listing.providers).await;
        providers(&listing.providers, &external)?;
        ui::out("")?;
        link::table(&listing.links)
    }
}

async fn ask(client: &Client) -> Result<Listing, ControlError> {
    Ok(Listing {
        hosts: client.control(Verb::HostList, &Nothing {}).await?,
        actors: client.control(Verb::ActorList, &Nothing {}).await?,
        providers: client.control(Verb::ProviderList, &Nothing {}).await?,
        links: client.control(Verb::LinkList, &Nothing {}).await?,
    })
}

fn hosts(hosts: &[HostSummary]) -> anyhow::Result<()> {
    let rows = hosts.iter().map(|summary| {
        let host = &summary.report;
        let labels: Vec<_> = host
            .labels
            .iter()
            .map(|(key, value)| format!("{key}={value}"))
            .collect();
        [
            host.host.to_string(),
            host.version.clone(),
            time(host.uptime_ms),
            format!("{} ago", time(summary.silent_ms)),
            host.capacity.to_string(),
            host.actors.len().to_string(),
            host.providers.len().to_string(),
            labels.join(" "),
        ]
    });
    let header = [
        "HOST",
        "VERSION",
        "UP",
        "HEARD",
        "CAPACITY",
        "ACTORS",
        "PROVIDERS",
        "LABELS",
    ];
    ui::table::print(header, rows.collect(), "no hosts")
}

fn actors(actors: &[ActorSummary]) -> anyhow::Result<()> {
    let rows = actors.iter().map(|actor| {
        let running: u32 = running(&actor.hosts).map(|placement| placement.slots).sum();
        [
            actor.name.to_string(),
            actor.app.to_string(),
            format!("{running}/{}", actor.wanted),
            actor.hosts.len().to_string(),
            state(&actor.hosts),
            short(&actor.component),
        ]
    });
    let header = ["ACTOR", "APP", "INSTANCES", "HOSTS", "STATE", "COMPONENT"];
    ui::table::print(header, rows.collect(), "no actors")?;
    actors.iter().try_for_each(|actor| {
        let name = actor.name.as_str();
        problems(name, &actor.hosts, actor.unplaced.as_deref())?;
        match &actor.rolled_back {
            Some(why) => ui::out(format_args!(
                "{name} was rolled back: revision {} can't be started: {}",
                why.revision, why.reason
            )),
            None => Ok(()),
        }
    })
}

fn providers(
    providers: &[ProviderSummary],
    external: &BTreeMap<ProviderName, &'static str>,
) -> anyhow::Result<()> {
    let rows = providers.iter().map(|provider| {
        let asked = external.get(&provider.name).copied().map(str::to_owned);
        [
            provider.name.to_string(),
            provider.app.to_string(),
            provider.kind.clone(),
            provider.hosts.len().to_string(),
            asked.unwrap_or_else(|| state(&provider.hosts)),
        ]
    });
    let header = ["PROVIDER", "APP", "KIND", "HOSTS", "STATE"];
    ui::table::print(header, rows.collect(), "no providers")?;
    providers.iter().try_for_each(|provider| {
        problems(
            provider.name.as_str(),
            &provider.hosts,
            provider.unplaced.as_deref(),
        )
    })
}

/// What is wrong with a thing, one line for each reason.
fn problems(
    name: &str,
    hosts: &BTreeMap<HostId, Placement>,
    unplaced: Option<&str>,
) -> anyhow::Result<()> {
    for (host, placement) in hosts {
        match (&placement.phase, &placement.refused) {
            (Phase::Failed { reason }, _) => {
                ui::out(format_args!("{name} failed on {host}: {reason}"))?;
            }
            (
                _,
                Some(Refused {
                    revision, reason, ..
                }),
            ) => ui::out(format_args!(
                "{name} refuses revision {revision} on {host}: {reason}"
            ))?,
            (_, None) => {}
        }
    }
    match unplaced {
        Some(reason) => ui::out(format_args!("{name} is not placed as declared: {reason}")),
        None => Ok(()),
    }
}

fn running(hosts: &BTreeMap<HostId, Placement>) -> impl Iterator<Item = &Placement> {
    hosts
        .values()
        .filter(|placement| placement.phase == Phase::Running)
}

/// One word for all hosts: what is wrong comes first.
fn state(hosts: &BTreeMap<HostId, Placement>) -> String {
    let is = |wanted: fn(&Phase) -> bool| hosts.values().any(|placement| wanted(&placement.phase));
    let is_refused = hosts.values().any(|placement| placement.refused.is_some());
    let word = match () {
        () if hosts.is_empty() => "not running",
        () if is(|phase| matches!(phase, Phase::Failed { .. })) => "failed",
        () if is_refused => "refused",
        () if is(|phase| *phase == Phase::Starting) => "starting",
        () if is(|phase| *phase == Phase::Running) => "running",
        () => "draining",
    };
    word.to_owned()
}

/// A digest as people recognise it; a reference stays whole.
fn short(component: &str) -> String {
    component
        .split_once("sha256:")
        .and_then(|(_, hex)| hex.get(..12))
        .unwrap_or(component)
        .to_owned()
}

fn time(ms: u64) -> String {
    let seconds = ms / 1000;
    match seconds {
        0..=99 => format!("{seconds}s"),
        100..=5_999 => format!("{}m", seconds / 60),
        6_000..=359_999 => format!("{}h", seconds / 3_600),
        _ => format!("{}d", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts(phases: &[Phase]) -> BTreeMap<HostId, Placement> {
        let placement = |phase: &Phase| Placement {
            revision: "r".into(),
            slots: 1,
            settings: None,
            refused: None,
            phase: phase.clone(),
        };
        let named = |n: usize| format!("h{n}").parse().unwrap();
        phases
            .iter()
            .enumerate()
            .map(|(n, phase)| (named(n), placement(phase)))
            .collect()
    }

    #[test]
    fn what_is_wrong_on_one_host_is_what_is_shown() {
        let failed = Phase::Failed {
            reason: "no link".into(),
        };
        assert_eq!(state(&hosts(&[Phase::Running, failed])), "failed");
        assert_eq!(
            state(&hosts(&[Phase::Running, Phase::Starting])),
            "starting"
        );
        assert_eq!(state(&hosts(&[Phase::Running])), "running");
        assert_eq!(state(&hosts(&[])), "not running");
    }

    #[test]
    fn a_revision_that_is_refused_is_shown_beside_the_one_that_runs() {
        let mut hosts = hosts(&[Phase::Running, Phase::Running]);
        for placement in hosts.values_mut().take(1) {
            placement.refused = Some(Refused {
                revision: "0123456789ab".into(),
                reason: "it does not compile".into(),
                may_pass: false,
            });
        }
        assert_eq!(state(&hosts), "refused");
    }

    #[test]
    fn times_and_digests_are_short() {
        assert_eq!(
            [7_000, 130_000, 7_200_000, 864_000_000].map(time),
            ["7s", "2m", "2h", "10d"]
        );
        assert_eq!(short("sha256:ba7816bf8f01cfea4141"), "ba7816bf8f01");
        assert_eq!(short("oci://example.org/a:1"), "oci://example.org/a:1");
    }
}
