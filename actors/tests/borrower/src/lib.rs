//! Asks a thing behind a handle for its name.

mod bindings {
    wit_bindgen::generate!({
        path: ["../keeper/wit", "wit"],
        world: "example:borrower/borrower",
        generate_all,
    });
}

use bindings::lattice::handles::pool::Entry;

struct Borrower;

bindings::export!(Borrower with_types_in bindings);

impl bindings::Guest for Borrower {
    fn known_as(name: String) -> String {
        Entry::new(&name).name()
    }
}
