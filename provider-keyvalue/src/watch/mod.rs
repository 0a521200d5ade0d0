//! Telling actors what changes in a bucket: `wasi:keyvalue/watcher`.
//!
//! A link with `watch` asks for it. The actor is told the last state of each key that is written
//! after the watch has begun: what a key was in between may be left out, the last never is. One
//! change at a time is told for each watch, so of one key never an older state after a newer. Each is
//! told until the actor has taken it: it may hear of one twice.
//!
//! Which writes are seen is up to the store: JetStream tells of everybody's, and keeps what waits
//! (`nats/changes`); with the others a process tells of its own writes, and forgets what waits when it
//! ends (`own`). That a value has had its time is told by none.
//!
//! - here: what is watched, and where changes come from;
//! - `own`: the writes of this process;
//! - `teller`: one watch: the next change, told until it is taken;
//! - `watches`: those that run, as the links say.

mod own;
mod teller;
mod watches;

use async_trait::async_trait;
use bytes::Bytes;
use lattice_protocol::id::{ActorName, LinkName};
use lattice_protocol::interface::Interface;
use lattice_protocol::standard::keyvalue::STORE;
use provider_sdk::Link;
use tracing::warn;

pub(crate) use self::own::OwnWrites;
pub(crate) use self::watches::Watches;
use crate::bucket::{Access, Bucket};
use crate::store::{Error, Store};

/// What an actor wants to hear of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Watch {
    pub(crate) actor: ActorName,
    /// The link that asks: by it the actor's handle finds the bucket again.
    pub(crate) link: LinkName,
    pub(crate) bucket: Bucket,
    /// What its keys begin with.
    pub(crate) prefix: String,
}

/// What became of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Change {
    pub(crate) key: String,
    /// What stands there now; nothing if it was removed.
    pub(crate) value: Option<Bytes>,
}

/// A store that says what changes in it.
pub(crate) trait Observable: Store {
    /// The changes that one watch is told of, from now on or from where another process was.
    fn changes(&self, watch: &Watch) -> Box<dyn Changes>;
}

/// Changes, one at a time.
#[async_trait]
pub(crate) trait Changes: Send {
    /// The next one. Every one ends with `done` or `leave`.
    async fn next(&mut self) -> Result<Change, Error>;
    /// It is still being told.
    async fn hold(&mut self) {}
    /// It was told, or never will be.
    async fn done(&mut self) {}
    /// It was not told, and not by this process any more.
    async fn leave(&mut self) {}
    /// Nobody wants to hear of it any more, here or elsewhere.
    async fn forget(&mut self) {}
}

impl Watch {
    /// What the links of a provider ask for. Of links of one name the one for the interface itself
    /// counts, as it does for calls.
    pub(crate) fn all(links: &[Link]) -> Vec<Self> {
        let Ok(store) = STORE.parse::<Interface>() else {
            return Vec::new();
        };
        let mut watches = Vec::new();
        for link in links {
            let asked = Self::asked(link);
            if !link.interface.covers(&store) {
                if asked.is_some() {
                    let (source, name) = (&link.source, &link.interface);
                    warn!(%source, link = %name, "watch means nothing here: it belongs into the link of wasi:keyvalue");
                }
                continue;
            }
            let overruled = |other: &&Link| {
                let same = (&other.source, &other.name) == (&link.source, &link.name);
                same && other.interface.covers(&store) && other.interface.is_exact()
            };
            if link.interface.is_exact() || !links.iter().any(|other| overruled(&other)) {
                watches.extend(asked);
            }
        }
        watches
    }

    fn asked(link: &Link) -> Option<Self> {
        // What is wrong in it is said where it is read first.
        let prefix = Access::read(&link.config).ok()?.watch?;
        Some(Self {
            actor: link.source.clone(),
            link: link.name.clone(),
            bucket: Bucket::of(Some(link), link.name.as_str()).ok()?,
            prefix,
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn link(interface: &str, name: &str, config: Value) -> Link {
        Link {
            source: "counter".parse().unwrap(),
            interface: interface.parse().unwrap(),
            name: name.parse().unwrap(),
            config: serde_json::from_value(config).unwrap(),
        }
    }

    fn watched(links: &[Link]) -> Vec<(String, String, String)> {
        let parts = |watch: Watch| {
            let bucket = watch.bucket.name.to_string();
            (watch.link.to_string(), bucket, watch.prefix)
        };
        Watch::all(links).into_iter().map(parts).collect()
    }

    fn is(link: &str, bucket: &str, prefix: &str) -> (String, String, String) {
        (link.to_owned(), bucket.to_owned(), prefix.to_owned())
    }

    #[test]
    fn a_link_that_asks_is_watched_whole_or_from_a_prefix_on() {
        let all = link(
            "wasi:keyvalue",
            "default",
            json!({"bucket": "a", "watch": true}),
        );
        let some = link(
            "wasi:keyvalue",
            "other",
            json!({"bucket": "b", "watch": "user/"}),
        );
        let none = link(
            "wasi:keyvalue",
            "third",
            json!({"bucket": "c", "watch": false}),
        );
        assert_eq!(
            watched(&[all, some, none]),
            [is("default", "a", ""), is("other", "b", "user/")]
        );
    }

    #[test]
    fn what_is_wrong_or_belongs_to_another_interface_is_not_watched() {
        let wrong = json!({"watch": true});
        let elsewhere = json!({"bucket": "a", "watch": true});
        let links = [
            link("wasi:keyvalue", "default", wrong),
            link("wasi:keyvalue/atomics", "counts", elsewhere),
        ];
        assert_eq!(watched(&links), []);
    }

    #[test]
    fn the_link_that_the_handle_goes_through_is_the_one_that_counts() {
        let package = link(
            "wasi:keyvalue",
            "default",
            json!({"bucket": "a", "watch": true}),
        );
        let exact = link(
            "wasi:keyvalue/store",
            "default",
            json!({"bucket": "b", "watch": true}),
        );
        assert_eq!(watched(&[package.clone(), exact]), [is("default", "b", "")]);
        let silent = link("wasi:keyvalue/store", "default", json!({"bucket": "b"}));
        assert_eq!(watched(&[package, silent]), []);
    }
}
