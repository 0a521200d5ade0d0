//! What any NATS client can ask of a key-value provider.

mod counters;

use std::collections::BTreeSet;

use lattice_tests::{Lattice, Reply, eventually};
use serde::{Serialize, Serializer};
use serde_json::{Value, json};

use crate::one_host;

const STORE: &str = "name = \"store\"\n[provider.kv]\nkind = \"keyvalue\"\n";
/// Keys that mean something to NATS, to JetStream, or to neither.
const ODD_KEYS: [&str; 12] = [
    "",
    " ",
    "a b",
    ".",
    "a..b.",
    "a/b",
    ">",
    "*",
    "a.*.>",
    "ключ🦀",
    "_kv",
    "=20",
];

/// Bytes: in JSON as base64, in MessagePack as they are.
struct Octets {
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

const BINARY: Octets = Octets {
    base64: "AP8=",
    bytes: b"\x00\xff",
};
const SEVEN: Octets = Octets {
    base64: "Nw==",
    bytes: b"7",
};
const EMPTY: Octets = Octets {
    base64: "",
    bytes: b"",
};

/// A result as WIT has it.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
enum Answer<T> {
    Ok(T),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Encoding {
    Json,
    MessagePack,
}

/// A bucket of the provider `kv`, as a plain client asks in one encoding.
struct Bucket<'a> {
    lattice: &'a Lattice,
    encoding: Encoding,
    name: &'static str,
}

impl Bucket<'_> {
    fn encode(&self, value: impl Serialize) -> Vec<u8> {
        match self.encoding {
            Encoding::Json => serde_json::to_vec(&value).unwrap(),
            Encoding::MessagePack => rmp_serde::to_vec_named(&value).unwrap(),
        }
    }

    async fn ask(&self, operation: &str, arguments: impl Serialize) -> Reply {
        let subject = format!("lattice.default.call.kv.wasi:keyvalue/{operation}");
        self.lattice.request(&subject, self.encode(arguments)).await
    }

    /// The answer, to the byte.
    async fn gives(&self, operation: &str, arguments: impl Serialize, answer: impl Serialize) {
        let reply = self.ask(operation, arguments).await;
        let what = format!("{operation} in {:?}: {reply:?}", self.encoding);
        assert!(!reply.failed(), "{what}");
        assert_eq!(reply.payload, self.encode(Answer::Ok(answer)), "{what}");
    }

    /// The answer, of what holds no bytes.
    async fn value(&self, operation: &str, arguments: impl Serialize) -> Value {
        let reply = self.ask(operation, arguments).await;
        match self.encoding {
            Encoding::Json => reply.json(),
            Encoding::MessagePack => reply.msgpack(),
        }
    }

