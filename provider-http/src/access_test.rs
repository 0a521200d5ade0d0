use std::io::Write;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tracing::subscriber::DefaultGuard;
use tracing_subscriber::EnvFilter;

use super::TARGET;
use crate::testing::{Web, read_until, web};

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Log {
    /// Keeps the access log of this thread, and so of this test.
    fn keep() -> (Self, DefaultGuard) {
        let log = Self::default();
        let writer = log.clone();
        let subscriber = tracing_subscriber::fmt()
            .json()
            .flatten_event(true)
            .with_env_filter(EnvFilter::new(format!("{TARGET}=info")))
            .with_writer(move || writer.clone())
            .finish();
        (log, tracing::subscriber::set_default(subscriber))
    }

    /// The next line; the first if none was taken before.
    async fn line(&self) -> Value {
        loop {
            let line = {
                let mut bytes = self.0.lock().unwrap();
                let end = bytes.iter().position(|byte| *byte == b'\n');
                end.map(|end| bytes.drain(..=end).collect::<Vec<_>>())
            };
            match line {
                Some(line) => return serde_json::from_slice(&line).unwrap(),
                None => tokio::task::yield_now().await,
            }
        }
    }
}

async fn logged(config: Value) -> (Web, Log, DefaultGuard) {
    let (log, guard) = Log::keep();
    let mut config = config;
    config["access_log"] = json!(true);
    (web(config).await, log, guard)
}

#[tokio::test]
async fn a_request_is_one_line_with_what_an_operator_looks_for() {
    let (web, log, _guard) = logged(json!({})).await;
    let request = http::Request::post("/a/b?token=secret").header("x-request-id", "r-1");
    let answer = web.send(request, "hello").await;
    let line = log.line().await;
    for (field, value) in [
        ("method", json!("POST")),
        ("host", json!("web.example")),
        ("path", json!("/a/b")),
        ("version", json!("HTTP/1.1")),
        ("status", json!(200)),
        ("bytes", json!(answer.body.len())),
        ("actor", json!("root")),
        ("way", json!("peer")),
        ("request_id", json!("r-1")),
        ("peer", json!("127.0.0.1")),
        ("client", json!("127.0.0.1")),
        ("end", json!("complete")),
    ] {
        assert_eq!(line[field], value, "{field} of {line}");
    }
    assert!(line["ms"].as_f64().unwrap() > 0.0, "{line}");
    assert!(!line.to_string().contains("secret"), "{line}");
}

#[tokio::test]
async fn the_client_is_who_the_trusted_proxy_says() {
    let (web, log, _guard) = logged(json!({"trusted_proxies": ["127.0.0.0/8"]})).await;
    let request = http::Request::get("/").header("x-forwarded-for", "203.0.113.9");
    let seen = web.send(request, "").await.json();
    assert_eq!(seen["headers"]["x-forwarded-for"], "203.0.113.9, 127.0.0.1");
    let line = log.line().await;
    assert_eq!(
        (&line["client"], &line["peer"]),
        (&json!("203.0.113.9"), &json!("127.0.0.1"))
    );
}

#[tokio::test]
async fn what_no_actor_answered_is_logged_too() {
    let (web, log, _guard) = logged(json!({})).await;
    web.server
        .apply(&crate::testing::config(json!({"access_log": true})), &[])
        .await
        .unwrap();
    web.get("/nowhere").await;
    let line = log.line().await;
    assert_eq!(
        (&line["status"], &line["actor"], &line["way"]),
        (&json!(404), &Value::Null, &Value::Null)
    );
}

#[tokio::test]
async fn how_a_response_ended_is_told_when_it_has_ended() {
    let (web, log, _guard) = logged(json!({})).await;
    let mut stream = TcpStream::connect(web.address).await.unwrap();
    stream
        .write_all(b"GET /stream HTTP/1.1\r\nhost: a\r\n\r\n")
        .await
        .unwrap();
    read_until(&mut stream, "first\r\n").await;
    assert!(log.0.lock().unwrap().is_empty(), "it has not ended");
    drop(stream);
    let line = log.line().await;
    assert_eq!(
        (&line["end"], &line["bytes"], &line["status"]),
        (&json!("gone"), &json!(5), &json!(200))
    );
    web.raw(b"GET /broken HTTP/1.1\r\nhost: a\r\n\r\n").await;
    assert_eq!(log.line().await["end"], "broken");
    let mut stream = TcpStream::connect(web.address).await.unwrap();
    stream
        .write_all(b"GET /wait HTTP/1.1\r\nhost: a\r\n\r\n")
        .await
        .unwrap();
    web.actors.begun.notified().await;
    drop(stream);
    let line = log.line().await;
    assert_eq!(
        (&line["end"], &line["status"], &line["way"]),
        (&json!("gone"), &Value::Null, &json!("peer"))
    );
}

#[tokio::test]
async fn nothing_is_logged_unless_it_is_asked_for() {
    let (log, _guard) = Log::keep();
    let web = web(json!({})).await;
    web.get("/").await;
    assert!(log.0.lock().unwrap().is_empty());
}
