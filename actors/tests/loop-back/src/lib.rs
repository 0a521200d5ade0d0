//! Calls the interface that it answers: linked to itself, once for each hop.

mod bindings {
    wit_bindgen::generate!({ path: "wit" });
}

use bindings::exports::lattice::test::chain::Guest;
use bindings::lattice::test::chain;

struct LoopBack;

bindings::export!(LoopBack with_types_in bindings);

impl Guest for LoopBack {
    fn hop(n: u32) -> u32 {
        match n.checked_sub(1) {
            Some(rest) => chain::hop(rest) + 1,
            None => 0,
        }
    }
}
