//! Does work that can end badly, or has another actor do it through its link.

mod bindings {
    wit_bindgen::generate!({ path: "wit" });
}

use std::time::Duration;

use bindings::exports::lattice::errand::{orders, work};
use bindings::lattice::errand::work as linked;

struct Errand;

bindings::export!(Errand with_types_in bindings);

impl work::Guest for Errand {
    fn panic(message: String) {
        panic!("{message}");
    }

    fn spin() {
        loop {
            std::hint::spin_loop();
        }
    }

    fn sleep_ms(ms: u32) {
        std::thread::sleep(Duration::from_millis(ms.into()));
    }

    fn say(text: String) -> String {
        println!("{text}");
        text
    }
}

impl orders::Guest for Errand {
    fn panic(message: String) {
        linked::panic(&message);
    }

    fn spin() {
        linked::spin();
    }

    fn sleep_ms(ms: u32) {
        linked::sleep_ms(ms);
    }

    fn say(text: String) -> String {
        linked::say(&text)
    }
}
