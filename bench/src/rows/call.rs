//! A NATS client calls an echo actor; the limit is the same client and a plain responder.
//!
//! One connection for each side, with 1 or 32 calls on it at a time. Then 1 MiB, which fits no message
//! and goes as frames, beside a plain request that a message just holds.

use anyhow::ensure;
use bytes::Bytes;
use lattice_client::stream::Streams;
use lattice_client::{Call, Client};
use lattice_protocol::call::Context;
use lattice_protocol::subject;

use super::{Bench, one_argument};
use crate::figure::Target;
use crate::load::Work;
use crate::report::Report;
use crate::role::{self, Player};
use crate::world::World;

const LIMIT: &str = "the same client, a plain async-nats responder";
const SIZES: [(usize, &str); 3] = [(16, "16 B"), (1024, "1 KiB"), (64 * 1024, "64 KiB")];
const AT_A_TIME: [usize; 2] = [1, 32];
const MIB: usize = 1 << 20;
/// What a message holds beside the bytes: with that, 1 MiB is just over it.
const MESSAGE_ROOM: usize = 1024;
const THROUGHPUT: Target = Target::RatioAtLeast(0.7);
const LATENCY: Target = Target::RatioAtMost(1.4);

pub(super) async fn run(bench: &Bench) -> anyhow::Result<Report> {
    let world = World::start(bench).await?;
    let host = world.host(bench).await?;
    let plain = Player::echo(&world.url()).await?;
    let digest = world.push(&bench.guests.read("types")?).await?;
    let manifest =
        format!("name = \"bench\"\n[actor.echo]\ncomponent = \"{digest}\"\ninstances = 64\n");
    world.apply(manifest).await?;

    let endpoint = "lattice:test/types.echo-bytes".parse()?;
    let actor = subject::call(world.client().lattice(), &"echo".parse()?, &endpoint).into_string();
    let watch = world
        .watch()?
        .and("host", host.pid()?)
        .and("responder", plain.pid()?);
    let mut report = Report::default();
    for (bytes, size) in SIZES {
        for callers in AT_A_TIME {
            let payload = one_argument(bytes)?;
            let mut ours = Request::many(&world, &actor, &payload, callers).await?;
            let mut limit = Request::many(&world, role::SUBJECT, &payload, callers).await?;
            let compared = bench.plan.compare(&mut ours, &mut limit, &watch).await?;
            let what = format!("call an actor, {size}, {callers} at a time");
            report.add([
                compared.throughput(&what, LIMIT, THROUGHPUT),
                compared.p50(&what, LIMIT, LATENCY),
                compared.p99(&what, LIMIT, Target::None),
            ]);
            report.note(compared.spent(&what));
        }
    }
    let mut ours = vec![Large::new(&world)?];
    let most = one_argument(MIB - MESSAGE_ROOM)?;
    let mut limit = Request::many(&world, role::SUBJECT, &most, 1).await?;
    let compared = bench.plan.compare(&mut ours, &mut limit, &watch).await?;
    let what = "call an actor, 1 MiB as frames, 1 at a time";
    let limit_is = "a plain request of 1 KiB less, in one message";
    report.add([
        compared.throughput(what, limit_is, Target::None),
        compared.p50(what, limit_is, Target::None),
        compared.p99(what, limit_is, Target::None),
    ]);
    report.note(compared.spent(what));
    drop(plain);
    host.stop().await;
    Ok(report)
}

/// Calls with a payload that fits no message.
struct Large {
    client: Client,
    call: Call,
}

impl Large {
    fn new(world: &World) -> anyhow::Result<Self> {
        Ok(Self {
            client: world.client().clone(),
            call: Call {
                target: "echo".parse()?,
                endpoint: "lattice:test/types.echo-bytes".parse()?,
                context: Context::default(),
                payload: one_argument(MIB)?,
                streams: Streams::default(),
            },
        })
    }
}

impl Work for Large {
    async fn once(&mut self) -> anyhow::Result<()> {
        let mut call = self.call.clone();
        call.context = Context::default();
        let reply = self.client.call(call).await?;
        let bytes = reply.payload.len();
        ensure!(bytes >= MIB, "{bytes} bytes came back");
        Ok(())
    }
}

/// Sends one payload to one subject again and again.
struct Request {
    client: async_nats::Client,
    subject: async_nats::Subject,
    payload: Bytes,
}

impl Request {
    /// So many on one connection.
    async fn many(
        world: &World,
        subject: &str,
        payload: &Bytes,
        callers: usize,
    ) -> anyhow::Result<Vec<Self>> {
        let client = world.plain().await?;
        let one = || Self {
            client: client.clone(),
            subject: subject.into(),
            payload: payload.clone(),
        };
        Ok(std::iter::repeat_with(one).take(callers).collect())
    }
}

impl Work for Request {
    async fn once(&mut self) -> anyhow::Result<()> {
        let reply = self
            .client
            .request(self.subject.clone(), self.payload.clone())
            .await?;
        // The bare result is the argument without the array around it; an error has no payload.
        ensure!(
            reply.payload.len() + 1 >= self.payload.len(),
            "{:?}",
            reply.headers
        );
        Ok(())
    }
}
