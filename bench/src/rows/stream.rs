//! A large body there and back: one GiB posted to an HTTP provider, through NATS into an actor that
//! sends each piece back as it comes. Two limits: a bare hyper server that does the same, and a plain
//! NATS pipe, on which a client sends and another sends back. Beside the speed, what each process held
//! at the most above what it holds at rest.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use http::header::HOST;
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::Frame;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio_util::task::AbortOnDropHandle;

use super::Bench;
use crate::figure::{Figure, Ratio, Target, Unit};
use crate::report::Report;
use crate::role::Player;
use crate::usage::resident_kib;
use crate::world::World;

const BYTES: usize = 1 << 30;
/// A piece as the client writes it, and a message of the pipe.
const PIECE_BYTES: usize = 128 * 1024;
/// Messages of the pipe that may be under way: as much as a window of frames.
const UNDER_WAY: usize = 4;
const ROUNDS: usize = 3;
/// How often memory is looked at.
const LOOK_INTERVAL: Duration = Duration::from_millis(20);
/// What a process may hold of a body, whatever its size.
const ABOVE_REST: Target = Target::AtMost(64.0);
const MIB: f64 = 1024.0 * 1024.0;
/// What the pipe's other end serves.
const PIPE: &str = "bench.pipe";

pub(super) async fn run(bench: &Bench) -> anyhow::Result<Report> {
    let world = World::start(bench).await?;
    let host = world.host(bench).await?;
    let digest = world.push(&bench.guests.read("bad-http")?).await?;
    let manifest = format!(
        "name = \"bench\"\n[actor.echo]\ncomponent = \"{digest}\"\n\
         [provider.web]\nkind = \"http\"\nconfig = {{ listen = \"127.0.0.1:0\" }}\n\
         [[provider.web.route]]\npath = \"/\"\nactor = \"echo\"\n"
    );
    world.apply(manifest).await?;
    let web = world.address("web").await?;
    let bare = Player::native().await?;
    let pids = [
        ("provider", world.provider_pid("web").await?),
        ("host", host.pid()?),
        ("nats-server", world.nats_pid()?),
    ];

    // The first one pays for what is made once.
    post(web, PIECE_BYTES).await?;
    let mut ours = Vec::new();
    let mut limits = [Vec::new(), Vec::new()];
    let mut held = [0.0f64; 3];
    for _ in 0..ROUNDS {
        let (speed, most) = watched(&pids, post(web, BYTES)).await?;
        ours.push(speed);
        for (held, most) in held.iter_mut().zip(most) {
            *held = held.max(most);
        }
        limits[0].push(post(bare.address()?, BYTES).await?);
        limits[1].push(pipe(&world.url(), BYTES).await?);
    }
    let mut report = Report::default();
    let names = ["a bare hyper server", "a plain NATS pipe"];
    for (name, limit) in names.into_iter().zip(&limits) {
        report.add([compared(&ours, limit, name)]);
    }
    for ((name, _), held) in pids.iter().zip(held) {
        let what = format!("1 GiB there and back, most that the {name} held above rest");
        // The server is not ours: it is shown, and promised nothing.
        let target = match *name {
            "nats-server" => Target::None,
            _ => ABOVE_REST,
        };
        report.add([Figure::plain(what, Unit::Mebibytes, held, target)]);
    }
    drop(bare);
    host.stop().await;
    Ok(report)
}

fn compared(ours: &[f64], limit: &[f64], limit_is: &str) -> Figure {
    let mut ratios: Vec<_> = ours.iter().zip(limit).map(|(o, l)| o / l).collect();
    ratios.sort_by(f64::total_cmp);
    Figure {
        what: "1 GiB posted and echoed".to_owned(),
        unit: Unit::MebibytesPerSecond,
        ours: median(ours),
        limit: Some(median(limit)),
        limit_is: limit_is.to_owned(),
        ratio: Some(Ratio {
            median: median(&ratios),
            least: ratios.first().copied().unwrap_or_default(),
            most: ratios.last().copied().unwrap_or_default(),
        }),
        target: Target::None,
    }
}

