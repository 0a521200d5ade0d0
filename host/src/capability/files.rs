//! `wasi:filesystem/preopens`: the folders that were granted. All else of `wasi:filesystem` works on
//! handles that come from these, and is wasmtime's: no path leads out of a folder.

use wasmtime::component::{HasData, Linker, Resource};
use wasmtime_wasi::filesystem::{Descriptor, WasiFilesystemView as _};
use wasmtime_wasi::p2::bindings::filesystem::preopens;

use super::Guest;

pub(super) fn define(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    preopens::add_to_linker::<_, Files>(linker, |guest| guest)
}

struct Files;

impl HasData for Files {
    type Data<'a> = &'a mut Guest;
}

impl preopens::Host for Guest {
    /// A standard library asks before it opens the first file: who has none is told why.
    fn get_directories(&mut self) -> wasmtime::Result<Vec<(Resource<Descriptor>, String)>> {
        let granted = self.granted();
        if granted.files().is_none() {
            granted.refuse_files(self.output());
        }
        preopens::Host::get_directories(&mut self.filesystem())
    }
}
