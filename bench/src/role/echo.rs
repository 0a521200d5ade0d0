//! A plain async-nats responder: what it is sent, it sends back.

use anyhow::Context as _;
use futures_util::StreamExt as _;

/// Where it listens.
pub(crate) const SUBJECT: &str = "bench.echo";

pub(super) async fn run(nats: &str) -> anyhow::Result<()> {
    let client = async_nats::connect(nats)
        .await
        .context("failed to connect")?;
    let mut requests = client.subscribe(SUBJECT).await?;
    client.flush().await?;
    lattice_cli::ui::out("ready")?;
    while let Some(request) = requests.next().await {
        if let Some(reply) = request.reply {
            client.publish(reply, request.payload).await?;
        }
    }
    Ok(())
}
