//! A vocabulary for the tests of this module.

use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;

use lattice_protocol::codec::{Arguments, Encoding, Error};
use proptest::prelude::*;
use wasmtime::component::types::{ComponentFunc, ComponentItem, Type};
use wasmtime::component::{Component, Func, Instance, Linker, Val};
use wasmtime::{Config, Engine, Store};

use super::{Export, Fault, Signature};

/// One guest in one store, called from a test that is not async.
pub(super) struct Guest {
    runtime: tokio::runtime::Runtime,
    pub(super) store: Store<()>,
    instance: Instance,
    component: Component,
}

pub(super) fn engine() -> Engine {
    let mut config = Config::new();
    config.concurrency_support(false);
    Engine::new(&config).unwrap()
}

/// The test guest that echoes every type, compiled once per test process.
pub(super) fn types_guest() -> Guest {
    static COMPONENT: OnceLock<Component> = OnceLock::new();
    let component = COMPONENT.get_or_init(|| {
        Component::from_file(&engine(), build("types")).expect("failed to compile types.wasm")
    });
    Guest::new(component, Linker::new(component.engine()))
}

/// Builds a test guest of `actors/` and says where it is.
pub(crate) fn build(name: &str) -> std::path::PathBuf {
    let actors = Path::new(env!("CARGO_MANIFEST_DIR")).join("../actors");
    let mut cargo = Command::new(env!("CARGO"));
    cargo
        .args(["build", "--quiet", "--release", "--target", "wasm32-wasip2"])
        .args(["--package", name, "--manifest-path"])
        .arg(actors.join("Cargo.toml"))
        .arg("--target-dir")
        .arg(actors.join("target"));
    for (key, _) in std::env::vars_os() {
        if key.to_str().is_some_and(disturbs) {
            cargo.env_remove(key);
        }
    }
    let status = cargo.status().expect("failed to run cargo");
    assert!(status.success(), "failed to build the guest {name}");
    let file = format!("{}.wasm", name.replace('-', "_"));
    actors.join("target/wasm32-wasip2/release").join(file)
}

/// What cargo sets for this test would disturb the build of another workspace.
fn disturbs(key: &str) -> bool {
    const PREFIXES: [&str; 4] = [
        "CARGO_PKG_",
        "CARGO_MANIFEST_",
        "CARGO_BIN_",
        "CARGO_TARGET_",
    ];
    const KEYS: [&str; 8] = [
        "CARGO",
        "CARGO_BUILD_TARGET",
        "CARGO_CRATE_NAME",
        "CARGO_ENCODED_RUSTFLAGS",
        "CARGO_MAKEFLAGS",
        "CARGO_PRIMARY_PACKAGE",
        "RUSTC_WORKSPACE_WRAPPER",
        "RUSTFLAGS",
    ];
    PREFIXES.iter().any(|prefix| key.starts_with(prefix)) || KEYS.contains(&key)
}

impl Guest {
    /// An instance; imports that the linker lacks trap when they are called.
    pub(super) fn new(component: &Component, mut linker: Linker<()>) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        let mut store = Store::new(component.engine(), ());
        linker.define_unknown_imports_as_traps(component).unwrap();
        let instance = runtime
            .block_on(linker.instantiate_async(&mut store, component))
            .unwrap();
        Self {
            runtime,
            store,
            instance,
            component: component.clone(),
        }
    }

    /// Every function of an exported interface.
    pub(super) fn functions(&self, interface: &str) -> Vec<(String, ComponentFunc)> {
        let engine = self.component.engine();
        let ty = self.component.component_type();
        let Some(ComponentItem::ComponentInstance(exports)) =
            ty.get_export(engine, interface).map(|export| export.ty)
        else {
            panic!("no interface {interface}");
        };
        let function = |(name, item): (&str, ComponentItem)| match item {
            ComponentItem::ComponentFunc(ty) => Some((name.to_owned(), ty)),
            _ => None,
        };
        let exports = exports
            .exports(engine)
            .map(|(name, export)| (name, export.ty));
        exports.filter_map(function).collect()
    }

    pub(super) fn func(&mut self, interface: Option<&str>, name: &str) -> Func {
        let interface = interface.map(|name| self.component.get_export_index(None, name).unwrap());
        let index = self.component.get_export_index(interface.as_ref(), name);
        self.instance
            .get_func(&mut self.store, index.expect(name))
            .expect(name)
    }

    /// Calls straight from MessagePack into the guest.
    pub(super) fn call(&mut self, func: Func, payload: &[u8]) -> Result<Vec<u8>, Fault> {
        self.call_from(func, payload, Encoding::MessagePack)
    }

    /// Calls as a payload in JSON is called, and gives the reply as JSON.
    pub(super) fn call_json(&mut self, func: Func, payload: &str) -> Result<String, Fault> {
        let payload = Encoding::Json.decode(payload.as_bytes());
        let payload = payload.map_err(Fault::BadArguments)?;
        let reply = self.call_from(func, &payload, Encoding::Json)?;
        let reply = Encoding::Json.encode(reply).map_err(Fault::BadResult)?;
        Ok(String::from_utf8(reply).unwrap())
    }

    fn call_from(
        &mut self,
        func: Func,
        payload: &[u8],
        source: Encoding,
    ) -> Result<Vec<u8>, Fault> {
        let signature = Signature::new("tested", &func.ty(&self.store)).unwrap();
        let export = Export::new(signature);
        let arguments = Arguments::new(payload, source, export.signature().parameters())
            .map_err(Fault::BadArguments)?;
        let checked = export.signature().check(&arguments);
        let call = export.call(&mut self.store, &func, &arguments);
        let result = self.runtime.block_on(sendable(call));
        agree(checked, &result);
        result
    }

    /// Calls by way of `Val`.
    pub(super) fn call_val(&mut self, func: Func, arguments: &[Val]) -> Option<Val> {
        let results = func.ty(&self.store).results().len();
        let mut results = vec![Val::Bool(false); results];
        let call = func.call_async(&mut self.store, arguments, &mut results);
        self.runtime.block_on(call).unwrap();
        results.pop()
    }
}

