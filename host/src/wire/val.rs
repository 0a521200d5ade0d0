//! The reference that the direct path is compared with: wasmtime's `Val`, written by the same rules.

use lattice_protocol::codec::Writer;
use wasmtime::component::Val;
use wasmtime::component::types::Type;

/// Writes a value of type `ty`.
pub(super) fn write(value: &Val, ty: &Type, out: &mut Writer) {
    match (value, ty) {
        (Val::Bool(value), _) => out.bool(*value),
        (Val::U8(value), _) => out.unsigned((*value).into()),
        (Val::U16(value), _) => out.unsigned((*value).into()),
        (Val::U32(value), _) => out.unsigned((*value).into()),
        (Val::U64(value), _) => out.unsigned(*value),
        (Val::S8(value), _) => out.signed((*value).into()),
        (Val::S16(value), _) => out.signed((*value).into()),
        (Val::S32(value), _) => out.signed((*value).into()),
        (Val::S64(value), _) => out.signed(*value),
        (Val::Float32(value), _) => out.f32(*value),
        (Val::Float64(value), _) => out.f64(*value),
        (Val::Char(value), _) => out.str(&value.to_string()),
        (Val::String(value) | Val::Enum(value), _) => out.str(value),
        (Val::List(values), Type::List(list)) => elements(values, &list.ty(), out),
        (Val::Tuple(values), Type::Tuple(tuple)) => {
            out.array(values.len() as u32);
            for (value, ty) in values.iter().zip(tuple.types()) {
                write(value, &ty, out);
            }
        }
        (Val::Record(fields), Type::Record(record)) => {
            out.map(fields.len() as u32);
            for ((name, value), field) in fields.iter().zip(record.fields()) {
                out.str(name);
                write(value, &field.ty, out);
            }
        }
        (Val::Flags(names), _) => {
            out.array(names.len() as u32);
            names.iter().for_each(|name| out.str(name));
        }
        (Val::Variant(name, payload), Type::Variant(variant)) => {
            let case = variant.cases().find(|case| case.name == name);
            let ty = case.expect("a case of the variant").ty;
            match (payload, ty) {
                (Some(payload), Some(ty)) => one(name, payload, &ty, out),
                _ => out.str(name),
            }
        }
        (Val::Option(None), _) => out.nil(),
        (Val::Option(Some(value)), Type::Option(option)) => {
            if matches!(option.ty(), Type::Option(_)) {
                out.array(1);
            }
            write(value, &option.ty(), out);
        }
        (Val::Result(result), Type::Result(types)) => {
            let (name, payload, ty) = match result {
                Ok(payload) => ("ok", payload, types.ok()),
                Err(payload) => ("err", payload, types.err()),
            };
            match (payload, ty) {
                (Some(payload), Some(ty)) => one(name, payload, &ty, out),
                _ => {
                    out.map(1);
                    out.str(name);
                    out.nil();
                }
            }
        }
        (value, ty) => panic!("{value:?} is not of type {ty:?}"),
    }
}

fn elements(values: &[Val], ty: &Type, out: &mut Writer) {
    if matches!(ty, Type::U8) {
        let byte = |value: &Val| match value {
            Val::U8(byte) => *byte,
            other => panic!("{other:?} is not a byte"),
        };
        out.bytes(&values.iter().map(byte).collect::<Vec<u8>>());
        return;
    }
    out.array(values.len() as u32);
    values.iter().for_each(|value| write(value, ty, out));
}

fn one(name: &str, payload: &Val, ty: &Type, out: &mut Writer) {
    out.map(1);
    out.str(name);
    write(payload, ty, out);
}
