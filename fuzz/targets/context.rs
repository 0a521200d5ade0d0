//! The headers of a request and of an error, as anybody may write them.
#![no_main]

use std::collections::BTreeMap;

use lattice_protocol::call::{
    Context, DEADLINE_MAX, HOPS_MAX, Origin, decode_error, encode_error, header,
};
use lattice_protocol::error::{CallError, ErrorCode, MESSAGE_LEN_MAX};
use lattice_protocol::id::LinkName;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let sent: BTreeMap<&str, &str> = text.lines().filter_map(|l| l.split_once(": ")).collect();
    match Context::decode(|name| sent.get(name).copied()) {
        Ok(context) => {
            comes_back(&context, sent.contains_key(header::ID));
            goes_onward(&context);
        }
        Err(error) => {
            assert_eq!(error.code, ErrorCode::BadRequest);
            let named = sent.keys().any(|name| error.message.contains(name));
            assert!(named, "the header is named: {error}");
        }
    }
    if let Some(error) = decode_error(|name| sent.get(name).copied()) {
        fails_alike(&error);
    }
});

fn comes_back(context: &Context, has_id: bool) {
    assert!(context.remaining <= DEADLINE_MAX);
    let mut headers = BTreeMap::new();
    context.encode(|name, value| assert!(headers.insert(name, value).is_none(), "{name} twice"));
    assert!(
        has_id || headers.contains_key(header::ID),
        "a call gets an id"
    );
    let back = Context::decode(|name| headers.get(name).map(String::as_str));
    assert_eq!(back.as_ref(), Ok(context));
}

/// However many hops a caller claims, the next is one more or refused.
fn goes_onward(context: &Context) {
    let origin = Origin {
        source: "a".parse().expect("a name"),
        link: LinkName::default(),
    };
    match context.onward(context.remaining, origin) {
        Ok(next) => {
            assert_eq!(u32::from(next.hops), u32::from(context.hops) + 1);
            assert!(next.hops < HOPS_MAX);
        }
        Err(error) => {
            assert_eq!(error.code, ErrorCode::BadRequest);
            assert!(u32::from(context.hops) + 1 >= u32::from(HOPS_MAX));
        }
    }
}

fn fails_alike(error: &CallError) {
    assert!(error.message.len() <= MESSAGE_LEN_MAX);
    assert!(!error.message.chars().any(char::is_control), "one line");
    let mut headers = BTreeMap::new();
    encode_error(error, |name, value| {
        headers.insert(name, value);
    });
    let back = decode_error(|name| headers.get(name).map(String::as_str));
    assert_eq!(back.as_ref(), Some(error));
}
