//! Control requests and replies, reports, events and log records: the first byte says which.
#![no_main]

use std::fmt::Debug;

use lattice_config::manifest;
use lattice_fuzz::{choose, survives_json};
use lattice_protocol::control::{
    ActorDetail, ActorScale, ActorStart, ActorSummary, ActorUpdate, AppApply, AppRollback,
    AppSummary, Applied, ArtifactSummary, ByActor, ByApp, ByConfig, ByDigest, ByProvider,
    ConfigPut, LinkDelete, LinkPut, LinkSummary, Nothing, ProviderStart, ProviderSummary, Reply,
};
use lattice_protocol::event::Event;
use lattice_protocol::log::Record;
use lattice_protocol::report::Report;
use libfuzzer_sys::fuzz_target;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

const MESSAGES: &[fn(&[u8])] = &[
    actor_start,
    takes::<ActorScale>,
    takes::<ActorUpdate>,
    takes::<AppApply>,
    takes::<AppRollback>,
    takes::<ByActor>,
    takes::<ByApp>,
    takes::<ByConfig>,
    takes::<ByDigest>,
    takes::<ByProvider>,
    takes::<ConfigPut>,
    takes::<LinkDelete>,
    takes::<LinkPut>,
    takes::<Nothing>,
    takes::<ProviderStart>,
    takes::<Applied>,
    takes::<AppSummary>,
    takes::<ActorSummary>,
    takes::<ActorDetail>,
    takes::<ProviderSummary>,
    takes::<LinkSummary>,
    takes::<ArtifactSummary>,
    takes::<Report>,
    takes::<Event<Report>>,
    takes::<Record>,
    reply,
];

fuzz_target!(|data: &[u8]| {
    if let Some((which, data)) = choose(data) {
        MESSAGES[which % MESSAGES.len()](data);
    }
});

fn takes<T: Serialize + DeserializeOwned + PartialEq + Debug>(data: &[u8]) {
    let _ = survives_json::<T>(data);
}

/// Its links and limits are read as a manifest has them, with a word for what is wrong.
fn actor_start(data: &[u8]) {
    let Some(start) = survives_json::<ActorStart>(data) else {
        return;
    };
    if let Some(Err(error)) = start.links.map(manifest::links) {
        assert!(error.to_string().starts_with("links: "), "{error}");
    }
    if let Some(Err(error)) = start.limits.map(manifest::limits) {
        assert!(error.to_string().starts_with("limits: "), "{error}");
    }
}

fn reply(data: &[u8]) {
    if let Some(reply) = survives_json::<Reply<Value>>(data) {
        let ended = reply.into_result();
        assert_eq!(Reply::from(ended.clone()).into_result(), ended);
    }
}
