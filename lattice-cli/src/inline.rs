//! The providers of this program, as a host runs them in its own process.

use std::sync::Arc;

use host::provider::inline::{Kind, Kinds, Start};
use provider_sdk::{CancellationToken, Error, Options};

/// Every kind that this program carries.
pub fn kinds() -> Kinds {
    Kinds::default()
        .with("http", kind(provider_http::run))
        .with("keyvalue", kind(provider_keyvalue::run))
}

fn kind<R, F>(run: R) -> Kind
where
    R: Fn(Options, CancellationToken) -> F + Send + Sync + 'static,
    F: Future<Output = Result<(), Error>> + Send + 'static,
{
    Arc::new(move |start: Start| {
        let mut options = Options::new(start.client, start.name);
        options.process = Some(start.process);
        options.open = Some(start.open);
        options.telemetry = start.telemetry;
        options.out = Some(start.out);
        let ended = run(options, start.stop);
        Box::pin(async move { ended.await.map_err(|error| error.to_string()) })
    })
}
