//! `wasi:random`, of which a call gets so many bytes.

use wasmtime::component::{HasData, Linker};
use wasmtime_wasi::random::WasiRandomView as _;
use wasmtime_wasi::{p2, p3};

use super::Guest;

/// What a number of 64 bits takes of the allowance.
const NUMBER_BYTES: u64 = 8;

/// The call wanted more than its actor may have.
#[derive(Debug, thiserror::Error)]
#[error(
    "the call asked for {asked} bytes of randomness and has {left} left of limits.random_bytes = {limit}"
)]
struct Spent {
    asked: u64,
    left: u64,
    limit: u64,
}

/// How much randomness a call may still have.
pub(super) struct Allowance {
    limit: u64,
    left: u64,
}

impl Allowance {
    pub(super) fn new(limit: u64) -> Self {
        Self { limit, left: limit }
    }

    /// Another call begins.
    pub(super) fn renew(&mut self) {
        self.left = self.limit;
    }

    fn take(&mut self, bytes: u64) -> wasmtime::Result<()> {
        let (limit, left) = (self.limit, self.left);
        let spent = Spent {
            asked: bytes,
            left,
            limit,
        };
        self.left = left.checked_sub(bytes).ok_or(spent)?;
        Ok(())
    }
}

pub(super) fn define(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    p2::bindings::random::random::add_to_linker::<_, Random>(linker, |guest| guest)?;
    p2::bindings::random::insecure::add_to_linker::<_, Random>(linker, |guest| guest)?;
    p3::bindings::random::random::add_to_linker::<_, Random>(linker, |guest| guest)?;
    p3::bindings::random::insecure::add_to_linker::<_, Random>(linker, |guest| guest)
}

struct Random;

impl HasData for Random {
    type Data<'a> = &'a mut Guest;
}

/// Both versions say the same.
macro_rules! bounded {
    ($version:ident) => {
        const _: () = {
            use wasmtime_wasi::$version::bindings::random::{insecure, random};

            impl random::Host for Guest {
                fn get_random_bytes(&mut self, len: u64) -> wasmtime::Result<Vec<u8>> {
                    self.randomness().take(len)?;
                    random::Host::get_random_bytes(self.random(), len)
                }

                fn get_random_u64(&mut self) -> wasmtime::Result<u64> {
                    self.randomness().take(NUMBER_BYTES)?;
                    random::Host::get_random_u64(self.random())
                }
            }

            impl insecure::Host for Guest {
                fn get_insecure_random_bytes(&mut self, len: u64) -> wasmtime::Result<Vec<u8>> {
                    self.randomness().take(len)?;
                    insecure::Host::get_insecure_random_bytes(self.random(), len)
                }

                fn get_insecure_random_u64(&mut self) -> wasmtime::Result<u64> {
                    self.randomness().take(NUMBER_BYTES)?;
                    insecure::Host::get_insecure_random_u64(self.random())
                }
            }
        };
    };
}

bounded!(p2);
bounded!(p3);
