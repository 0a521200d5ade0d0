//! Whether values fit their types, found out without a guest.
//!
//! Where calls share an instance, arguments that turn out wrong half-way would end all of them: so
//! there they are walked before, by the same rules and with the same words as `lower`.

use lattice_protocol::codec::elements::CHUNK_BYTES_MAX;
use lattice_protocol::codec::{Error, Reader, names};
use wasmtime::component::types::{Record, Type, Variant};

/// Reads one value of type `ty`.
pub(super) fn check(ty: &Type, reader: &mut Reader<'_>) -> Result<(), Error> {
    match ty {
        Type::Bool => reader.bool().map(drop),
        Type::U8 => reader.integer::<u8>().map(drop),
        Type::U16 => reader.integer::<u16>().map(drop),
        Type::U32 => reader.integer::<u32>().map(drop),
        Type::U64 => reader.integer::<u64>().map(drop),
        Type::S8 => reader.integer::<i8>().map(drop),
        Type::S16 => reader.integer::<i16>().map(drop),
        Type::S32 => reader.integer::<i32>().map(drop),
        Type::S64 => reader.integer::<i64>().map(drop),
        Type::Float32 => reader.f32().map(drop),
        Type::Float64 => reader.f64().map(drop),
        Type::Char => reader.char().map(drop),
        Type::String => reader.str().map(drop),
        Type::List(list) => items(&list.ty(), reader),
        Type::Map(map) => entries(&map.key(), &map.value(), reader),
        Type::FixedLengthList(list) => {
            let len = usize::try_from(list.len()).unwrap_or(usize::MAX);
            members(std::iter::repeat_n(list.ty(), len), len, reader)
        }
        Type::Tuple(tuple) => members(tuple.types(), tuple.types().len(), reader),
        Type::Record(record) => fields(record, reader),
        Type::Variant(cases) => variant(cases, reader),
        Type::Enum(cases) => enumeration(|| cases.names(), reader),
        Type::Option(option) => some(&option.ty(), reader),
        Type::Result(result) => either(result.ok(), result.err(), reader),
        Type::Flags(flags) => all_of(|| flags.names(), reader),
        Type::Stream(stream) => flow(stream.ty(), reader, elements),
        Type::Future(future) => flow(future.ty(), reader, element),
        _ => Err(Error::new("this type can't cross a link")),
    }
}

