//! Sockets and names.

use std::net::SocketAddr;

use host::Allow;
use lattice_tests::Lattice;
use serde_json::json;
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpListener, UdpSocket};

use super::{allowing, failed, tries};
use crate::one_host;

fn loopback() -> Allow {
    let rules = ["127.0.0.0/8:*", "tcp-listen:127.0.0.1:*"];
    Allow {
        sockets: rules.iter().map(|rule| rule.parse().unwrap()).collect(),
        names: vec!["localhost".parse().unwrap()],
        ..Allow::default()
    }
}

/// The guest, to whom these are granted, on a host that allows all of this machine.
async fn granted(grant: &str) -> Lattice {
    let lattice = allowing(loopback()).await;
    let grant = format!("[actor.worlds.grant]\n{grant}");
    lattice.run_with("worlds", &grant).await;
    lattice
}

/// Says a word to all who connect.
async fn greeter() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.write_all(b"welcome").await;
        }
    });
    address
}

/// Sends back what it gets.
async fn echo() -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    tokio::spawn(async move {
        let mut datagram = [0; 64];
        while let Ok((bytes, from)) = socket.recv_from(&mut datagram).await {
            let _ = socket.send_to(&datagram[..bytes], from).await;
        }
    });
    address
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_guest_connects_where_it_was_granted_to_and_nowhere_else() {
    let (open, closed) = (greeter().await, greeter().await);
    let lattice = granted(&format!("sockets = [\"tcp:{open}\"]")).await;
    let logs = lattice.logs().await;
    let read = tries(&lattice, "connect", json!([open.to_string()])).await;
    assert_eq!(read, json!({"ok": "welcome"}));
    let refused = tries(&lattice, "connect", json!([closed.to_string()])).await;
    assert!(refused["err"].is_string(), "{refused}");
    let line = format!("write sockets = [\"tcp:{closed}\"] under [actor.worlds.grant]");
    logs.with("worlds", &line).await;
    // Connecting is not listening, and TCP is not UDP.
    let listened = tries(&lattice, "listen", json!(["127.0.0.1:0"])).await;
    assert!(listened["err"].is_string(), "{listened}");
    let sent = tries(&lattice, "send", json!([open.to_string(), "x"])).await;
    assert!(sent["err"].is_string(), "{sent}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_guest_sends_datagrams_where_it_was_granted_to_and_nowhere_else() {
    let (open, closed) = (echo().await, echo().await);
    let lattice = granted(&format!("sockets = [\"udp:{open}\"]")).await;
    let answer = tries(&lattice, "send", json!([open.to_string(), "ping"])).await;
    assert_eq!(answer, json!({"ok": "ping"}));
    let refused = tries(&lattice, "send", json!([closed.to_string(), "ping"])).await;
    assert!(refused["err"].is_string(), "{refused}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_guest_listens_where_it_was_granted_to() {
    let lattice = granted("sockets = [\"tcp-listen:127.0.0.1:*\"]").await;
    let listened = tries(&lattice, "listen", json!(["127.0.0.1:0"])).await;
    assert!(listened["ok"].is_string(), "{listened}");
    let elsewhere = tries(&lattice, "listen", json!(["0.0.0.0:0"])).await;
    assert!(elsewhere["err"].is_string(), "{elsewhere}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_guest_looks_up_the_names_that_it_was_granted() {
    let lattice = granted("names = [\"localhost\"]").await;
    let logs = lattice.logs().await;
    let found = tries(&lattice, "lookup", json!(["localhost"])).await;
    let addresses = found["ok"].as_array().unwrap();
    assert!(!addresses.is_empty(), "{found}");
    let refused = tries(&lattice, "lookup", json!(["example.com"])).await;
    assert!(refused["err"].is_string(), "{refused}");
    logs.with("worlds", "write names = [\"example.com\"]").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_guest_without_a_grant_reaches_nobody_and_its_log_says_what_to_write() {
    let address = greeter().await;
    let lattice = one_host().await;
    lattice.run("worlds").await;
    let logs = lattice.logs().await;
    let refused = tries(&lattice, "connect", json!([address.to_string()])).await;
    assert!(refused["err"].is_string(), "{refused}");
    logs.with("worlds", "write sockets = [\"tcp:ADDRESS:PORT\"]")
        .await;
    let refused = tries(&lattice, "send", json!([address.to_string(), "x"])).await;
    assert!(refused["err"].is_string(), "{refused}");
    logs.with("worlds", "write sockets = [\"udp:ADDRESS:PORT\"]")
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_network_wider_than_the_host_allows_is_refused_with_the_flag() {
    let lattice = allowing(loopback()).await;
    for (grant, flag) in [
        ("sockets = [\"tcp:*:443\"]", "--allow-sockets tcp:*:443"),
        ("names = [\"*\"]", "--allow-names *"),
    ] {
        let manifest = format!(
            "name = \"app\"\n[actor.worlds]\ncomponent = \"worlds\"\n[actor.worlds.grant]\n{grant}"
        );
        lattice.try_apply(&manifest).await.unwrap();
        lattice_tests::eventually("it names the flag", async || {
            let reason = failed(&lattice, "a").await;
            if reason.ends_with(flag) {
                Ok(())
            } else {
                Err(reason)
            }
        })
        .await;
    }
}