    /// All keys, and on how many pages they came.
    async fn keys(&self) -> (Vec<String>, usize) {
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

/// Asks the same in both encodings, each of a bucket of its own.
async fn in_both_encodings(promise: impl AsyncFn(Bucket<'_>)) {
    let lattice = one_host().await;
    lattice.apply(STORE).await;
    for (encoding, name) in [
        (Encoding::Json, "json"),
        (Encoding::MessagePack, "message-pack"),
    ] {
        let bucket = Bucket {
            lattice: &lattice,
            encoding,
            name,
        };
        bucket.gives("store.open", (name,), ()).await;
        promise(bucket).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_key_is_written_read_and_removed() {
    in_both_encodings(async |bucket| {
        let b = bucket.name;
        let (get, set) = ("store.bucket.get", "store.bucket.set");
        let (exists, delete) = ("store.bucket.exists", "store.bucket.delete");
        bucket.gives(get, (b, "k"), ()).await;
        bucket.gives(exists, (b, "k"), false).await;
        bucket.gives(delete, (b, "k"), ()).await;
        for value in [BINARY, EMPTY] {
            bucket.gives(set, (b, "k", &value), ()).await;
            bucket.gives(get, (b, "k"), &value).await;
            bucket.gives(exists, (b, "k"), true).await;
        }
        bucket.gives(delete, (b, "k"), ()).await;
        bucket.gives(get, (b, "k"), ()).await;
        bucket.gives(exists, (b, "k"), false).await;
        assert_eq!(bucket.keys().await, (vec![], 1));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_number_is_added_to_and_what_is_none_is_left_as_it_was() {
    in_both_encodings(async |bucket| {
        let b = bucket.name;
        let (get, set) = ("store.bucket.get", "store.bucket.set");
        let increment = "atomics.increment";
        bucket.gives(increment, (b, "new", 7u64), 7u64).await;
        bucket.gives(get, (b, "new"), &SEVEN).await;
        bucket.gives(increment, (b, "new", 0u64), 7u64).await;
        bucket.gives(set, (b, "set", &SEVEN), ()).await;
        bucket.gives(increment, (b, "set", 5u64), 12u64).await;
        for (key, value) in [("binary", &BINARY), ("empty", &EMPTY)] {
            bucket.gives(set, (b, key, value), ()).await;
            let refused = bucket.value(increment, (b, key, 1u64)).await;
            assert!(refused["err"]["other"].is_string(), "{refused}");
            bucket.gives(get, (b, key), value).await;
        }
        let rest = u64::MAX - 12;
        bucket.gives(increment, (b, "set", rest), u64::MAX).await;
        let refused = bucket.value(increment, (b, "set", 1u64)).await;
        assert!(refused["err"]["other"].is_string(), "{refused}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_keys_are_written_read_and_removed_in_one_call() {
    in_both_encodings(async |bucket| {
        let b = bucket.name;
        let pairs = [("a", &BINARY), ("b", &EMPTY), ("a", &SEVEN)];
        bucket.gives("batch.set-many", (b, pairs), ()).await;
        let found = [Some(("b", &EMPTY)), None, Some(("a", &SEVEN))];
        let keys = ["b", "c", "a"];
        bucket.gives("batch.get-many", (b, keys), found).await;
        bucket.gives("batch.delete-many", (b, ["a", "c"]), ()).await;
        let found = [Some(("b", &EMPTY)), None, None];
        bucket.gives("batch.get-many", (b, keys), found).await;
        let none: [&str; 0] = [];
        bucket.gives("batch.get-many", (b, none), none).await;
        let many: Vec<_> = (0..1001).map(|at| at.to_string()).collect();
        let refused = bucket.value("batch.get-many", (b, many)).await;
        assert!(refused["err"]["other"].is_string(), "{refused}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn any_text_is_a_key_and_no_two_are_the_same() {
    in_both_encodings(async |bucket| {
        let b = bucket.name;
        let increment = "atomics.increment";
        for (at, key) in (1u64..).zip(ODD_KEYS) {
            bucket.gives(increment, (b, key, at), at).await;
        }
        for (at, key) in (1u64..).zip(ODD_KEYS) {
            bucket.gives(increment, (b, key, 0u64), at).await;
        }
        let (keys, _) = bucket.keys().await;
        let keys: BTreeSet<_> = keys.iter().map(String::as_str).collect();
        assert_eq!(keys, BTreeSet::from(ODD_KEYS));
        bucket.gives("batch.delete-many", (b, ODD_KEYS), ()).await;
        assert_eq!(bucket.keys().await.0, [""; 0]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_are_listed_page_by_page_each_once() {
    in_both_encodings(async |bucket| {
        let keys: Vec<_> = (0..1500).map(|at| format!("key-{at:04}")).collect();
        for part in keys.chunks(750) {
            let pairs: Vec<_> = part.iter().map(|key| (key, &SEVEN)).collect();
            let arguments = (bucket.name, pairs);
            bucket.gives("batch.set-many", arguments, ()).await;
        }
        let (mut listed, pages) = bucket.keys().await;
        listed.sort();
        assert_eq!(listed, keys);
        assert_eq!(pages, 2);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_missing_bucket_that_the_link_does_not_let_be_made_is_no_such_store() {
    let lattice = one_host().await;
    let actor = "[actor.buckets]\ncomponent = \"buckets\"\n\
        link.\"wasi:keyvalue\" = { to = \"kv\", create = false }\n";
    lattice.apply(&format!("{STORE}{actor}")).await;
    let put = json!(["later", "k", "v"]);
    eventually("the link's config is known", async || {
        match lattice.call("buckets.put", put.clone()).await.json() {
            refused if refused == json!({"err": "no such store"}) => Ok(()),
            other => Err(other),
        }
    })
    .await;
    let open = "kv.wasi:keyvalue/store.open";
    let made = lattice.call(open, json!(["later"])).await;
    assert_eq!(made.json(), json!({"ok": null}));
    let put = lattice.call("buckets.put", put).await;
    assert_eq!(put.json(), json!({"ok": null}));
}