/// A stream is referred to, or all of it is here: as `whole` reads it.
fn flow(
    ty: Option<Type>,
    reader: &mut Reader<'_>,
    whole: fn(&Type, &mut Reader<'_>) -> Result<(), Error>,
) -> Result<(), Error> {
    match (reader.stream()?, ty) {
        (Some(_), _) => Ok(()),
        (None, Some(ty)) => whole(&ty, reader),
        (None, None) => Err(reader.mismatch("a stream")),
    }
}

/// All elements of a stream.
fn elements(ty: &Type, reader: &mut Reader<'_>) -> Result<(), Error> {
    if matches!(ty, Type::U8) {
        return reader.bytes().map(drop);
    }
    for index in 0..reader.array("a stream, or an array of all its elements")? {
        element(ty, reader).map_err(|error| error.in_item(index))?;
    }
    Ok(())
}

/// One that is to travel in a chunk.
fn element(ty: &Type, reader: &mut Reader<'_>) -> Result<(), Error> {
    let mut ahead = *reader;
    let bytes = ahead.value()?.as_bytes().len();
    if bytes > CHUNK_BYTES_MAX {
        let message =
            format!("it has {bytes} bytes, and an element of a stream at most {CHUNK_BYTES_MAX}");
        return Err(Error::new(message));
    }
    check(ty, reader)
}

fn items(ty: &Type, reader: &mut Reader<'_>) -> Result<(), Error> {
    if matches!(ty, Type::U8) {
        return reader.bytes().map(drop);
    }
    for index in 0..reader.array("list (an array)")? {
        check(ty, reader).map_err(|error| error.in_item(index))?;
    }
    Ok(())
}

fn entries(key: &Type, value: &Type, reader: &mut Reader<'_>) -> Result<(), Error> {
    let by_name = matches!(key, Type::String);
    let len = match by_name {
        true => reader.map("map")?,
        false => reader.array("map (an array of [key, value])")?,
    };
    for index in 0..len {
        if !by_name && reader.array("[key, value]")? != 2 {
            return Err(Error::new("expected [key, value]").in_item(index));
        }
        check(key, reader)
            .and_then(|()| check(value, reader))
            .map_err(|error| error.in_item(index))?;
    }
    Ok(())
}

fn members(
    types: impl Iterator<Item = Type>,
    len: usize,
    reader: &mut Reader<'_>,
) -> Result<(), Error> {
    let given = reader.array("array")?;
    if given != len {
        return Err(Error::expected(format!("an array of {len}"), given));
    }
    for (index, ty) in types.enumerate() {
        check(&ty, reader).map_err(|error| error.in_item(index))?;
    }
    Ok(())
}

fn fields(record: &Record, reader: &mut Reader<'_>) -> Result<(), Error> {
    let names = || record.fields().map(|field| field.name);
    if reader.is_array() {
        let (given, wanted) = (reader.array("record")?, record.fields().len());
        if given != wanted {
            let wanted = format!("a record of {wanted} fields");
            return Err(Error::expected(wanted, format!("an array of {given}")));
        }
        for field in record.fields() {
            check(&field.ty, reader).map_err(|error| error.in_field(field.name))?;
        }
        return Ok(());
    }
    let mut met = vec![false; record.fields().len()];
    for _ in 0..reader.map("record (a map of fields)")? {
        let name = reader.str()?;
        let field = record.fields().enumerate().find(|(_, f)| f.name == name);
        let Some((index, field)) = field else {
            return Err(Error::unknown("field", name, names()));
        };
        if std::mem::replace(&mut met[index], true) {
            return Err(Error::twice("field", name));
        }
        check(&field.ty, reader).map_err(|error| error.in_field(name))?;
    }
    for (field, met) in record.fields().zip(met) {
        if !met {
            absent(&field.ty).map_err(|error| error.in_field(field.name))?;
        }
    }
    Ok(())
}

/// A value that was left out.
pub(super) fn absent(ty: &Type) -> Result<(), Error> {
    match ty {
        Type::Option(_) => Ok(()),
        _ => Err(Error::new("is missing")),
    }
}

fn variant(variant: &Variant, reader: &mut Reader<'_>) -> Result<(), Error> {
    let bare = reader.is_str();
    if !bare && reader.map("variant (\"case\" or {\"case\": payload})")? != 1 {
        return Err(Error::new("expected exactly one case of the variant"));
    }
    let name = reader.str()?;
    let Some(case) = variant.cases().find(|case| case.name == name) else {
        let known = variant.cases().map(|case| case.name);
        return Err(Error::unknown("case", name, known));
    };
    match case.ty {
        Some(_) if bare => Err(Error::new(format!(
            "case {name:?} needs a payload: {{{name:?}: …}}"
        ))),
        Some(ty) => check(&ty, reader).map_err(|error| error.in_field(name)),
        None if bare || reader.nil() => Ok(()),
        None => Err(Error::new(format!("case {name:?} has no payload"))),
    }
}

fn enumeration<'t, I: ExactSizeIterator<Item = &'t str>>(
    known: impl Fn() -> I,
    reader: &mut Reader<'_>,
) -> Result<(), Error> {
    if !reader.is_str() {
        return Err(reader.mismatch(&format!("one of: {}", names(known()))));
    }
    let name = reader.str()?;
    match known().any(|case| case == name) {
        true => Ok(()),
        false => Err(Error::unknown("case", name, known())),
    }
}

fn some(ty: &Type, reader: &mut Reader<'_>) -> Result<(), Error> {
    if reader.nil() {
        return Ok(());
    }
    if matches!(ty, Type::Option(_)) && reader.array("null or [value]")? != 1 {
        return Err(Error::new("expected null or [value]"));
    }
    check(ty, reader)
}

fn either(ok: Option<Type>, err: Option<Type>, reader: &mut Reader<'_>) -> Result<(), Error> {
    if reader.map("result ({\"ok\": …} or {\"err\": …})")? != 1 {
        return Err(Error::new("expected exactly one of ok and err"));
    }
    let name = reader.str()?;
    let ty = match name {
        "ok" => ok,
        "err" => err,
        _ => return Err(Error::unknown("case", name, ["ok", "err"].into_iter())),
    };
    match ty {
        Some(ty) => check(&ty, reader),
        None if reader.nil() => Ok(()),
        None => Err(reader.mismatch("null")),
    }
    .map_err(|error| error.in_field(name))
}

fn all_of<'t, I: ExactSizeIterator<Item = &'t str>>(
    known: impl Fn() -> I,
    reader: &mut Reader<'_>,
) -> Result<(), Error> {
    super::place::flags_size(known().len())?;
    for index in 0..reader.array("flags (an array of names)")? {
        let name = reader.str().map_err(|error| error.in_item(index))?;
        if !known().any(|flag| flag == name) {
            return Err(Error::unknown("flag", name, known()));
        }
    }
    Ok(())
}
