//! Greets. What it prints arrives in the lattice's log.

mod bindings {
    wit_bindgen::generate!({ path: "wit" });
}

struct Greeter;

bindings::export!(Greeter with_types_in bindings);

impl bindings::Guest for Greeter {
    fn greet(name: String) -> String {
        println!("greeting {name}");
        format!("Hello, {name}!")
    }
}
