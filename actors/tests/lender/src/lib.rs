//! Counts books, and lends them behind handles.

mod bindings {
    wit_bindgen::generate!({ path: "wit" });
}

use bindings::exports::lattice::lender::shelf;

struct Lender;

struct Book(String);

bindings::export!(Lender with_types_in bindings);

impl bindings::Guest for Lender {
    fn count() -> u32 {
        3
    }
}

impl shelf::Guest for Lender {
    type Book = Book;

    fn lend(title: String) -> shelf::Book {
        shelf::Book::new(Book(title))
    }
}

impl shelf::GuestBook for Book {
    fn title(&self) -> String {
        self.0.clone()
    }
}
