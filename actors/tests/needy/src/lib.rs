//! Passes a question on to an interface that nobody answers.

mod bindings {
    wit_bindgen::generate!({ path: "wit", generate_all });
}

struct Needy;

bindings::export!(Needy with_types_in bindings);

impl bindings::Guest for Needy {
    fn ask(question: String) -> String {
        bindings::example::absent::oracle::ask(&question)
    }
}
