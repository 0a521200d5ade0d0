//! Streams where none can cross a link.

mod bindings {
    wit_bindgen::generate!({
        path: "wit",
        world: "crossed",
    });
}

use bindings::exports::lattice::crossed::odd::{Guest, Parcel};
use bindings::wit_stream;
use wit_bindgen::rt::async_support::StreamReader;

struct Crossed;

bindings::export!(Crossed with_types_in bindings);

impl Guest for Crossed {
    async fn send(_: Parcel) {}

    fn plain(_: StreamReader<u8>) {}

    async fn all() -> StreamReader<StreamReader<u8>> {
        wit_stream::new().1
    }

    async fn ticks() -> StreamReader<()> {
        wit_stream::new().1
    }
}
