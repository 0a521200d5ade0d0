//! Any sequence of pulls on any bytes.
#![no_main]

use arbitrary::Arbitrary;
use lattice_protocol::codec::{Encoding, Error, Reader};
use libfuzzer_sys::fuzz_target;

#[derive(Debug, Clone, Copy, Arbitrary)]
enum Pull {
    Bool,
    U8,
    U16,
    U32,
    U64,
    S8,
    S16,
    S32,
    S64,
    F32,
    F64,
    Char,
    Text,
    Bytes,
    Array,
    Map,
    Nil,
    Value,
}

#[derive(Debug, Arbitrary)]
struct Input<'a> {
    json: bool,
    pulls: Vec<Pull>,
    bytes: &'a [u8],
}

fuzz_target!(|input: Input<'_>| {
    let source = match input.json {
        true => Encoding::Json,
        false => Encoding::MessagePack,
    };
    let mut reader = Reader::new(input.bytes, source);
    for next in input.pulls {
        let before = left(&reader);
        let message = match pull(&mut reader, next) {
            Ok(()) => reader.found(),
            Err(error) => error.to_string(),
        };
        assert!(left(&reader) <= before, "a cursor never goes back");
        assert!(!message.is_empty(), "an error says something");
    }
});

fn pull(reader: &mut Reader<'_>, next: Pull) -> Result<(), Error> {
    let before = left(reader);
    match next {
        Pull::Bool => reader.bool().map(drop),
        Pull::U8 => reader.integer::<u8>().map(drop),
        Pull::U16 => reader.integer::<u16>().map(drop),
        Pull::U32 => reader.integer::<u32>().map(drop),
        Pull::U64 => reader.integer::<u64>().map(drop),
        Pull::S8 => reader.integer::<i8>().map(drop),
        Pull::S16 => reader.integer::<i16>().map(drop),
        Pull::S32 => reader.integer::<i32>().map(drop),
        Pull::S64 => reader.integer::<i64>().map(drop),
        Pull::F32 => reader.f32().map(drop),
        Pull::F64 => reader.f64().map(drop),
        Pull::Char => reader.char().map(drop),
        Pull::Text => reader.str().map(|text| assert!(text.len() < before)),
        Pull::Bytes => reader.bytes().map(|bytes| assert!(bytes.len() < before)),
        // Each element takes a byte at the least: a length that is told can be reserved.
        Pull::Array => reader.array("list").map(|len| assert!(len <= left(reader))),
        Pull::Map => reader
            .map("record")
            .map(|len| assert!(len * 2 <= left(reader))),
        Pull::Nil => {
            reader.nil();
            Ok(())
        }
        Pull::Value => reader.value().map(|value| {
            assert_eq!(
                left(&value) + left(reader),
                before,
                "a value is cut out whole"
            );
        }),
    }
}

/// How many bytes are left: what `finish` complains of.
fn left(reader: &Reader<'_>) -> usize {
    let Err(error) = reader.finish() else {
        return 0;
    };
    let text = error.to_string();
    let count = text.split(' ').next().and_then(|count| count.parse().ok());
    count.expect("the message begins with the number of bytes")
}
