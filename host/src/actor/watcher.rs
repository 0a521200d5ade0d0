//! A call of `wasi:keyvalue/watcher`: a change in a bucket, of which the component gets a handle.

use lattice_config::Link;
use lattice_protocol::codec::Encoding;
use lattice_protocol::error::{CallError, ErrorCode};
use lattice_protocol::interface::Interface;
use lattice_protocol::standard::keyvalue::{ByKey, Heard, STORE, Set, WATCH, WATCHER};
use serde_json::Value;
use wasmtime::component::ComponentExportIndex;

use super::call::{Running, bad_request};
use super::instance::Instance;
use crate::capability::Bucket;
use crate::component::Exports;

/// A link asks for calls that nobody takes.
#[derive(Debug, thiserror::Error)]
#[error(
    "link {0} has {WATCH}, and the component does not export {WATCHER}: leave {WATCH} out, or export it"
)]
pub(super) struct Unheard(String);

/// Refuses an actor that asks to be told of changes and can't be.
pub(super) fn check(exports: &Exports, links: &[Link]) -> Result<(), Unheard> {
    if exports.is_watcher() {
        return Ok(());
    }
    match links.iter().find(|link| asks(link)) {
        Some(link) => Err(Unheard(link.interface.to_string())),
        None => Ok(()),
    }
}

fn asks(link: &Link) -> bool {
    let of_buckets = STORE
        .parse::<Interface>()
        .is_ok_and(|store| link.interface.covers(&store));
    let asked = link.config.get(WATCH);
    of_buckets && asked.is_some_and(|asked| *asked != Value::Bool(false))
}

/// What was written or removed.
enum Change {
    Set(Set),
    Delete(ByKey),
}

impl Running<'_> {
    /// Tells the component; the reply is empty.
    pub(super) async fn watcher(
        &self,
        index: &ComponentExportIndex,
        heard: Heard,
        encoding: Encoding,
    ) -> Result<Vec<u8>, CallError> {
        let payload = &self.call.payload;
        let change = match heard {
            Heard::Set => encoding.read(payload).map(Change::Set),
            Heard::Delete => encoding.read(payload).map(Change::Delete),
        };
        let change = change.map_err(bad_request)?;
        let (mut instance, tail) = self.instance().await?;
        match tell(&mut instance, index, change).await {
            Ok(()) => self.revision.instances.give_back(instance),
            Err(error) => return Err(self.trapped(&error, tail.panic())),
        }
        let reply = encoding.write(&());
        reply.map_err(|error| CallError::begun(ErrorCode::Internal, error.to_string()))
    }
}

async fn tell(
    instance: &mut Instance,
    index: &ComponentExportIndex,
    change: Change,
) -> wasmtime::Result<()> {
    let store = &mut instance.store;
    let Some(function) = instance.component.get_func(&mut *store, index) else {
        wasmtime::bail!("the watcher is not where the component said it is");
    };
    match change {
        Change::Set(Set { bucket, key, value }) => {
            let bucket = Bucket::handle(store.data_mut(), bucket)?;
            let on_set = function.typed::<(_, &str, &[u8]), ()>(&mut *store)?;
            on_set.call_async(store, (bucket, &*key, &*value)).await
        }
        Change::Delete(ByKey { bucket, key }) => {
            let bucket = Bucket::handle(store.data_mut(), bucket)?;
            let on_delete = function.typed::<(_, &str), ()>(&mut *store)?;
            on_delete.call_async(store, (bucket, &*key)).await
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn link(interface: &str, watch: Value) -> Link {
        let mut link = Link::new(interface.parse().unwrap(), "kv".parse().unwrap());
        link.config.insert(WATCH.to_owned(), watch);
        link
    }

    #[test]
    fn a_component_that_hears_nothing_is_refused_with_the_link_that_asks() {
        let refused = |link| check(&Exports::default(), &[link]).map_err(|error| error.to_string());
        for asked in [json!(true), json!("user/"), json!("")] {
            let told = refused(link("wasi:keyvalue", asked)).unwrap_err();
            assert!(
                told.contains("link wasi:keyvalue has watch") && told.contains(WATCHER),
                "{told}"
            );
        }
        assert_eq!(refused(link("wasi:keyvalue", json!(false))), Ok(()));
        // To another interface the word may mean anything.
        assert_eq!(refused(link("test:files", json!(true))), Ok(()));
    }
}
