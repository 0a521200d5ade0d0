use proptest::prelude::*;

use super::{Arguments, Encoding, Error, Parameter};

fn parameters() -> Vec<Parameter> {
    let parameter = |name: &str, ty: &str, optional| Parameter {
        name: name.to_owned(),
        ty: ty.to_owned(),
        optional,
    };
    vec![
        parameter("id", "u32", false),
        parameter("note", "option<string>", true),
    ]
}

/// Reads `id` and `note` from JSON.
fn read(json: &str) -> Result<(u32, Option<String>), Error> {
    let payload = Encoding::Json.decode(json.as_bytes())?;
    let arguments = Arguments::new(&payload, Encoding::Json, &parameters())?;
    let (mut id, mut note) = (None, None);
    arguments.each::<Error>(|index, value| {
        match (index, value) {
            (0, Some(reader)) => id = Some(reader.integer()?),
            (_, Some(reader)) => {
                if !reader.nil() {
                    note = Some(reader.str()?.to_owned());
                }
            }
            (_, None) => {}
        }
        Ok(())
    })?;
    Ok((id.unwrap(), note))
}

fn refusal(json: &str) -> String {
    read(json).unwrap_err().to_string()
}

#[test]
fn arguments_are_given_by_position_or_by_name() {
    let wanted = (7, Some("x".to_owned()));
    assert_eq!(read("[7, \"x\"]").unwrap(), wanted);
    assert_eq!(read("{\"id\": 7, \"note\": \"x\"}").unwrap(), wanted);
    assert_eq!(read("{\"note\": \"x\", \"id\": 7}").unwrap(), wanted);
}

#[test]
fn an_option_may_be_left_out() {
    for json in [
        "[7]",
        "[7, null]",
        "{\"id\": 7}",
        "{\"id\": 7, \"note\": null}",
    ] {
        assert_eq!(read(json).unwrap(), (7, None), "{json}");
    }
}

#[test]
fn a_wrong_count_says_what_is_expected() {
    let wanted = "expected 2 arguments (id: u32, note: option<string>), found";
    assert_eq!(refusal("[]"), format!("{wanted} 0"));
    assert_eq!(refusal(""), format!("{wanted} 0"));
    assert_eq!(refusal("[1, null, 3]"), format!("{wanted} 3"));
    let none = Arguments::new(&[0x91, 1], Encoding::MessagePack, &[]);
    assert_eq!(
        none.unwrap_err().to_string(),
        "expected no arguments, found 1"
    );
}

#[test]
fn names_are_checked() {
    assert_eq!(
        refusal("{\"id\": 1, \"nota\": 2}"),
        "unknown argument \"nota\", expected one of: id, note"
    );
    assert_eq!(
        refusal("{\"note\": null}"),
        "argument \"id\" (u32) is missing"
    );
    let twice = [0x82, 0xa2, b'i', b'd', 1, 0xa2, b'i', b'd', 1];
    let error = Arguments::new(&twice, Encoding::MessagePack, &parameters()).unwrap_err();
    assert_eq!(error.to_string(), "argument \"id\" is given twice");
}

#[test]
fn nothing_may_follow() {
    for payload in [
        &[0x92, 1, 0xc0, 0xc0][..],
        &[0x81, 0xa2, b'i', b'd', 1, 0xc0],
    ] {
        let read =
            Arguments::new(payload, Encoding::MessagePack, &parameters()).and_then(|arguments| {
                arguments.each::<Error>(|_, value| match value {
                    Some(reader) => reader.value().map(|_| ()),
                    None => Ok(()),
                })
            });
        assert_eq!(read.unwrap_err().to_string(), "1 bytes too many at the end");
    }
}

#[test]
fn no_arguments_is_an_empty_payload_an_empty_array_or_an_empty_map() {
    for payload in [&[][..], &[0x90], &[0x80]] {
        assert!(Arguments::new(payload, Encoding::MessagePack, &[]).is_ok());
    }
}

#[test]
fn a_scalar_is_not_a_list_of_arguments() {
    let error = Arguments::new(&[0x01], Encoding::MessagePack, &parameters()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "expected an array or a map of arguments, found integer 1"
    );
}

proptest! {
    #[test]
    fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        for source in [Encoding::Json, Encoding::MessagePack] {
            if let Ok(arguments) = Arguments::new(&bytes, source, &parameters()) {
                let _ = arguments.each::<Error>(|_, value| match value {
                    Some(reader) => reader.value().map(|_| ()),
                    None => Ok(()),
                });
            }
        }
    }
}
