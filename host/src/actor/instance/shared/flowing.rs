//! A call of a function that takes or gives streams, in its instance.
//!
//! It lasts until the function has returned and all its streams are over: while they move the guest has
//! its ways out, and its time.

use bytes::Bytes;
use lattice_client::stream::{Progress, Reader, Streams, WINDOW_BYTES, Watch, pipe_with};
use lattice_protocol::codec::Encoding;
use tokio::sync::{mpsc, oneshot};
use wasmtime::component::{Accessor, ComponentExportIndex, GuestTaskId, Instance};
use wasmtime::{AsContextMut as _, StoreContextMut};

use super::worker::result;
use crate::capability::Guest;
use crate::wire::flow::{Fail, Hold, Inlets, Kind, Outlet, Outward, Valve};
use crate::wire::{Export, Started};

/// A call that waits for an instance.
pub(crate) struct Flowing {
    /// Its place in the component.
    pub(crate) index: ComponentExportIndex,
    /// The way in and out of it.
    pub(crate) export: Export,
    /// The arguments as MessagePack; they fit the parameters, and the streams.
    pub(crate) payload: Bytes,
    /// What they were before.
    pub(crate) source: Encoding,
    /// The streams that they refer to.
    pub(crate) streams: Streams,
    /// When a stream of the result moved last.
    pub(crate) progress: Progress,
    /// Told the result: MessagePack, and its streams in order.
    pub(crate) head: oneshot::Sender<(Vec<u8>, Vec<Flow>)>,
}

/// A stream of a result.
pub(crate) struct Flow {
    /// Where in the result it is referred to.
    pub(crate) at: usize,
    /// What it carries.
    pub(crate) kind: Kind,
    /// What the guest writes.
    pub(crate) reader: Reader,
    /// Breaks it off.
    pub(crate) valve: Valve,
    /// Hears when it is over.
    pub(crate) watch: Watch,
}

/// A call that is in its instance.
pub(super) struct Flowed {
    started: Started<Guest>,
    progress: Progress,
    head: oneshot::Sender<(Vec<u8>, Vec<Flow>)>,
    hold: Hold,
    /// Ends when nobody has a hold any more.
    held: mpsc::Receiver<()>,
}

impl Flowing {
    /// Calls the function.
    pub(super) fn start(
        self,
        mut store: StoreContextMut<'_, Guest>,
        component: &Instance,
        broken: Fail,
    ) -> wasmtime::Result<Flowed> {
        let function = component.get_func(&mut store, self.index);
        let function =
            function.ok_or_else(|| wasmtime::Error::msg("the function is not in its place"))?;
        // Nobody sends anything: it only tells when all senders are gone.
        let (hold, held) = mpsc::channel(1);
        let inlets = Inlets {
            streams: self.streams,
            source: self.source,
            fail: broken,
            hold: Some(hold.clone()),
        };
        let (payload, source) = (self.payload, self.source);
        let started = self
            .export
            .start(store, &function, payload, source, Some(inlets))?;
        Ok(Flowed {
            started,
            progress: self.progress,
            head: self.head,
            hold,
            held,
        })
    }
}

impl Flowed {
    /// Which of the instance's tasks it is.
    pub(super) fn task(&self) -> GuestTaskId {
        self.started.task()
    }

    /// Waits for the result, and until its streams are over.
    pub(super) async fn finish(self, accessor: &Accessor<Guest>) -> wasmtime::Result<()> {
        let Self {
            started,
            progress,
            head,
            hold,
            mut held,
        } = self;
        let (bytes, outward) = result(started, accessor).await?.into_parts();
        let flows = accessor.with(|mut access| {
            let mut store = access.as_context_mut();
            let send = |flow| send(store.as_context_mut(), flow, &progress, &hold);
            outward.into_iter().map(send).collect::<Result<Vec<_>, _>>()
        })?;
        drop(hold);
        // Whoever asked may be gone; then nobody reads the streams, and the guest hears of that.
        let _ = head.send((bytes, flows));
        while held.recv().await.is_some() {}
        Ok(())
    }
}

fn send(
    mut store: StoreContextMut<'_, Guest>,
    outward: Outward,
    progress: &Progress,
    hold: &Hold,
) -> wasmtime::Result<Flow> {
    let (writer, reader) = pipe_with(WINDOW_BYTES, progress.clone());
    let watch = writer.watch();
    let life = store.data().life().clone();
    let (outlet, valve) = Outlet::new(writer, life, Some(hold.clone()));
    let (at, kind) = (outward.at, outward.kind);
    outward.send(store.as_context_mut(), outlet)?;
    Ok(Flow {
        at,
        kind,
        reader,
        valve,
        watch,
    })
}
