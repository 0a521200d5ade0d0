//! Hands a call on through its link: one call into this actor is two calls.

mod bindings {
    wit_bindgen::generate!({
        path: ["../../actors/tests/types/wit", "wit"],
        world: "lattice:bench/guest",
        generate_all,
    });
}

use bindings::exports::lattice::bench::relay::Guest;
use bindings::lattice::test::types::echo_bytes;

struct Relay;

bindings::export!(Relay with_types_in bindings);

impl Guest for Relay {
    fn relay(data: Vec<u8>) -> Vec<u8> {
        echo_bytes(&data)
    }
}
