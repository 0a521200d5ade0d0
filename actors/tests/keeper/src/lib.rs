//! Keeps entries behind handles.

mod bindings {
    wit_bindgen::generate!({ path: "wit", generate_all });
}

use bindings::exports::lattice::handles::pool;

struct Keeper;

struct Entry(String);

bindings::export!(Keeper with_types_in bindings);

impl pool::Guest for Keeper {
    type Entry = Entry;

    fn find(name: String) -> Option<pool::Entry> {
        Some(pool::Entry::new(Entry(name)))
    }
}

impl pool::GuestEntry for Entry {
    fn new(name: String) -> Self {
        Self(name)
    }

    fn name(&self) -> String {
        self.0.clone()
    }
}
