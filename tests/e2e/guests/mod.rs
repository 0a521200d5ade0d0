//! Every guest in `actors/` has a test that runs it: the table below, which a test compares with
//! the folders.

mod works;

use lattice_tests::guest;

use crate::one_host;

/// One test for each guest: what it needs beside its component, and what shows that it runs.
macro_rules! guests {
    ($($test:ident: $guest:literal $more:tt => $works:ident,)*) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                let lattice = one_host().await;
                let manifest = format!(
                    "name = \"app\"\n[actor.guest]\ncomponent = \"{}\"\n{}", $guest, $more
                );
                lattice.try_apply(&manifest).await.unwrap();
                works::$works(lattice).await;
            }
        )*

        const TABLE: &[&str] = &[$($guest),*];
    };
}

guests! {
    auth_runs: "auth" KEY_VALUE => validates,
    counter_runs: "counter" KEY_VALUE => counts,
    greeter_runs: "greeter" "" => greets,
    hasher_runs: "hasher" "" => hashes,
    logger_runs: "logger" "" => logs,
    processor_runs: "processor" LOGGER => processes,
    types_runs: "types" "" => shouts,
    relay_runs: "relay" TYPES => shouts,
    loop_back_runs: "loop-back" ITSELF => hops,
    async_echo_runs: "async-echo" ASYNC => echoes,
    errand_runs: "errand" ERRAND => says,
    fetch_runs: "fetch" OUTWARD => is_refused_by_its_link,
    buckets_runs: "buckets" KEY_VALUE => keeps,
    watcher_runs: "watcher" KEY_VALUE => hears,
    swaps_runs: "swaps" KEY_VALUE => swaps,
    crier_runs: "crier" SHOUTER => cries,
    early_batch_runs: "early-batch" KEY_VALUE => reads_many,
    misbehave_runs: "misbehave" "" => is_fresh,
    worlds_runs: "worlds" "" => sees_nothing,
    program_runs: "program" "" => ends_well,
    program_async_runs: "program-async" "" => ends_well,
    service_runs: "service" WEB => echoes_a_request,
    flows_runs: "flows" FLOWS => adds_a_stream,
    crossed_is_refused: "crossed" "" => does_not_start,
    wide_table_is_refused: "wide-table" "" => does_not_start,
    needy_is_refused: "needy" "" => does_not_start,
    bad_http_runs: "bad-http" "" => answers_a_status,
    wstd_server_runs: "wstd-server" "" => greets_by_http,
    wstd_shop_runs: "wstd-shop" SHOP => sells_by_http,
    wasi_proxy_runs: "wasi-proxy" "" => finishes,
    lender_runs: "lender" "" => lends_nothing,
    keeper_is_refused: "keeper" "" => does_not_start,
    borrower_is_refused: "borrower" KEEPER => does_not_start,
}

const KEY_VALUE: &str = r#"
    [actor.guest.link."wasi:keyvalue"]
    to = "kv"
    [provider.kv]
    kind = "keyvalue"
"#;

const LOGGER: &str = r#"
    [actor.guest.link."cyber:system/logging"]
    to = "logger"
    [actor.logger]
    component = "logger"
"#;

const TYPES: &str = r#"
    [actor.guest.link."lattice:test"]
    to = "types"
    [actor.types]
    component = "types"
"#;

const ITSELF: &str = r#"
    [actor.guest.link."lattice:test"]
    to = "guest"
"#;

const ASYNC: &str = r#"
    [actor.guest.link."lattice:async-echo"]
    to = "guest"
"#;

const FLOWS: &str = r#"
    [actor.guest.link."lattice:flows"]
    to = "guest"
"#;

const WEB: &str = r#"
    [actor.guest.link."wasi:http"]
    to = "web"
    [provider.web]
    kind = "http"
    config = { listen = "127.0.0.1:0" }
"#;

const SHOP: &str = r#"
    [actor.guest.link."wasi:keyvalue"]
    to = "kv"
    [actor.guest.link."wasi:http"]
    to = "web"
    [provider.kv]
    kind = "keyvalue"
    [provider.web]
    kind = "http"
    config = { listen = "127.0.0.1:0" }
"#;

const ERRAND: &str = r#"
    [actor.guest.link."lattice:errand"]
    to = "guest"
"#;

const OUTWARD: &str = r#"
    [actor.guest.link."wasi:http/outgoing-handler"]
    to = "out"
    [provider.out]
    kind = "http"
"#;

const SHOUTER: &str = r#"
    [actor.guest.link."example:text"]
    to = "shouter"
    [provider.shouter]
    external = true
"#;

const KEEPER: &str = r#"
    [actor.guest.link."lattice:handles"]
    to = "keeper"
    [provider.keeper]
    external = true
"#;

#[test]
fn no_guest_is_left_out() {
    let table = TABLE.iter().map(|name| (*name).to_owned()).collect();
    assert_eq!(
        guest::all(),
        table,
        "a guest in actors/ needs a line in the table of this file"
    );
}
