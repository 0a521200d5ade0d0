//! The vocabulary: a bucket of any backend, in any encoding.

use lattice_protocol::standard::WitResult;
use lattice_protocol::standard::keyvalue::{Error, Versioned};
use lattice_tests::{Lattice, Redis, Reply};
use serde::{Serialize, Serializer};
use serde_json::Value;

use crate::one_host;

/// Bytes: in JSON as base64, in MessagePack as they are.
pub(super) struct Octets {
    base64: &'static str,
    bytes: &'static [u8],
}

impl Serialize for Octets {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match serializer.is_human_readable() {
            true => serializer.serialize_str(self.base64),
            false => serializer.serialize_bytes(self.bytes),
        }
    }
}

pub(super) const BINARY: Octets = Octets {
    base64: "AP8=",
    bytes: b"\x00\xff",
};
pub(super) const SEVEN: Octets = Octets {
    base64: "Nw==",
    bytes: b"7",
};
pub(super) const EMPTY: Octets = Octets {
    base64: "",
    bytes: b"",
};

/// A result as WIT has it.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Answer<T> {
    Ok(T),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encoding {
    Json,
    MessagePack,
}

/// Every backend, each as a provider of its name.
pub(super) const BACKENDS: [&str; 4] = ["nats", "redis", "file", "memory"];
/// Those that several processes can share.
pub(super) const SHARED: [&str; 2] = ["nats", "redis"];

/// A lattice with all backends.
pub(super) struct Stores {
    pub(super) lattice: Lattice,
    pub(super) redis: Redis,
}

impl Stores {
    /// Their providers run on one host.
    pub(super) async fn start() -> Self {
        let stores = Self::none().await;
        stores.lattice.apply(&stores.manifest()).await;
        stores
    }

    /// What the providers need, without them.
    pub(super) async fn none() -> Self {
        let (lattice, redis) = tokio::join!(one_host(), Redis::start());
        Self { lattice, redis }
    }

    /// A provider for each backend, of its name.
    pub(super) fn manifest(&self) -> String {
        let providers = BACKENDS.iter().map(|backend| {
            let config = self.config(backend);
            format!("[provider.{backend}]\nkind = \"keyvalue\"\nconfig = {config}\n")
        });
        format!("name = \"stores\"\n{}", providers.collect::<String>())
    }

    /// A second host, and on both a copy of each provider whose backend can be shared.
    pub(super) async fn spread(&mut self) {
        self.lattice.host("b").await;
        let mut manifest = self.manifest();
        for backend in SHARED {
            let table = format!("[provider.{backend}]\n");
            manifest = manifest.replace(&table, &format!("{table}copies = 2\n"));
        }
        self.lattice.apply(&manifest).await;
    }

    /// A provider's config for a backend.
    pub(super) fn config(&self, backend: &str) -> String {
        let more = match backend {
            "redis" => format!(", url = \"{}\"", self.redis.url()),
            "file" => {
                let path = self.lattice.folder().join("keyvalue/store");
                format!(", path = \"{}\"", path.display())
            }
            _ => String::new(),
        };
        format!("{{ backend = \"{backend}\"{more} }}")
    }
}

/// A bucket of one provider, as a plain client asks in one encoding.
pub(super) struct Bucket<'a> {
    pub(super) lattice: &'a Lattice,
    pub(super) provider: &'static str,
    pub(super) encoding: Encoding,
    pub(super) name: &'static str,
}

impl Bucket<'_> {
    pub(super) fn encode(&self, value: impl Serialize) -> Vec<u8> {
        match self.encoding {
            Encoding::Json => serde_json::to_vec(&value).unwrap(),
            Encoding::MessagePack => rmp_serde::to_vec_named(&value).unwrap(),
        }
    }

    pub(super) async fn ask(&self, operation: &str, arguments: impl Serialize) -> Reply {
        let subject = format!(
            "lattice.default.call.{}.wasi:keyvalue/{operation}",
            self.provider
        );
        self.lattice.request(&subject, self.encode(arguments)).await
    }

    /// What a swap is told that came too late, to the byte.
    pub(super) fn encode_failed(&self, version: &str, value: &Octets) -> Vec<u8> {
        #[derive(Serialize)]
        struct Now<'a> {
            version: &'a str,
            value: &'a Octets,
        }
        #[derive(Serialize)]
        #[serde(rename_all = "kebab-case")]
        enum Failed<T> {
            CasFailed(T),
        }
        #[derive(Serialize)]
        #[serde(rename_all = "kebab-case")]
        enum Late<T> {
            Err(T),
        }
        self.encode(Late::Err(Failed::CasFailed(Now { version, value })))
    }

    /// The answer, to the byte.
    pub(super) async fn gives(
        &self,
        operation: &str,
        arguments: impl Serialize,
        answer: impl Serialize,
    ) {
        let reply = self.ask(operation, arguments).await;
        let what = format!(
            "{operation} of {} in {:?}: {reply:?}",
            self.provider, self.encoding
        );
        assert!(!reply.failed(), "{what}");
        assert_eq!(reply.payload, self.encode(Answer::Ok(answer)), "{what}");
    }

    /// The answer, of what holds no bytes.
    pub(super) async fn value(&self, operation: &str, arguments: impl Serialize) -> Value {
        let reply = self.ask(operation, arguments).await;
        match self.encoding {
            Encoding::Json => reply.json(),
            Encoding::MessagePack => reply.msgpack(),
        }
    }

    /// A key's version.
    pub(super) async fn version(&self, key: &str) -> String {
        let reply = self.ask("atomics.cas.new", (self.name, key)).await;
        let found: WitResult<Versioned, Error> = match self.encoding {
            Encoding::Json => serde_json::from_slice(&reply.payload).unwrap(),
            Encoding::MessagePack => rmp_serde::from_slice(&reply.payload).unwrap(),
        };
        Result::from(found).unwrap().version
    }

    /// All keys, and on how many pages they came.
    pub(super) async fn keys(&self) -> (Vec<String>, usize) {
        let (mut keys, mut cursor, mut pages) = (Vec::new(), Value::Null, 0);
        loop {
            let page = self.value("store.bucket.list-keys", (self.name, cursor));
            let page = page.await["ok"].take();
            let found = page["keys"].as_array().unwrap().iter();
            keys.extend(found.map(|key| key.as_str().unwrap().to_owned()));
            pages += 1;
            match &page["cursor"] {
                Value::Null => return (keys, pages),
                next => cursor = next.clone(),
            }
        }
    }
}

/// Asks the same of every backend in both encodings, each of a bucket of its own.
pub(super) async fn everywhere(promise: impl AsyncFn(Bucket<'_>)) {
    let stores = Stores::start().await;
    for provider in BACKENDS {
        for (encoding, name) in [
            (Encoding::Json, "json"),
            (Encoding::MessagePack, "message-pack"),
        ] {
            let bucket = Bucket {
                lattice: &stores.lattice,
                provider,
                encoding,
                name,
            };
            bucket.gives("store.open", (name,), ()).await;
            promise(bucket).await;
        }
    }
}
