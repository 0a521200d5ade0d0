//! Records: maps by field name in any order, or arrays in the order of declaration.

use lattice_protocol::codec::{Error, Reader};
use wasmtime::component::__internal::LowerContext;
use wasmtime::component::__internal::wasmtime_environ::component::{RecordField, TypeRecord};

use super::super::fault::Stop;
use super::super::place::{Parts, Target};
use super::{absent, lower};

pub(super) fn record<T: 'static>(
    cx: &mut LowerContext<'_, T>,
    record: &TypeRecord,
    reader: &mut Reader<'_>,
    mut to: Target<'_>,
) -> Result<(), Stop> {
    let fields = &record.fields;
    if reader.is_array() {
        return compact(cx, fields, reader, to);
    }
    let given = reader.map("record (a map of fields)")?;
    let mut parts = Parts::new(cx.types);
    let mut done = 0;
    // Who writes canonically gives every field in its order, and nothing is read twice.
    while done < given.min(fields.len()) {
        let mut ahead = *reader;
        let field = &fields[done];
        if ahead.str()? != field.name {
            break;
        }
        *reader = ahead;
        let place = to.part(parts.next(&field.ty))?;
        lower(cx, field.ty, reader, place).map_err(|stop| stop.at(|e| e.in_field(&field.name)))?;
        done += 1;
    }
    if done == given && done == fields.len() {
        return Ok(());
    }
    let rest = gather(fields, done, given - done, reader)?;
    for (field, value) in fields[done..].iter().zip(rest) {
        let place = to.part(parts.next(&field.ty))?;
        match value {
            Some(mut value) => lower(cx, field.ty, &mut value, place),
            None => absent(cx, field.ty, place),
        }
        .map_err(|stop| stop.at(|e| e.in_field(&field.name)))?;
    }
    Ok(())
}

/// The values of the fields after `done`, by their place in the record.
fn gather<'a>(
    fields: &[RecordField],
    done: usize,
    given: usize,
    reader: &mut Reader<'a>,
) -> Result<Vec<Option<Reader<'a>>>, Error> {
    let mut rest = vec![None; fields.len() - done];
    for _ in 0..given {
        let name = reader.str()?;
        let value = reader.value().map_err(|error| error.in_field(name))?;
        let known = fields.iter().position(|field| field.name == name);
        let index = known.ok_or_else(|| {
            Error::unknown(
                "field",
                name,
                fields.iter().map(|field| field.name.as_str()),
            )
        })?;
        let slot = index.checked_sub(done).map(|index| &mut rest[index]);
        match slot {
            Some(slot @ None) => *slot = Some(value),
            _ => return Err(Error::twice("field", name)),
        }
    }
    Ok(rest)
}

fn compact<T: 'static>(
    cx: &mut LowerContext<'_, T>,
    fields: &[RecordField],
    reader: &mut Reader<'_>,
    mut to: Target<'_>,
) -> Result<(), Stop> {
    let given = reader.array("record")?;
    if given != fields.len() {
        let wanted = format!("a record of {} fields", fields.len());
        return Err(Error::expected(wanted, format!("an array of {given}")).into());
    }
    let mut parts = Parts::new(cx.types);
    for field in fields {
        let place = to.part(parts.next(&field.ty))?;
        lower(cx, field.ty, reader, place).map_err(|stop| stop.at(|e| e.in_field(&field.name)))?;
    }
    Ok(())
}
