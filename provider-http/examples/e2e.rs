//! temp
use lattice_protocol::standard::http::*;
use tokio_util::sync::CancellationToken;
#[tokio::main]
async fn main() -> anyhow::Result<()> {
    tracing_subscriber::fmt().with_writer(std::io::stderr).init();
    let o = || lattice_client::Options { nats: "nats://127.0.0.1:14999".into(), creds: None, lattice: Default::default(), name: "t".into() };
    let client = lattice_client::Client::connect(o()).await?;
    let mut app = lattice_config::App::new("demo".parse()?, "1");
    let mut p = lattice_config::Provider::new(lattice_config::Runs::Kind("http".into()));
    p.config.insert("listen".into(), "127.0.0.1:18099".into());
    p.routes.push(lattice_config::Route { host: None, path: "/".into(), actor: "echo".parse()? });
    app.providers.insert("web".parse()?, p);
    let state = client.state().await?;
    state.put("app.demo", serde_json::to_vec(&app)?.into(), 0).await?;
    let mut serving = client.serve(&"echo".parse()?).await?;
    tokio::spawn(async move {
        while let Some(i) = serving.next().await {
            tokio::spawn(async move {
                let r: Request = rmp_serde::from_slice(&i.payload).unwrap();
                let resp = Response { status: 200, headers: vec![], body: format!("hello {} {}\n", r.path, r.body.len()).into() };
                i.responder.reply(Ok(rmp_serde::to_vec_named(&resp).unwrap().into())).await;
            });
        }
    });
    let stop = CancellationToken::new();
    let s2 = stop.clone();
    tokio::spawn(async move { tokio::signal::ctrl_c().await.ok(); s2.cancel(); });
    provider_http::run(provider_sdk::Options::new(o(), "web".parse()?), stop).await?;
    Ok(())
}
