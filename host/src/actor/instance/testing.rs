//! A vocabulary for the tests of this module: instances without a lattice around them.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use lattice_client::stream::{Progress, Reader};
use lattice_config::{InstanceMode, Limits};
use lattice_protocol::codec::{Arguments, Encoding};
use lattice_protocol::digest::Digest;
use lattice_protocol::standard::http::{Body, Request, Response};
use wasmtime::component::{Component, InstancePre};

use super::shared::Ticket;
use super::{Call, Ended, Instance, Instances, Shared, Work};
use crate::capability::http::{self, Answer, Asked, Handler};
use crate::capability::{Errand, Guest, GuestParts, Imports, Linked, Settings};
use crate::component::{Callable, Exports};
use crate::engine::Engine;
use crate::link::LinkTable;
use crate::wire::{Fault, testing};

/// Longer than any test takes.
pub(super) const LONG: Duration = Duration::from_secs(60);

/// An actor of one revision, whose calls go nowhere.
pub(super) struct Actor {
    pub(super) instances: Instances,
    pre: InstancePre<Guest>,
    exports: Exports,
}

/// One engine for all tests: a pool of instances reserves much address space.
pub(super) fn engine() -> &'static Engine {
    static ENGINE: OnceLock<Engine> = OnceLock::new();
    ENGINE.get_or_init(|| {
        let data = tempfile::tempdir().unwrap().keep();
        Engine::new(&data, 64).unwrap()
    })
}

pub(super) async fn component(guest: &str) -> Arc<Component> {
    let bytes = std::fs::read(testing::build(guest)).unwrap();
    let digest = Digest::of(&bytes);
    let limits = Limits::default();
    match engine().cached(&digest).await {
        Some(component) => component,
        None => engine().compile(&digest, bytes, &limits).await.unwrap(),
    }
}

pub(super) fn parts() -> GuestParts {
    let source = "tested".parse().unwrap();
    GuestParts {
        limits: Limits::default(),
        links: Arc::new(LinkTable::new(source, Vec::new())),
        opened: Arc::default(),
        settings: Settings::default(),
        granted: Arc::default(),
    }
}

pub(super) fn errand(time: Duration) -> Errand {
    Errand {
        deadline: (Instant::now() + time).into(),
        outbox: None,
        output: None,
    }
}

impl Actor {
    pub(super) async fn start(guest: &str, mode: InstanceMode, slots: u32) -> Self {
        let component = component(guest).await;
        let parts = parts();
        let imports = Imports::new(engine().wasm()).unwrap();
        let linked = imports
            .link(&component, &parts.links, &OnceLock::new())
            .unwrap();
        Self::of(&component, linked, mode, slots)
    }

    /// One whose imports were answered otherwise.
    pub(super) fn of(
        component: &Component,
        linked: Linked,
        mode: InstanceMode,
        slots: u32,
    ) -> Self {
        let idle = engine().idle().clone();
        Self {
            exports: Exports::of(component.engine(), component),
            pre: linked.pre.clone(),
            instances: Instances::new(linked, parts(), mode, slots, idle),
        }
    }

    /// Calls a function as a call over the wire does, with its arguments and result as JSON.
    pub(super) async fn call(&self, function: &str, arguments: &str) -> Result<String, Fault> {
        self.call_within(LONG, function, arguments).await
    }

    pub(super) async fn call_within(
        &self,
        time: Duration,
        function: &str,
        arguments: &str,
    ) -> Result<String, Fault> {
        let instance = self.instances.take(errand(time)).await.unwrap();
        let (instance, result) = self.run(instance, function, arguments).await?;
        self.instances.give_back(instance);
        Ok(result)
    }

    async fn run(
        &self,
        mut instance: Instance,
        function: &str,
        arguments: &str,
    ) -> Result<(Instance, String), Fault> {
        let endpoint = function.parse().unwrap();
        let Callable::Function { index, export } = self.exports.resolve(&endpoint).unwrap() else {
            panic!("{function} is no function");
        };
        let payload = Encoding::Json.decode(arguments.as_bytes()).unwrap();
        let parameters = export.signature().parameters();
        let arguments = Arguments::new(&payload, Encoding::Json, parameters).unwrap();
        let store = &mut instance.store;
        let function = instance.component.get_func(&mut *store, index).unwrap();
        let result = export.call(store, &function, &arguments).await?;
        let result = Encoding::Json.encode(result).unwrap();
        Ok((instance, String::from_utf8(result).unwrap()))
    }

    /// Begins a call of an async function in an instance with others.
    pub(super) fn begin(&self, function: &str, arguments: &str) -> Ticket {
        let endpoint = function.parse().unwrap();
        let Callable::Function { index, export } = self.exports.resolve(&endpoint).unwrap() else {
            panic!("{function} is no function");
        };
        let payload = Encoding::Json.decode(arguments.as_bytes()).unwrap();
        self.shared().begin(Call {
            work: Work::Function {
                index: *index,
                export: export.clone(),
                payload: payload.into_owned().into(),
                source: Encoding::Json,
            },
            errand: errand(LONG),
        })
    }

    /// Calls an async function in an instance with others.
    pub(super) async fn share(&self, function: &str, arguments: &str) -> Result<String, Ended> {
        let result = self.begin(function, arguments).answer().await?;
        Ok(String::from_utf8(Encoding::Json.encode(result).unwrap()).unwrap())
    }

    pub(super) fn shared(&self) -> &Shared {
        self.instances.shared().unwrap()
    }

    /// Sends an HTTP request; also tells whether the instance was kept.
    pub(super) async fn get(&self, path: &str) -> Result<(Response, bool), http::Fault> {
        let instance = self.instances.take(errand(LONG)).await.unwrap();
        let Handler::Incoming(handler) = Handler::new(&self.pre).unwrap() else {
            panic!("it serves version 0.3");
        };
        let asked = asked(path, Body::default(), Vec::new(), false);
        let Answer::Ended(response, instance) = handler.handle(instance, asked).await? else {
            panic!("a caller that takes no streams was sent one");
        };
        let kept = instance.is_some();
        if let Some(instance) = instance {
            self.instances.give_back(instance);
        }
        Ok((response, kept))
    }

    /// Sends an HTTP request of version 0.3, with these streams.
    pub(super) async fn visit(
        &self,
        path: &str,
        body: Body,
        streams: Vec<Reader>,
    ) -> Result<Answer, http::Fault> {
        let Handler::Service(handler) = Handler::new(&self.pre).unwrap() else {
            panic!("it serves version 0.2");
        };
        let asked = asked(path, body, streams, true);
        let requests = self.instances.requests();
        handler.handle(requests, errand(LONG), asked).await
    }

    /// How many instances wait.
    pub(super) fn idle(&self) -> usize {
        self.instances
            .reuse
            .as_ref()
            .map_or(0, |reuse| reuse.idle.len())
    }
}

fn asked(path: &str, body: Body, streams: Vec<Reader>, takes_streams: bool) -> Asked {
    let request = Request {
        method: "GET".into(),
        scheme: "http".into(),
        authority: "test".into(),
        path: path.into(),
        headers: Vec::new(),
        body,
    };
    Asked {
        request,
        streams: streams.into(),
        takes_streams,
        body_bytes_max: 1 << 20,
        progress: Progress::default(),
        room: crate::capability::http::Room::of(&lattice_config::Limits::default()),
    }
}
