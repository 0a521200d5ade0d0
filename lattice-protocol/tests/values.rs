//! Values survive the wire, whichever encoding they take and however the arguments are given.

#![allow(
    clippy::unwrap_used,
    reason = "what helpers of a test can't do fails the test"
)]

use lattice_protocol::codec::{Arguments, Encoding, Error, Parameter, Reader, Writer, json};
use proptest::prelude::*;

/// A value that knows its own type, so that it can say how it must be read.
#[derive(Debug, Clone, PartialEq)]
enum Value {
    Bool(bool),
    U8(u8),
    U16(u16),
    U32(u32),
    U64(u64),
    S8(i8),
    S16(i16),
    S32(i32),
    S64(i64),
    F64(f64),
    Char(char),
    Text(String),
    Bytes(Vec<u8>),
    List(Vec<Value>),
    Record(Vec<(String, Value)>),
    None,
}

impl Value {
    fn write(&self, to: &mut Writer) {
        match self {
            Self::Bool(value) => to.bool(*value),
            Self::U8(value) => to.unsigned((*value).into()),
            Self::U16(value) => to.unsigned((*value).into()),
            Self::U32(value) => to.unsigned((*value).into()),
            Self::U64(value) => to.unsigned(*value),
            Self::S8(value) => to.signed((*value).into()),
            Self::S16(value) => to.signed((*value).into()),
            Self::S32(value) => to.signed((*value).into()),
            Self::S64(value) => to.signed(*value),
            Self::F64(value) => to.f64(*value),
            Self::Char(value) => to.str(&value.to_string()),
            Self::Text(value) => to.str(value),
            Self::Bytes(value) => to.bytes(value),
            Self::List(values) => {
                to.array(values.len().try_into().unwrap());
                values.iter().for_each(|value| value.write(to));
            }
            Self::Record(fields) => {
                to.map(fields.len().try_into().unwrap());
                for (name, value) in fields {
                    to.str(name);
                    value.write(to);
                }
            }
            Self::None => to.nil(),
        }
    }

    /// Reads a value of the type of this one.
    fn read(&self, from: &mut Reader<'_>) -> Result<Self, Error> {
        Ok(match self {
            Self::Bool(_) => Self::Bool(from.bool()?),
            Self::U8(_) => Self::U8(from.integer()?),
            Self::U16(_) => Self::U16(from.integer()?),
            Self::U32(_) => Self::U32(from.integer()?),
            Self::U64(_) => Self::U64(from.integer()?),
            Self::S8(_) => Self::S8(from.integer()?),
            Self::S16(_) => Self::S16(from.integer()?),
            Self::S32(_) => Self::S32(from.integer()?),
            Self::S64(_) => Self::S64(from.integer()?),
            Self::F64(_) => Self::F64(from.f64()?),
            Self::Char(_) => Self::Char(from.char()?),
            Self::Text(_) => Self::Text(from.str()?.to_owned()),
            Self::Bytes(_) => Self::Bytes(from.bytes()?.into_owned()),
            Self::List(values) => {
                assert_eq!(from.array("list")?, values.len());
                let elements = values.iter().map(|value| value.read(from));
                Self::List(elements.collect::<Result<_, _>>()?)
            }
            Self::Record(fields) => {
                assert_eq!(from.map("record")?, fields.len());
                let pair =
                    |(_, value): &(String, Self)| Ok((from.str()?.to_owned(), value.read(from)?));
                Self::Record(fields.iter().map(pair).collect::<Result<_, Error>>()?)
            }
            Self::None if from.nil() => Self::None,
            Self::None => return Err(from.mismatch("null")),
        })
    }
}

