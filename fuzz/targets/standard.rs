//! Standard interfaces as they travel: the first byte says which message the rest is read as.
#![no_main]

use lattice_fuzz::{choose, survives_both};
use lattice_protocol::standard::WitResult;
use lattice_protocol::standard::http::{Request, Response};
use lattice_protocol::standard::keyvalue::{
    ByKey, ByKeys, Error, Increment, KeyResponse, ListKeys, Open, Pair, Set, SetMany, Value,
};
use libfuzzer_sys::fuzz_target;

const MESSAGES: &[fn(&[u8])] = &[
    survives_both::<Request>,
    survives_both::<Response>,
    survives_both::<Open>,
    survives_both::<ByKey>,
    survives_both::<Set>,
    survives_both::<ListKeys>,
    survives_both::<Increment>,
    survives_both::<ByKeys>,
    survives_both::<SetMany>,
    survives_both::<WitResult<(), Error>>,
    survives_both::<WitResult<Value, Error>>,
    survives_both::<WitResult<bool, Error>>,
    survives_both::<WitResult<u64, Error>>,
    survives_both::<WitResult<KeyResponse, Error>>,
    survives_both::<WitResult<Vec<Option<Pair>>, Error>>,
];

fuzz_target!(|data: &[u8]| {
    if let Some((which, data)) = choose(data) {
        MESSAGES[which % MESSAGES.len()](data);
    }
});