fn median(of: &[f64]) -> f64 {
    let mut sorted = of.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or_default()
}

/// Posts a body and reads it back; so many MiB a second.
async fn post(address: SocketAddr, bytes: usize) -> anyhow::Result<f64> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let _connection = AbortOnDropHandle::new(tokio::spawn(connection));
    let piece = Bytes::from(vec![b'x'; PIECE_BYTES]);
    let pieces = stream::repeat(piece).take(bytes / PIECE_BYTES);
    let body =
        StreamBody::new(pieces.map(|piece| Ok::<_, std::convert::Infallible>(Frame::data(piece))));
    let request = http::Request::post("/echo")
        .header(HOST, address.to_string())
        .body(body)?;
    let begun = Instant::now();
    let mut response = sender.send_request(request).await?;
    ensure!(response.status() == 200, "answered {}", response.status());
    let mut came = 0;
    while let Some(frame) = response.frame().await {
        came += frame?.data_ref().map_or(0, Bytes::len);
    }
    ensure!(came == bytes, "{came} of {bytes} bytes came back");
    Ok(bytes as f64 / MIB / begun.elapsed().as_secs_f64())
}

/// Sends messages that another client sends back; so many MiB a second.
async fn pipe(nats: &str, bytes: usize) -> anyhow::Result<f64> {
    let (near, far) = (
        async_nats::connect(nats).await?,
        async_nats::connect(nats).await?,
    );
    let mut there = far.subscribe(PIPE).await?;
    let inbox = near.new_inbox();
    let mut back = near.subscribe(inbox.clone()).await?;
    far.flush().await?;
    near.flush().await?;
    let echo = async move {
        while let Some(message) = there.next().await {
            let to = message.reply.context("a message without a way back")?;
            far.publish(to, message.payload).await?;
        }
        anyhow::Ok(())
    };
    let _echo = AbortOnDropHandle::new(tokio::spawn(echo));
    let room = Arc::new(Semaphore::new(UNDER_WAY));
    let piece = Bytes::from(vec![b'x'; PIECE_BYTES]);
    let begun = Instant::now();
    let send = {
        let (near, room) = (near.clone(), room.clone());
        async move {
            for _ in 0..bytes / PIECE_BYTES {
                room.acquire().await?.forget();
                near.publish_with_reply(PIPE, inbox.clone(), piece.clone())
                    .await?;
            }
            anyhow::Ok(())
        }
    };
    let receive = async {
        let mut came = 0;
        while came < bytes {
            came += back.next().await.context("the pipe ended")?.payload.len();
            room.add_permits(1);
        }
        anyhow::Ok(())
    };
    tokio::try_join!(send, receive)?;
    Ok(bytes as f64 / MIB / begun.elapsed().as_secs_f64())
}

/// What work comes to, and the most MiB that each process held above what it held before.
async fn watched<T>(
    pids: &[(&str, u32); 3],
    work: impl Future<Output = anyhow::Result<T>>,
) -> anyhow::Result<(T, [f64; 3])> {
    let held = || -> anyhow::Result<[f64; 3]> {
        let mut now = [0.0; 3];
        for (now, (_, pid)) in now.iter_mut().zip(pids) {
            *now = resident_kib(*pid)?.0 / 1024.0;
        }
        Ok(now)
    };
    let rest = held()?;
    let mut most = [0.0f64; 3];
    let mut work = std::pin::pin!(work);
    loop {
        let done = tokio::time::timeout(LOOK_INTERVAL, &mut work).await;
        for ((most, now), rest) in most.iter_mut().zip(held()?).zip(rest) {
            *most = most.max(now - rest);
        }
        if let Ok(done) = done {
            return Ok((done?, most));
        }
    }
}
