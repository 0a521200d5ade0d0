//! Lets another one shout.

mod bindings {
    wit_bindgen::generate!({
        path: "wit",
        world: "example:crier/crier",
        generate_all,
    });
}

use bindings::example::text::shout;

struct Crier;

bindings::export!(Crier with_types_in bindings);

impl bindings::Guest for Crier {
    fn cry(text: String) -> String {
        shout::up(&text)
    }
}
