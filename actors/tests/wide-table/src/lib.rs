//! A function, in a component whose table is wide (see `build.rs`).

mod bindings {
    wit_bindgen::generate!({ path: "wit" });
}

struct WideTable;

bindings::export!(WideTable with_types_in bindings);

impl bindings::Guest for WideTable {
    fn one() -> u32 {
        1
    }
}
