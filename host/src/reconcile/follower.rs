//! What this host is to run, carried out: actors and providers are told what [`Duty`] decides.

use std::sync::Arc;
use std::time::Duration;

use lattice_client::{Client, State};
use lattice_config::state::key;
use tokio_util::sync::CancellationToken;

use super::Backoff;
use super::ask::perform;
use super::duty::{Duty, LOOK_EVERY, Step};
use super::election::Epoch;
use super::home::Home;
use crate::actor::Actors;
use crate::provider::Providers;
use crate::report::Reporter;

/// How long one read may take: what it was for is tried again.
const ASK_TIMEOUT: Duration = Duration::from_secs(5);

/// Carries out what this host is assigned.
pub struct Follower {
    client: Client,
    state: State,
    home: Arc<Home>,
    epoch: Epoch,
    actors: Actors,
    providers: Providers,
    reporter: Reporter,
    duty: Duty,
}

impl Follower {
    /// A follower that runs nothing yet; `epoch` is shared with the election.
    pub fn new(
        client: Client,
        state: State,
        home: Arc<Home>,
        epoch: Epoch,
        actors: Actors,
        providers: Providers,
        reporter: Reporter,
    ) -> Self {
        // What an older leader wrote stays ignored over a restart.
        let duty = Duty::new(home.id().clone(), home.epoch());
        Self {
            client,
            state,
            home,
            epoch,
            actors,
            providers,
            reporter,
            duty,
        }
    }

    /// Follows until `stop`. What runs then goes on: whoever stops the host stops it.
    pub async fn run(mut self, stop: CancellationToken) {
        let mut backoff = Backoff::default();
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = self.follow(&mut backoff) => {}
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(backoff.next()) => {}
            }
            match self.client.state().await {
                Ok(state) => self.state = state,
                Err(error) => tracing::warn!(%error, "what runs here is kept"),
            }
        }
    }

    /// Follows until the watch breaks.
    async fn follow(&mut self, backoff: &mut Backoff) {
        let mut watch = match self.state.watch(&key::assignment(self.home.id())).await {
            Ok(watch) => watch,
            Err(error) => return tracing::warn!(%error, "what runs here is kept"),
        };
        let mut look = tokio::time::interval(LOOK_EVERY);
        look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            let again = self.duty.again_after();
            tokio::select! {
                entry = watch.next() => match entry {
                    Some(entry) => {
                        backoff.reset();
                        self.duty.head(entry);
                    }
                    None => return,
                },
                _ = look.tick() => self.duty.look(),
                () = tokio::time::sleep(again.unwrap_or(LOOK_EVERY)), if again.is_some() => {
                    self.duty.again();
                }
            }
            self.carry_out().await;
        }
    }

    /// Asks and runs until there is nothing left to do.
    async fn carry_out(&mut self) {
        loop {
            match self.duty.step() {
                Step::Rest => return,
                Step::Ask(ask) => {
                    let answer = perform(&self.state, ask, ASK_TIMEOUT).await;
                    self.duty.answered(answer);
                }
                Step::Run => {
                    let current = self.duty.current();
                    self.epoch.raise(current.epoch);
                    self.actors.assign(&current.actors);
                    self.providers.assign(&current.providers);
                    // Only now: what is reported from here on is by this assignment.
                    if let Some(followed) = self.duty.followed() {
                        self.reporter.follows(followed);
                    }
                    self.save().await;
                }
            }
        }
    }

    async fn save(&self) {
        let (home, current) = (self.home.clone(), self.duty.current().clone());
        match tokio::task::spawn_blocking(move || home.save(&current)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "the assignment is not remembered"),
            Err(error) => tracing::warn!(%error, "the assignment is not remembered"),
        }
    }
}
