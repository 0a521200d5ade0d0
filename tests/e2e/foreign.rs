//! Components that nobody here wrote: HTTP servers made with the frameworks that people use, behind
//! real HTTP. JavaScript and Python, which need toolchains of their own, are in `tests/foreign`.
//!
//! - [`wstd`]: an asynchronous server of the crate `wstd`;
//! - [`shop`]: the same with a store and requests of its own;
//! - [`proxy`]: every ending of a response of the crate `wasip2`, as its client sees it.

mod proxy;
mod shop;
mod wstd;

use std::net::SocketAddr;

use lattice_tests::Lattice;

use crate::program;
use crate::way::Way;

/// A guest behind an HTTP provider.
async fn behind_http(way: Way, guest: &str, actor: &str, config: &str) -> (Lattice, SocketAddr) {
    let mut lattice = Lattice::start(program()).await;
    lattice.host_with("a", &[("side", "a")]).await;
    let side = match way {
        Way::Here => "a",
        Way::Away => {
            lattice.host_with("b", &[("side", "b")]).await;
            "b"
        }
    };
    let inline = way == Way::Here;
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
