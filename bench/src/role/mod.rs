//! What a lattice is compared with, where that needs a process of its own: this program, started
//! anew with another role. A role prints where it is when it is ready, and ends when its standard
//! input does.
//!
//! - `echo`: a plain async-nats responder;
//! - `web`: a bare hyper server that asks that responder for each request;
//! - `native`: a bare hyper server that sends bodies back;
//! - `serve`: a hyper server on the library `wasmtime-wasi-http`, as `wasmtime serve` is built: a new
//!   instance for each request, or one for many.

mod echo;
mod native;
mod serve;
mod web;

use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, bail};
use bytes::Bytes;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use lattice_cli::process::Process;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};
use tokio::net::TcpListener;
use tokio::process::Command;

use crate::cli::Cli;

pub(crate) use echo::SUBJECT;

/// How long a role may take to be ready: it compiles a component at the most.
const READY_WITHIN: Duration = Duration::from_secs(30);

/// What this process is.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
pub(crate) enum Role {
    Echo,
    Web,
    Native,
    Serve,
}

/// What the server of a component keeps of an instance when its request is answered.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Kept {
    /// Nothing, as `wasmtime serve` does by itself with a component of WASI 0.2.
    #[default]
    Nothing,
    /// Its memory, for the next instance.
    Memory,
    /// That, and the instance for further requests, as `--max-instance-reuse-count` has it.
    Instance,
}

impl Kept {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::Memory => "memory",
            Self::Instance => "instance",
        }
    }
}

impl Role {
    /// Runs this process as that.
    pub(crate) async fn run(self, cli: &Cli) -> anyhow::Result<()> {
        let work = async {
            match self {
                Self::Echo => echo::run(&cli.nats).await,
                Self::Web => web::run(&cli.nats).await,
                Self::Native => native::run().await,
                Self::Serve => {
                    let component = cli.component.as_deref().context("no component was named")?;
                    serve::run(component, cli.kept).await
                }
            }
        };
        tokio::select! {
            result = work => result,
            () = parent_gone() => Ok(()),
        }
    }
}

async fn parent_gone() {
    let mut stdin = tokio::io::stdin();
    let mut nothing = [0; 64];
    while stdin.read(&mut nothing).await.is_ok_and(|read| read > 0) {}
}

/// A role that runs. Dropped, it is killed.
#[must_use = "the role is killed when it is dropped"]
pub(crate) struct Player {
    process: Process,
    said: String,
}

impl Player {
    /// A plain responder.
    pub(crate) async fn echo(nats: &str) -> anyhow::Result<Self> {
        Self::start(&["--role", "echo", "--nats", nats]).await
    }

    /// A bare server before that responder.
    pub(crate) async fn web(nats: &str) -> anyhow::Result<Self> {
        Self::start(&["--role", "web", "--nats", nats]).await
    }

    /// A bare server that sends bodies back.
    pub(crate) async fn native() -> anyhow::Result<Self> {
        Self::start(&["--role", "native"]).await
    }

    /// A server of the component itself.
    pub(crate) async fn serve(component: &Path, kept: Kept) -> anyhow::Result<Self> {
        let component = component.to_str().context("a path that is no text")?;
        let words = ["--role", "serve", "--component", component];
        Self::start(&[&words[..], &["--kept", kept.as_str()]].concat()).await
    }

    async fn start(words: &[&str]) -> anyhow::Result<Self> {
        let program = std::env::current_exe().context("failed to find this program")?;
        let mut command = Command::new(program);
        command
            .args(words)
            .env_remove("RUST_BACKTRACE")
            .env_remove("RUST_LOG")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let mut process = Process::spawn(command)?;
        let (stdout, _) = process.output();
        let mut lines = BufReader::new(stdout.context("no standard output")?).lines();
        let line = tokio::time::timeout(READY_WITHIN, lines.next_line());
        match line
            .await
            .with_context(|| format!("{words:?} was not ready in time"))??
        {
            Some(said) => Ok(Self { process, said }),
            None => bail!("{words:?} ended at its start"),
        }
    }

    /// Where it listens, if it is a server.
    pub(crate) fn address(&self) -> anyhow::Result<SocketAddr> {
        self.said
            .parse()
            .with_context(|| format!("{:?} is no address", self.said))
    }

    /// The number of its process.
    pub(crate) fn pid(&self) -> anyhow::Result<u32> {
        self.process.id().context("the process has ended")
    }
}

/// An HTTP server on a free port that answers every request by `answer`.
async fn listen<A>(answer: A) -> anyhow::Result<()>
where
    A: Answer,
{
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    lattice_cli::ui::out(listener.local_addr()?)?;
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let answer = answer.clone();
        tokio::spawn(async move {
            let service = service_fn(move |request| {
                let answer = answer.clone();
                async move { answer.answer(request).await }
            });
            // A client that closes its connection ends it.
            let _ = http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

type Request = http::Request<hyper::body::Incoming>;
type Response = http::Response<UnsyncBoxBody<Bytes, hyper::Error>>;

/// A body that is there already.
fn whole(bytes: Bytes) -> UnsyncBoxBody<Bytes, hyper::Error> {
    Full::new(bytes)
        .map_err(|never| match never {})
        .boxed_unsync()
}

/// How a bare server answers.
trait Answer: Clone + Send + 'static {
    fn answer(&self, request: Request) -> impl Future<Output = anyhow::Result<Response>> + Send;
}
