//! From the connection to the last reply.

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use lattice_client::{Client, Incoming, Serving};
use lattice_protocol::id::{ProcessId, ProviderName, TargetName};
use lattice_telemetry::metrics::Source;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;
use tracing::{info, warn};

use crate::admission::Admission;
use crate::endpoints::Endpoints;
use crate::follow::Follow;
use crate::health::Said;
use crate::keeper::Keeper;
use crate::links::Links;
use crate::service::{Core, Service};
use crate::shown::Shown;
use crate::{Error, Options, Provider, Settings};

/// How long a provider's own `stop` may take: it closes connections, and a host waits for it.
const STOP_TIME: Duration = Duration::from_secs(5);

/// Runs a provider until `shutdown`, or until it can't go on.
///
/// Order: connect; wait until an app declares the provider; `build` it; give it its settings; take
/// calls. At `shutdown`: take no more calls; answer those that have come, for as long as
/// [`Options::drain`]; end the rest; [`Provider::stop`]; let the last replies leave. When this
/// returns, nothing runs any more.
pub async fn run<P, B, F>(
    options: Options,
    build: B,
    shutdown: CancellationToken,
) -> Result<(), Error>
where
    P: Provider,
    B: FnOnce(Client) -> F,
    F: Future<Output = Result<P, Error>>,
{
    let started = shutdown.run_until_cancelled(start(options, build)).await;
    match started {
        Some(running) => running?.until(shutdown).await,
        None => Ok(()),
    }
}

/// A provider that takes calls.
struct Running<P> {
    client: Client,
    core: Arc<Core<P>>,
    service: Service<P>,
    serving: Serving,
    /// Calls to this process alone.
    own: Option<Serving>,
    follow: Follow,
    keeper: Keeper<P>,
    drain: Duration,
    /// Its metrics are shown for as long as it is there.
    _source: Option<Arc<dyn Source>>,
}

async fn start<P, B, F>(options: Options, build: B) -> Result<Running<P>, Error>
where
    P: Provider,
    B: FnOnce(Client) -> F,
    F: Future<Output = Result<P, Error>>,
{
    let Options {
        client,
        name,
        process,
        running_max,
        waiting_max,
        drain,
        telemetry,
        open,
        out: _,
        ready,
    } = options;
    let client = Client::connect(client).await?;
    let target = target(&name)?;
    let mut follow = Follow::open(client.clone(), name.clone()).await?;
    let settings = follow.next().await;
    let provider = build(client.clone()).await?;
    configure(&provider, &name, &settings).await?;

    let shown = Shown::new(telemetry, client.lattice().clone(), target.clone());
    let keeper = keeper(name, provider, &settings, shown);
    let core = keeper.core.clone();
    let admission = Admission::new(running_max, waiting_max);
    let service = Service::new(core.clone(), admission, keeper.said.clone());
    // A provider inside a host is counted as that host's.
    let own_connection = open.is_none().then(|| client.clone());
    let source = core.shown.show(&core.name, own_connection, service.calls());
    let (serving, own) = take_calls(&client, &target, process.as_ref()).await?;
    info!(provider = %core.name, lattice = %client.lattice(), "taking calls");
    if let Some(open) = open {
        open(service.direct());
    }
    if let Some(ready) = ready {
        // Whoever asked may have gone: no reason to stop.
        let _ = ready.send(());
    }
    Ok(Running {
        client,
        core,
        service,
        serving,
        own,
        follow,
        keeper,
        drain,
        _source: source,
    })
}

/// Gives a provider its first settings: without them there is nothing to go on with.
async fn configure<P: Provider>(
    provider: &P,
    name: &ProviderName,
    settings: &Settings,
) -> Result<(), Error> {
    let taken = provider.configure(settings).await;
    taken.map_err(|error| Error::Settings {
        provider: name.clone(),
        reason: error.to_string(),
    })
}

/// All that calls need of the provider, and who keeps it at its settings from the first on.
fn keeper<P: Provider>(
    name: ProviderName,
    provider: P,
    settings: &Settings,
    shown: Shown,
) -> Keeper<P> {
    let (links_sender, links) = watch::channel(Arc::new(Links::new(&settings.links)));
    let endpoints = Endpoints::new(name.clone(), provider.endpoints()).measured(&shown);
    let said = Said::default();
    said.taken(&settings.revision);
    let core = Arc::new(Core {
        name,
        provider,
        endpoints,
        links,
        shown,
        abort: CancellationToken::new(),
    });
    Keeper {
        core,
        links: links_sender,
        said,
    }
}

/// From here on calls come: to the provider, and to this process alone where it has a name.
async fn take_calls(
    client: &Client,
    target: &TargetName,
    process: Option<&ProcessId>,
) -> Result<(Serving, Option<Serving>), Error> {
    let own = match process {
        Some(process) => Some(client.serve_process(process).await?),
        None => None,
    };
    let serving = client.serve(target).await?;
    client.flush().await;
    Ok((serving, own))
}

/// Names of providers and targets have one rule, so this never fails.
fn target(name: &ProviderName) -> Result<TargetName, Error> {
    name.as_str()
        .parse()
        .map_err(|error: lattice_protocol::id::Error| Error::provider(error.to_string()))
}

impl<P: Provider> Running<P> {
    async fn until(mut self, shutdown: CancellationToken) -> Result<(), Error> {
        let (changes, changed) = mpsc::channel(1);
        let follow = AbortOnDropHandle::new(tokio::spawn(self.follow.run(changes)));
        let settings = AbortOnDropHandle::new(tokio::spawn(self.keeper.run(changed)));
        let ended = loop {
            let incoming = tokio::select! {
                () = shutdown.cancelled() => break Ok(()),
                incoming = next(&mut self.own) => incoming,
                incoming = self.serving.next() => incoming,
            };
            match incoming {
                Some(incoming) => self.service.accept(incoming).await,
                None => break Err(Error::Closed),
            }
        };
        let drained = async {
            drain(&mut self.serving, &self.service).await;
            if let Some(own) = &mut self.own {
                drain(own, &self.service).await;
            }
        };
        if tokio::time::timeout(self.drain, drained).await.is_err() {
            warn!(provider = %self.core.name, "the server did not confirm that no more calls come");
        }
        self.service.finish(self.drain).await;

        drop(follow);
        settings.abort();
        // Cancelled or done: either way it runs no more.
        let _ = settings.await;
        if tokio::time::timeout(STOP_TIME, self.core.provider.stop())
            .await
            .is_err()
        {
            warn!(provider = %self.core.name, "the provider took too long to stop");
        }
        self.client.flush().await;
        info!(provider = %self.core.name, "stopped");
        ended
    }
}

/// No more calls; those that have come are taken.
async fn drain<P: Provider>(serving: &mut Serving, service: &Service<P>) {
    serving.drain().await;
    while let Some(incoming) = serving.next().await {
        service.accept(incoming).await;
    }
}

/// The next call to this process alone.
async fn next(own: &mut Option<Serving>) -> Option<Incoming> {
    match own {
        Some(own) => own.next().await,
        None => pending().await,
    }
}
