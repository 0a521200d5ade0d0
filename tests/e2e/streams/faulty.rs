//! A transport that drops, repeats and reorders frames.
//!
//! One of two clients is connected through a proxy that speaks enough of NATS to tell messages apart,
//! and mistreats those that are frames, both ways.

use std::sync::atomic::{AtomicU64, Ordering};

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

use super::*;

/// How many calls are made.
const CALLS: usize = 150;

/// Numbers that are the same in each run, as far as the order of messages is.
struct Dice(AtomicU64);

/// What is done with a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    None,
    Drop,
    Twice,
    /// After the one that follows.
    Late,
}

impl Dice {
    fn throw(&self) -> Fault {
        let n = self.0.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
        let n = (n ^ (n >> 31)).wrapping_mul(0x94d0_49bb_1331_11eb) >> 40;
        match n % 200 {
            0 => Fault::Drop,
            1 => Fault::Late,
            2..8 => Fault::Twice,
            _ => Fault::None,
        }
    }
}

/// A way to the server that mistreats frames; answers its address.
async fn faulty(server: String) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let dice = Arc::new(Dice(AtomicU64::new(1)));
    tokio::spawn(async move {
        loop {
            let (client, _) = listener.accept().await.unwrap();
            let server = TcpStream::connect(server.trim_start_matches("nats://"))
                .await
                .unwrap();
            let (from_client, to_client) = client.into_split();
            let (from_server, to_server) = server.into_split();
            tokio::spawn(pass(from_client, to_server, dice.clone()));
            tokio::spawn(pass(from_server, to_client, dice.clone()));
        }
    });
    format!("nats://{address}")
}

async fn pass(
    from: impl tokio::io::AsyncRead + Unpin,
    mut to: impl tokio::io::AsyncWrite + Unpin,
    dice: Arc<Dice>,
) {
    let mut from = BufReader::new(from);
    let mut late = None;
    while let Some(words) = next(&mut from).await {
        let is_frame = words.windows(14).any(|part| part == b"Lattice-Frame:");
        let fault = match is_frame {
            true => dice.throw(),
            false => Fault::None,
        };
        let times = match fault {
            Fault::None => 1,
            Fault::Twice => 2,
            Fault::Drop | Fault::Late => 0,
        };
        for _ in 0..times {
            if to.write_all(&words).await.is_err() {
                return;
            }
        }
        let held = match fault {
            Fault::Late => late.replace(words),
            _ => late.take(),
        };
        if let Some(held) = held
            && to.write_all(&held).await.is_err()
        {
            return;
        }
    }
}

/// A line of the protocol, with the payload that it announces.
pub(super) async fn next(
    from: &mut BufReader<impl tokio::io::AsyncRead + Unpin>,
) -> Option<Vec<u8>> {
    let mut words = Vec::new();
    from.read_until(b'\n', &mut words).await.ok()?;
    let line = std::str::from_utf8(&words).ok()?.to_owned();
    if line.is_empty() {
        return None;
    }
    let verb = line.split_whitespace().next().unwrap_or_default();
    if ["PUB", "HPUB", "MSG", "HMSG"].contains(&verb) {
        let bytes: usize = line.split_whitespace().next_back()?.parse().ok()?;
        let mut payload = vec![0; bytes + 2];
        from.read_exact(&mut payload).await.ok()?;
        words.extend_from_slice(&payload);
    }
    Some(words)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn frames_that_are_lost_repeated_or_late_never_make_bytes_that_were_not_sent() {
    let nats = Nats::start().await;
    let caller = connect(&faulty(nats.url()).await).await;
    let callee = connect(&nats.url()).await;
    let pair = Pair {
        nats,
        caller,
        callee,
    };
    // Whatever was read whole is what was sent, to whoever works on the call as well.
    let (read, mut reads) = mpsc::unbounded_channel();
    pair.serve(move |payload, streams| {
        let read = read.clone();
        async move {
            let (bytes, tail) = drain(streams.take(1).unwrap()).await?;
            let is_whole = bytes == pattern(bytes.len()) && tail == "the tail";
            let is_all = bytes.len().to_string().into_bytes() == payload;
            read.send(is_whole && is_all).unwrap();
            let streams = vec![feed(bytes.into())];
            Ok(Reply { payload, streams })
        }
    })
    .await;
    let (mut whole, mut broken) = (0, 0);
    for number in 0..CALLS {
        let bytes = number * 3001;
        let mut call = pair.call(bytes.to_string(), vec![feed(pattern(bytes))]);
        call.context.remaining = Duration::from_millis(400);
        let Ok(mut reply) = pair.caller.call(call).await else {
            broken += 1;
            continue;
        };
        assert_eq!(reply.payload, bytes.to_string());
        match drain(reply.streams.remove(0)).await {
            Ok((came, tail)) => {
                assert!(
                    came == pattern(bytes) && tail == "the tail",
                    "{bytes} bytes"
                );
                whole += 1;
            }
            Err(_) => broken += 1,
        }
    }
    eprintln!("{whole} calls came whole, {broken} were cut off");
    assert!(whole > 0 && broken > 0, "{whole} whole, {broken} broken");
    let read: Vec<_> = std::iter::from_fn(|| reads.try_recv().ok()).collect();
    assert!(read.len() >= whole, "{} were read", read.len());
    assert!(!read.contains(&false), "{read:?}");
}
