use std::net::TcpListener;
use std::path::Path;

use super::*;
use crate::nats_server::find;
use crate::ui::Progress;

async fn options(folder: &Path) -> Options {
    let program = find(&Progress::new()).await.unwrap();
    Options::new(program, folder.join("nats"))
}

/// What the server says of itself, however long it takes for that.
async fn info(server: &NatsServer) -> ready::Info {
    let asked = tokio::time::timeout(READY_TIMEOUT, async {
        loop {
            if let Some(info) = ready::info(server.port()).await {
                return info;
            }
            tokio::time::sleep(READY_INTERVAL).await;
        }
    });
    asked.await.expect("the server answers")
}

#[tokio::test]
async fn a_server_starts_on_a_free_port_with_jetstream_and_stops() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = NatsServer::start(options(folder.path()).await)
        .await
        .unwrap();
    assert!(info(&server).await.jetstream);
    server.stop().await;
    assert!(ready::info(server.port()).await.is_none());
}

#[tokio::test]
async fn an_occupied_port_is_named_in_the_error() {
    let folder = tempfile::tempdir().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let options = Options {
        port: Port::Fixed(port),
        ..options(folder.path()).await
    };
    let error = NatsServer::start(options)
        .await
        .map(|_| ())
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("address already in use") && error.contains(&port.to_string()),
        "{error}"
    );
}

#[tokio::test]
async fn a_server_whose_preferred_port_is_taken_listens_on_another() {
    let folder = tempfile::tempdir().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = listener.local_addr().unwrap().port();
    let options = Options {
        port: Port::Preferred(taken),
        ..options(folder.path()).await
    };
    let mut server = NatsServer::start(options).await.unwrap();
    assert_ne!(server.port(), taken);
    info(&server).await;
    server.stop().await;
}

#[tokio::test]
async fn a_server_that_a_killed_process_left_behind_gives_way_to_the_next() {
    let folder = tempfile::tempdir().unwrap();
    let mut first = NatsServer::start(options(folder.path()).await)
        .await
        .unwrap();
    let mut second = NatsServer::start(first.options().clone()).await.unwrap();
    assert!(first.wait().await.is_ok());
    info(&second).await;
    second.stop().await;
}

#[tokio::test]
async fn a_config_that_the_server_refuses_is_an_error_with_its_reason() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options {
        extra: "max_payload: -\n".into(),
        ..options(folder.path()).await
    };
    let error = NatsServer::start(options)
        .await
        .map(|_| ())
        .unwrap_err()
        .to_string();
    assert!(error.contains("nats-server ended at its start"), "{error}");
}
