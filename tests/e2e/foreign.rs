//! Components that nobody here wrote: HTTP servers made with the frameworks that people use, behind
//! real HTTP. JavaScript and Python, which need toolchains of their own, are in `tests/foreign`.
//!
//! - [`wstd`]: an asynchronous server of the crate `wstd`;
//! - [`proxy`]: every ending of a response of the crate `wasip2`, as its client sees it.

mod proxy;
mod wstd;

use std::net::SocketAddr;

use lattice_tests::Lattice;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::program;

/// Where the actor is, as its HTTP provider sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// In the same process: requests go straight in.
    Inside,
    /// On the same host, which started the provider as a process of its own.
    Here,
    /// On another host.
    Away,
}

impl Way {
    fn inline(self) -> bool {
        self == Self::Inside
    }

    /// The host of the actor; that of the provider is `a`.
    fn side(self) -> &'static str {
        match self {
            Self::Inside | Self::Here => "a",
            Self::Away => "b",
        }
    }
}

/// One test for each way, from a promise that holds for all of them.
macro_rules! every_way {
    ($($promise:ident,)*) => {
        mod inside {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $promise() {
                    super::$promise(crate::foreign::Way::Inside).await;
                }
            )*
        }

        mod here {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $promise() {
                    super::$promise(crate::foreign::Way::Here).await;
                }
            )*
        }

        mod away {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $promise() {
                    super::$promise(crate::foreign::Way::Away).await;
                }
            )*
        }
    };
}

use every_way;

/// A guest behind an HTTP provider.
async fn behind_http(way: Way, guest: &str, actor: &str, config: &str) -> (Lattice, SocketAddr) {
    let mut lattice = Lattice::start(program()).await;
    for side in std::collections::BTreeSet::from(["a", way.side()]) {
        lattice.host_with(side, &[("side", side)]).await;
    }
    let (inline, side) = (way.inline(), way.side());
    let manifest = format!(
        r#"
        name = "foreign"
        [actor.guest]
        component = "{guest}"
        require = {{ side = "{side}" }}
        {actor}
        [provider.web]
        kind = "http"
        inline = {inline}
        require = {{ side = "a" }}
        config = {{ listen = "127.0.0.1:0", {config} }}
        [[provider.web.route]]
        path = "/"
        actor = "guest"
        "#
    );
    lattice.apply(&manifest).await;
    let address = lattice.address("web").await;
    (lattice, address)
}

/// The head of a request whose body comes in chunks, and which is its connection's last.
fn post(path: &str) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\nte: trailers\r\n\
         connection: close\r\n\r\n"
    )
}

/// The end of a body in chunks that has no trailers.
const END: &str = "0\r\n\r\n";

fn chunk(text: &str) -> String {
    format!("{:x}\r\n{text}\r\n", text.len())
}

async fn connect(address: SocketAddr) -> TcpStream {
    TcpStream::connect(address).await.unwrap()
}

async fn send(stream: &mut TcpStream, text: &str) {
    stream.write_all(text.as_bytes()).await.unwrap();
}

/// Reads to this text, which must come.
async fn read_until(stream: &mut TcpStream, end: &str) -> String {
    let mut text = String::new();
    while !text.ends_with(end) {
        let byte = stream.read_u8().await;
        text.push(char::from(
            byte.unwrap_or_else(|error| panic!("{error} after {text}")),
        ));
    }
    text
}

/// What comes until the server closes, or cuts the connection.
async fn rest(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    // A connection that is reset is one that was cut: what came before it is here.
    let _ = stream.read_to_end(&mut bytes).await;
    String::from_utf8(bytes).unwrap()
}
