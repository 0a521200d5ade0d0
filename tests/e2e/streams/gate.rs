//! A way to the server that can be shut, and knows what the server says of those who are not there.

use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use super::faulty::next;
use super::*;

pub(super) struct Gate {
    address: String,
    open: watch::Sender<bool>,
    missed: Arc<AtomicUsize>,
}

impl Gate {
    /// An open one.
    pub(super) async fn start(server: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("nats://{}", listener.local_addr().unwrap());
        let gate = Self {
            address,
            open: watch::Sender::new(true),
            missed: Arc::default(),
        };
        let (open, missed) = (gate.open.subscribe(), gate.missed.clone());
        tokio::spawn(async move {
            loop {
                let (client, _) = listener.accept().await.unwrap();
                tokio::spawn(pass(client, server.clone(), open.clone(), missed.clone()));
            }
        });
        gate
    }

    pub(super) fn url(&self) -> String {
        self.address.clone()
    }

    /// Cuts who is connected off; who comes waits outside.
    pub(super) fn shut(&self) {
        self.open.send_replace(false);
    }

    pub(super) fn open(&self) {
        self.open.send_replace(true);
    }

    /// How often the server said that nobody is there.
    pub(super) fn missed(&self) -> usize {
        self.missed.load(Ordering::Relaxed)
    }
}

async fn pass(
    client: TcpStream,
    server: String,
    mut open: watch::Receiver<bool>,
    missed: Arc<AtomicUsize>,
) {
    open.wait_for(|open| *open).await.unwrap();
    // While the server is away, the client hears so and comes again.
    let address = server.trim_start_matches("nats://").to_owned();
    let Ok(server) = TcpStream::connect(address).await else {
        return;
    };
    let (mut from_client, mut to_client) = client.into_split();
    let (from_server, mut to_server) = server.into_split();
    let up = async { drop(tokio::io::copy(&mut from_client, &mut to_server).await) };
    let down = async {
        let mut from_server = BufReader::new(from_server);
        while let Some(words) = next(&mut from_server).await {
            if words.windows(12).any(|part| part == b"NATS/1.0 503") {
                missed.fetch_add(1, Ordering::Relaxed);
            }
            if to_client.write_all(&words).await.is_err() {
                return;
            }
        }
    };
    tokio::select! {
        () = up => {}
        () = down => {}
        shut = open.wait_for(|open| !*open) => drop(shut),
    }
}
