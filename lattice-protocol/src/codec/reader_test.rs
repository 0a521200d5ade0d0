use proptest::prelude::*;

use super::{Encoding, Error, Reader, Writer};

fn packed(write: impl FnOnce(&mut Writer)) -> Vec<u8> {
    let mut writer = Writer::default();
    write(&mut writer);
    writer.into_bytes()
}

fn binary(bytes: &[u8]) -> Reader<'_> {
    Reader::new(bytes, Encoding::MessagePack)
}

fn text(bytes: &[u8]) -> Reader<'_> {
    Reader::new(bytes, Encoding::Json)
}

fn says<T: std::fmt::Debug>(result: Result<T, Error>) -> String {
    result.unwrap_err().to_string()
}

#[test]
fn golden_bytes_of_every_kind() {
    for (written, bytes) in [
        (packed(|w| w.nil()), &[0xc0][..]),
        (packed(|w| w.bool(true)), &[0xc3]),
        (packed(|w| w.unsigned(200)), &[0xcc, 200]),
        (packed(|w| w.signed(200)), &[0xcc, 200]),
        (packed(|w| w.signed(-200)), &[0xd1, 0xff, 0x38]),
        (packed(|w| w.f32(1.5)), &[0xca, 0x3f, 0xc0, 0, 0]),
        (
            packed(|w| w.f64(1.5)),
            &[0xcb, 0x3f, 0xf8, 0, 0, 0, 0, 0, 0],
        ),
        (packed(|w| w.str("hé")), &[0xa3, b'h', 0xc3, 0xa9]),
        (packed(|w| w.bytes(&[1, 2])), &[0xc4, 2, 1, 2]),
        (packed(|w| w.array(2)), &[0x92]),
        (packed(|w| w.map(16)), &[0xde, 0, 16]),
    ] {
        assert_eq!(written, bytes);
    }
}

#[test]
fn integers_are_checked_against_their_range() {
    let bytes = packed(|w| w.unsigned(300));
    assert_eq!(binary(&bytes).integer::<u16>().unwrap(), 300);
    assert_eq!(
        says(binary(&bytes).integer::<u8>()),
        "expected u8, found integer 300"
    );
    assert_eq!(
        says(binary(&[0xff]).integer::<u64>()),
        "expected u64, found integer -1"
    );
    assert_eq!(binary(&[0xff]).integer::<i8>().unwrap(), -1);
    // Not the smallest form, as other writers may choose.
    assert_eq!(
        binary(&[0xd3, 0, 0, 0, 0, 0, 0, 0, 5])
            .integer::<u8>()
            .unwrap(),
        5
    );
    let float = packed(|w| w.f64(1.0));
    assert_eq!(
        says(binary(&float).integer::<u8>()),
        "expected u8, found float 1.0"
    );
}

#[test]
fn only_64_bit_integers_may_be_decimal_strings() {
    let bytes = packed(|w| w.str("18446744073709551615"));
    assert_eq!(text(&bytes).integer::<u64>().unwrap(), u64::MAX);
    assert_eq!(binary(&bytes).integer::<u64>().unwrap(), u64::MAX);
    assert_eq!(
        says(text(&bytes).integer::<i64>()),
        "expected s64, found string"
    );
    assert_eq!(
        says(text(&packed(|w| w.str("5"))).integer::<u32>()),
        "expected u32, found string"
    );
}

#[test]
fn floats_take_what_is_a_number() {
    assert_eq!(binary(&[0x05]).f32().unwrap(), 5.0);
    assert_eq!(binary(&[0xff]).f64().unwrap(), -1.0);
    assert_eq!(binary(&packed(|w| w.f32(0.5))).f64().unwrap(), 0.5);
    assert_eq!(binary(&packed(|w| w.f64(0.1))).f32().unwrap(), 0.1);
    assert_eq!(
        says(binary(&packed(|w| w.f64(1e300))).f32()),
        "expected f32, found float 1e300"
    );
    assert!(
        binary(&packed(|w| w.f64(f64::INFINITY)))
            .f32()
            .unwrap()
            .is_infinite()
    );
}

#[test]
fn named_floats_are_for_json_only() {
    let bytes = packed(|w| w.str("-Infinity"));
    assert_eq!(text(&bytes).f64().unwrap(), f64::NEG_INFINITY);
    assert_eq!(text(&bytes).f32().unwrap(), f32::NEG_INFINITY);
    assert!(text(&packed(|w| w.str("NaN"))).f32().unwrap().is_nan());
    assert_eq!(says(binary(&bytes).f64()), "expected f64, found string");
    assert_eq!(
        says(text(&packed(|w| w.str("inf"))).f64()),
        "expected f64, found string"
    );
}

