//! The standard worlds: what an actor gets of WASI, and what of its host it must be granted.

mod files;
mod limits;
mod programs;
mod settings;
mod sockets;

use host::Allow;
use lattice_tests::{Lattice, eventually};
use serde_json::{Value, json};

use crate::program;

/// A lattice of one host, `a`, whose operator allows its actors this.
async fn allowing(allow: Allow) -> Lattice {
    let mut lattice = Lattice::start(program()).await;
    lattice.host_allowing("a", allow).await;
    lattice
}

/// Calls a function of the guest that tries things.
async fn tries(lattice: &Lattice, function: &str, arguments: Value) -> Value {
    lattice
        .call(&format!("worlds.{function}"), arguments)
        .await
        .json()
}

/// Waits until an actor has failed to start on a host, and answers why.
async fn failed(lattice: &Lattice, host: &str) -> String {
    eventually("the actor is refused", async || {
        let list = lattice.control("actor.list", json!({})).await;
        let placement = &list["value"][0]["hosts"][host];
        match (placement["phase"].as_str(), placement["reason"].as_str()) {
            (Some("failed"), Some(reason)) => Ok(reason.to_owned()),
            _ => Err(list),
        }
    })
    .await
}
