//! What processes show of themselves: traces and metrics, as a collector and a scraper see them.
//!
//! Hosts and providers are processes here, with their telemetry where the environment says.

mod metrics;
mod passed;
mod traces;

use std::net::SocketAddr;

use lattice_tests::collector::Collector;
use lattice_tests::process::{self, Running};
use lattice_tests::{Lattice, web};

use crate::program;

/// A caller's header that says that it records, and its parts.
const SAMPLED: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const CALLER: &str = "00f067aa0ba902b7";

/// A lattice whose hosts are processes that are watched.
struct Watched {
    lattice: Lattice,
    collector: Collector,
    hosts: Vec<(Running, SocketAddr)>,
}

impl Watched {
    async fn start() -> Self {
        Self {
            lattice: Lattice::start(program()).await,
            collector: Collector::start().await,
            hosts: Vec::new(),
        }
    }

    /// Starts a host with the label `side`.
    async fn host(&mut self, id: &str) {
        self.host_with(id, &[]).await;
    }

    /// Starts a host with the label `side` and these variables.
    async fn host_with(&mut self, id: &str, variables: &[(&str, &str)]) {
        let (url, data) = (self.lattice.nats().url(), self.lattice.folder().join(id));
        let label = format!("side={id}");
        let words = ["host", "--id", id, "--label", &label, "--nats", &url];
        let mut command = process::command(program(), self.lattice.folder(), &words);
        command
            .args(["--metrics", "127.0.0.1:0", "--data"])
            .arg(data)
            .env("OTEL_EXPORTER_OTLP_ENDPOINT", self.collector.url())
            .env("OTEL_BSP_SCHEDULE_DELAY", "50")
            .env("OTEL_METRIC_EXPORT_INTERVAL", "200")
            .envs(variables.iter().copied());
        let mut host = Running::start(command);
        let line = host.prints("metrics at http://").await;
        let (_, rest) = line.split_once("http://").unwrap();
        let address = rest.strip_suffix("/metrics").unwrap().parse().unwrap();
        host.prints("joined").await;
        self.hosts.push((host, address));
    }

    /// What a host shows, as Prometheus reads it.
    async fn scrape(&self, host: usize) -> Scrape {
        let page = web::get(self.hosts[host].1, "/metrics").await.unwrap();
        assert_eq!(page.status, 200, "{}", page.text());
        Scrape(page.text())
    }
}

/// What a scraper reads.
struct Scrape(String);

impl Scrape {
    /// The value of a series, written as Prometheus shows it; 0 if it is not there.
    fn value(&self, series: &str) -> f64 {
        let mut lines = self.0.lines();
        let value = lines.find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        value.map_or(0.0, |value| value.parse().unwrap())
    }

    /// The sum over all series that begin so and have this label.
    fn sum(&self, begins: &str, label: &str) -> f64 {
        let lines = self.0.lines().filter(|line| !line.starts_with('#'));
        let fitting = lines.filter(|line| line.starts_with(begins) && line.contains(label));
        fitting
            .map(|line| line.rsplit_once(' ').unwrap().1.parse::<f64>().unwrap())
            .sum()
    }
}

/// Two actors, each on the side that is said, the first linked to the second.
fn pair(callee_side: &str) -> String {
    format!(
        "name = \"pair\"\n\
         [actor.caller]\ncomponent = \"errand\"\nrequire = {{ side = \"a\" }}\n\
         [actor.caller.link.\"lattice:errand\"]\nto = \"callee\"\n\
         [actor.callee]\ncomponent = \"errand\"\nrequire = {{ side = \"{callee_side}\" }}\n\
         [actor.callee.link.\"lattice:errand\"]\nto = \"caller\"\n"
    )
}

/// What has the caller have its work done by the callee.
const ORDER: &str = "lattice.default.call.caller.lattice:errand/orders.say";