#[test]
fn bytes_come_in_three_forms() {
    assert_eq!(*binary(&[0xc4, 2, 1, 2]).bytes().unwrap(), [1, 2]);
    assert_eq!(*binary(&[0x92, 1, 0xcc, 255]).bytes().unwrap(), [1, 255]);
    for base64 in ["/wA=", "/wA"] {
        let bytes = packed(|w| w.str(base64));
        assert_eq!(*text(&bytes).bytes().unwrap(), [255, 0]);
        assert_eq!(says(binary(&bytes).bytes()), "expected bytes, found string");
    }
    assert_eq!(
        says(binary(&[0x92, 1, 0xcd, 1, 0]).bytes()),
        "item \"[1]\": expected u8, found integer 256"
    );
    assert!(says(text(&packed(|w| w.str("a!"))).bytes()).starts_with("bytes are not valid base64"));
}

#[test]
fn a_char_is_a_string_of_one() {
    assert_eq!(binary(&packed(|w| w.str("é"))).char().unwrap(), 'é');
    let wanted = "expected char (a string of one character), found string";
    assert_eq!(says(binary(&packed(|w| w.str(""))).char()), wanted);
    assert_eq!(says(binary(&packed(|w| w.str("ab"))).char()), wanted);
    assert_eq!(
        says(binary(&[0x01]).char()),
        "expected char, found integer 1"
    );
}

#[test]
fn a_mismatch_takes_nothing() {
    let bytes = packed(|w| w.str("x"));
    let mut reader = binary(&bytes);
    assert!(reader.array("list").is_err());
    assert!(reader.map("record").is_err());
    assert!(reader.bool().is_err());
    assert!(!reader.nil());
    assert_eq!(reader.str().unwrap(), "x");
    assert!(reader.is_empty());
}

#[test]
fn stepping_over_a_value_takes_just_that() {
    let bytes = packed(|w| {
        w.map(2);
        w.str("a");
        w.array(2);
        w.f64(1.0);
        w.bytes(&[0; 300]);
        w.str("b");
        w.nil();
        w.bool(true);
    });
    let mut reader = binary(&bytes);
    reader.value().unwrap();
    assert!(reader.bool().unwrap());
    // Deeper than any stack would carry.
    let deep = [vec![0x91; 1 << 20], vec![0xc0]].concat();
    let mut reader = binary(&deep);
    reader.value().unwrap();
    assert!(reader.is_empty());
}

#[test]
fn lengths_that_lie_are_refused_before_anything_is_allocated() {
    let array = [0xdd, 0xff, 0xff, 0xff, 0xff, 1, 2, 3];
    assert_eq!(says(binary(&array).array("list")), "payload ends early");
    assert_eq!(says(binary(&array).value()), "payload ends early");
    assert_eq!(says(binary(&array).bytes()), "payload ends early");
    let map = [0xdf, 0xff, 0xff, 0xff, 0xff, 1, 2, 3];
    assert_eq!(says(binary(&map).map("record")), "payload ends early");
    let bin = [0xc6, 0xff, 0xff, 0xff, 0xff, 1];
    assert_eq!(says(binary(&bin).bytes()), "payload ends early");
}

#[test]
fn an_error_names_the_place_and_what_is_there() {
    let error = Error::expected("f64", "string")
        .in_field("price")
        .in_item(3)
        .in_field("items");
    let in_argument = error.clone().in_argument("order").to_string();
    assert_eq!(
        in_argument,
        "argument \"order\", field \"items[3].price\": expected f64, found string"
    );
    assert_eq!(
        error.in_result().to_string(),
        "result, field \"items[3].price\": expected f64, found string"
    );
    assert_eq!(
        Error::new("x").in_argument("a").to_string(),
        "argument \"a\": x"
    );
}

#[test]
fn an_error_repeats_only_so_much_of_what_it_was_given() {
    let names: Vec<String> = (0..1000).map(|n| format!("name-{n}")).collect();
    let error = Error::unknown(
        "field",
        &"x".repeat(10_000),
        names.iter().map(String::as_str),
    );
    assert!(error.to_string().len() < 500, "{error}");
    assert!(
        error.to_string().ends_with("name-15 and 984 more"),
        "{error}"
    );
}

proptest! {
    #[test]
    fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        for source in [Encoding::Json, Encoding::MessagePack] {
            let start = Reader::new(&bytes, source);
            let each = || start;
            let _ = (each().bool(), each().char(), each().str(), each().bytes());
            let _ = (each().integer::<u8>(), each().integer::<i64>(), each().f32(), each().f64());
            let _ = (each().array("array"), each().map("map"), each().nil(), each().found());
            let mut reader = each();
            while reader.value().is_ok() {}
        }
    }

    #[test]
    fn what_is_written_is_read(signed in any::<i64>(), float in any::<f64>(), words in any::<String>()) {
        let bytes = packed(|w| {
            w.signed(signed);
            w.f64(float);
            w.str(&words);
            w.bytes(words.as_bytes());
        });
        let mut reader = binary(&bytes);
        prop_assert_eq!(reader.integer::<i64>().unwrap(), signed);
        prop_assert_eq!(reader.f64().unwrap(), float);
        prop_assert_eq!(reader.str().unwrap(), &words);
        prop_assert_eq!(&*reader.bytes().unwrap(), words.as_bytes());
        reader.finish().unwrap();
    }
}
