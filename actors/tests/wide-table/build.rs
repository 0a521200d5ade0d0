//! Lets the functions of the component begin far up in its table, which so has that many elements.

fn main() {
    println!("cargo::rustc-link-arg-cdylib=--table-base=60000");
}
