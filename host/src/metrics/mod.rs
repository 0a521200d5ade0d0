//! What a host counts beside its calls, read when somebody asks.

mod compiled;
mod shown;

use std::sync::{Arc, Weak};

use lattice_client::Client;
use lattice_telemetry::Telemetry;
use lattice_telemetry::metrics::{Samples, Source, Value, family};

use crate::actor::{Actors, WeakActors};
use crate::engine::Engine;

pub use compiled::Compiled;
pub use shown::run_shown;

/// A host's own metrics: they are shown for as long as this lives.
pub struct HostMetrics {
    actors: WeakActors,
    engine: Engine,
    client: Client,
}

impl HostMetrics {
    /// Shows a host's metrics, if anybody reads any.
    pub fn show(
        telemetry: &Telemetry,
        actors: &Actors,
        engine: Engine,
        client: Client,
    ) -> Option<Arc<Self>> {
        let connection = client.clone();
        telemetry.healthy_while(move || connection.is_connected());
        let registry = telemetry.registry()?;
        let own = Arc::new(Self {
            actors: actors.downgrade(),
            engine,
            client,
        });
        let source: Weak<Self> = Arc::downgrade(&own);
        registry.add(source);
        Some(own)
    }
}

impl Source for HostMetrics {
    fn samples(&self, to: &mut Samples) {
        let actors = self.actors.upgrade();
        for (name, actor) in actors.iter().flat_map(Actors::report) {
            let own = [("actor", name.as_str())];
            to.number(&family::SLOTS, &own, actor.slots);
            to.number(&family::BUSY, &own, actor.busy);
            to.number(&family::WAITING, &own, actor.waiting);
        }
        let compiled = self.engine.compiled();
        to.number(&family::INSTANCES_IDLE, &[], self.engine.instances_idle());
        to.number(&family::COMPILE_ERRORS, &[], compiled.errors());
        let took = compiled.took().snapshot();
        to.put(&family::COMPILE_DURATION, &[], Value::Histogram(took));
        connection(&self.client, to);
    }
}

/// How the process stands with NATS.
fn connection(client: &Client, to: &mut Samples) {
    to.number(&family::CONNECTED, &[], u32::from(client.is_connected()));
    to.number(&family::RECONNECTS, &[], client.reconnects());
}