fn value() -> impl Strategy<Value = Value> {
    // Infinities too; not NaN, which has no equal. Floats of 32 bits have a test of their own.
    let f64 = any::<f64>().prop_filter("not NaN", |value| !value.is_nan());
    let leaf = prop_oneof![
        any::<bool>().prop_map(Value::Bool),
        any::<u8>().prop_map(Value::U8),
        any::<u16>().prop_map(Value::U16),
        any::<u32>().prop_map(Value::U32),
        any::<u64>().prop_map(Value::U64),
        any::<i8>().prop_map(Value::S8),
        any::<i16>().prop_map(Value::S16),
        any::<i32>().prop_map(Value::S32),
        any::<i64>().prop_map(Value::S64),
        f64.prop_map(Value::F64),
        any::<char>().prop_map(Value::Char),
        any::<String>().prop_map(Value::Text),
        prop::collection::vec(any::<u8>(), 0..300).prop_map(Value::Bytes),
        Just(Value::None),
    ];
    leaf.prop_recursive(5, 64, 20, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..20).prop_map(Value::List),
            prop::collection::btree_map(any::<String>(), inner, 0..20)
                .prop_map(|fields| Value::Record(fields.into_iter().collect())),
        ]
    })
}

/// The arguments as another client would send them, in MessagePack.
fn packed(arguments: &[Value], names: Option<&[Parameter]>) -> Vec<u8> {
    let mut writer = Writer::default();
    let len = arguments.len().try_into().unwrap();
    match names {
        None => writer.array(len),
        Some(_) => writer.map(len),
    }
    for (index, argument) in arguments.iter().enumerate() {
        if let Some(names) = names {
            writer.str(&names[index].name);
        }
        argument.write(&mut writer);
    }
    writer.into_bytes()
}

fn parameters(arguments: &[Value]) -> Vec<Parameter> {
    let parameter = |(index, argument): (usize, &Value)| Parameter {
        name: format!("p{index}"),
        ty: "t".into(),
        optional: *argument == Value::None,
    };
    arguments.iter().enumerate().map(parameter).collect()
}

/// What a callee gets of this payload.
fn taken(payload: &[u8], arguments: &[Value]) -> Result<Vec<Value>, Error> {
    let encoding = Encoding::sniff(payload, None)?;
    let packed = encoding.decode(payload)?;
    let mut taken = Vec::new();
    Arguments::new(&packed, encoding, &parameters(arguments))?.each(|index, reader| {
        taken.push(match reader {
            Some(reader) => arguments[index].read(reader)?,
            None => Value::None,
        });
        Ok::<_, Error>(())
    })?;
    Ok(taken)
}

fn as_json(packed: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    json::from_msgpack(packed, &mut out).unwrap();
    out
}

proptest! {
    #[test]
    fn arguments_are_taken_as_they_were_given(arguments in prop::collection::vec(value(), 0..4)) {
        let names = parameters(&arguments);
        for names in [None, Some(names.as_slice())] {
            let payload = packed(&arguments, names);
            prop_assert_eq!(&taken(&payload, &arguments).unwrap(), &arguments);
            prop_assert_eq!(&taken(&as_json(&payload), &arguments).unwrap(), &arguments);
        }
    }

    #[test]
    fn every_payload_cut_short_is_refused(arguments in prop::collection::vec(value(), 1..3)) {
        let payload = packed(&arguments, None);
        for end in 1..payload.len() {
            prop_assert!(taken(&payload[..end], &arguments).is_err(), "{end} bytes were taken");
        }
        let payload = as_json(&payload);
        for end in 1..payload.len() {
            prop_assert!(taken(&payload[..end], &arguments).is_err(), "{end} bytes were taken");
        }
    }

    #[test]
    fn whatever_follows_the_arguments_is_refused(
        arguments in prop::collection::vec(value(), 0..3),
        extra in any::<u8>(),
    ) {
        let mut payload = packed(&arguments, None);
        payload.push(extra);
        prop_assert!(taken(&payload, &arguments).is_err());
    }

    #[test]
    fn a_damaged_payload_is_read_or_refused(
        arguments in prop::collection::vec(value(), 1..3),
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let names = parameters(&arguments);
        let mut payload = packed(&arguments, Some(&names));
        let at = at.index(payload.len());
        payload[at] = byte;
        if let Ok(encoding) = Encoding::sniff(&payload, None)
            && let Ok(packed) = encoding.decode(&payload)
            && let Ok(arguments) = Arguments::new(&packed, encoding, &names)
        {
            let _ = arguments.each(|_, reader| match reader {
                Some(reader) => reader.value().map(drop),
                None => Ok(()),
            });
        }
    }
}
