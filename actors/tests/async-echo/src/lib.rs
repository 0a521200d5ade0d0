//! Async functions in and out, with a count of the calls that are in one instance at once.

mod bindings {
    wit_bindgen::generate!({
        path: "wit",
        world: "async-echo",
    });
}

use std::sync::atomic::{AtomicU32, Ordering};

use bindings::exports::lattice::async_echo::echo::{Guest, Wide};
use bindings::exports::lattice::async_echo::waiter;
use bindings::lattice::async_echo::waiter::wait;

static BEGUN: AtomicU32 = AtomicU32::new(0);
static NOW: AtomicU32 = AtomicU32::new(0);
static MOST: AtomicU32 = AtomicU32::new(0);

struct AsyncEcho;

bindings::export!(AsyncEcho with_types_in bindings);

impl bindings::Guest for AsyncEcho {
    fn count() -> u32 {
        BEGUN.fetch_add(1, Ordering::Relaxed) + 1
    }
}

impl waiter::Guest for AsyncEcho {
    async fn wait(value: String) -> String {
        value
    }
}

impl Guest for AsyncEcho {
    async fn echo(value: String) -> String {
        wait(value).await
    }

    async fn together(value: String) -> (u32, u32) {
        BEGUN.fetch_add(1, Ordering::Relaxed);
        let now = NOW.fetch_add(1, Ordering::Relaxed) + 1;
        MOST.fetch_max(now, Ordering::Relaxed);
        wait(value).await;
        NOW.fetch_sub(1, Ordering::Relaxed);
        (BEGUN.load(Ordering::Relaxed), MOST.load(Ordering::Relaxed))
    }

    async fn number(value: u64) -> u64 {
        value
    }

    async fn pair(value: (u32, String)) -> (u32, String) {
        value
    }

    async fn swap(value: Wide) -> Wide {
        value
    }

    async fn nothing() {}

    async fn panic(message: String) {
        let message = wait(message).await;
        panic!("{message}");
    }

    async fn spin() {
        loop {
            std::hint::spin_loop();
        }
    }
}