/// The walk over the arguments says what the call says, word for word.
fn agree(checked: Result<(), Error>, result: &Result<Vec<u8>, Fault>) {
    let refused = match result {
        Err(Fault::BadArguments(error)) => Err(error.to_string()),
        _ => Ok(()),
    };
    assert_eq!(checked.map_err(|error| error.to_string()), refused);
}

/// A host runs calls on many threads.
fn sendable<F: Future + Send>(future: F) -> F {
    future
}

/// Any value of a type.
pub(super) fn any_of(ty: &Type) -> BoxedStrategy<Val> {
    match ty {
        Type::Bool => any::<bool>().prop_map(Val::Bool).boxed(),
        Type::U8 => any::<u8>().prop_map(Val::U8).boxed(),
        Type::U16 => any::<u16>().prop_map(Val::U16).boxed(),
        Type::U32 => any::<u32>().prop_map(Val::U32).boxed(),
        Type::U64 => any::<u64>().prop_map(Val::U64).boxed(),
        Type::S8 => any::<i8>().prop_map(Val::S8).boxed(),
        Type::S16 => any::<i16>().prop_map(Val::S16).boxed(),
        Type::S32 => any::<i32>().prop_map(Val::S32).boxed(),
        Type::S64 => any::<i64>().prop_map(Val::S64).boxed(),
        Type::Float32 => {
            prop_oneof![8 => any::<f32>(), 1 => Just(f32::NAN), 1 => Just(f32::INFINITY)]
                .prop_map(Val::Float32)
                .boxed()
        }
        Type::Float64 => {
            prop_oneof![8 => any::<f64>(), 1 => Just(f64::NAN), 1 => Just(f64::INFINITY)]
                .prop_map(Val::Float64)
                .boxed()
        }
        Type::Char => any::<char>().prop_map(Val::Char).boxed(),
        Type::String => any::<String>().prop_map(Val::String).boxed(),
        Type::List(list) => prop::collection::vec(any_of(&list.ty()), 0..20)
            .prop_map(Val::List)
            .boxed(),
        Type::Tuple(tuple) => {
            let members: Vec<_> = tuple.types().map(|ty| any_of(&ty)).collect();
            members.prop_map(Val::Tuple).boxed()
        }
        Type::Record(record) => {
            let names: Vec<_> = record.fields().map(|field| field.name.to_owned()).collect();
            let fields: Vec<_> = record.fields().map(|field| any_of(&field.ty)).collect();
            fields
                .prop_map(move |values| Val::Record(names.iter().cloned().zip(values).collect()))
                .boxed()
        }
        Type::Enum(cases) => {
            let names: Vec<_> = cases.names().map(str::to_owned).collect();
            prop::sample::select(names).prop_map(Val::Enum).boxed()
        }
        Type::Flags(flags) => {
            let names: Vec<_> = flags.names().map(str::to_owned).collect();
            let all = names.len();
            prop::sample::subsequence(names, 0..=all)
                .prop_map(Val::Flags)
                .boxed()
        }
        Type::Variant(variant) => {
            let case = |(name, ty): (String, Option<Type>)| {
                payload(ty).prop_map(move |payload| Val::Variant(name.clone(), payload))
            };
            let cases = variant.cases().map(|case| (case.name.to_owned(), case.ty));
            prop::strategy::Union::new(cases.map(case).map(Strategy::boxed)).boxed()
        }
        Type::Option(option) => {
            let some = payload(Some(option.ty()));
            prop_oneof![payload(None), some]
                .prop_map(Val::Option)
                .boxed()
        }
        Type::Result(result) => {
            let ok = payload(result.ok()).prop_map(|payload| Val::Result(Ok(payload)));
            let err = payload(result.err()).prop_map(|payload| Val::Result(Err(payload)));
            prop_oneof![ok, err].boxed()
        }
        other => panic!("{other:?} can't be generated"),
    }
}

fn payload(ty: Option<Type>) -> BoxedStrategy<Option<Box<Val>>> {
    match ty {
        Some(ty) => any_of(&ty).prop_map(|value| Some(Box::new(value))).boxed(),
        None => Just(None).boxed(),
    }
}
