//! A payload of arguments, taken apart by parameter.

use super::{Encoding, Error, Reader, error, names};

/// One parameter of a function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parameter {
    /// As WIT names it.
    pub name: String,
    /// Its type as WIT text.
    pub ty: String,
    /// Whether it is an `option`, and so may be left out.
    pub optional: bool,
}

/// The arguments of one call: an array by position, a map by parameter name, or nothing.
#[derive(Debug)]
pub struct Arguments<'a>(Form<'a>);

#[derive(Debug)]
enum Form<'a> {
    /// Read on the way: arrays are not walked twice.
    Sequence {
        first: Reader<'a>,
        given: usize,
        wanted: usize,
    },
    Named(Vec<Option<Reader<'a>>>),
}

impl<'a> Arguments<'a> {
    /// Takes `payload`, which is MessagePack that `source` became, apart by `parameters`.
    pub fn new(
        payload: &'a [u8],
        source: Encoding,
        parameters: &[Parameter],
    ) -> Result<Self, Error> {
        let mut reader = Reader::new(payload, source);
        if !payload.is_empty() && reader.is_map() {
            return by_name(&mut reader, parameters).map(|named| Self(Form::Named(named)));
        }
        let given = match payload.is_empty() {
            true => 0,
            false => reader.array("an array or a map of arguments")?,
        };
        let left_out = parameters.get(given..).unwrap_or_default();
        if given > parameters.len() || left_out.iter().any(|parameter| !parameter.optional) {
            return Err(wrong_count(parameters, given));
        }
        Ok(Self(Form::Sequence {
            first: reader,
            given,
            wanted: parameters.len(),
        }))
    }

    /// How many parameters these were taken apart for.
    pub fn wanted(&self) -> usize {
        match &self.0 {
            Form::Sequence { wanted, .. } => *wanted,
            Form::Named(slots) => slots.len(),
        }
    }

    /// Calls `each` with every parameter's index and its value, or nothing where it was left out.
    pub fn each<E: From<Error>>(
        &self,
        mut each: impl FnMut(usize, Option<&mut Reader<'a>>) -> Result<(), E>,
    ) -> Result<(), E> {
        match &self.0 {
            Form::Sequence {
                first,
                given,
                wanted,
            } => {
                let mut reader = *first;
                for index in 0..*wanted {
                    each(index, (index < *given).then_some(&mut reader))?;
                }
                Ok(reader.finish()?)
            }
            Form::Named(slots) => {
                for (index, slot) in slots.iter().enumerate() {
                    let mut reader = *slot;
                    each(index, reader.as_mut())?;
                }
                Ok(())
            }
        }
    }
}

fn by_name<'a>(
    reader: &mut Reader<'a>,
    parameters: &[Parameter],
) -> Result<Vec<Option<Reader<'a>>>, Error> {
    let mut slots = vec![None; parameters.len()];
    for _ in 0..reader.map("a map of arguments")? {
        let name = reader.str()?;
        let value = reader.value().map_err(|error| error.in_argument(name))?;
        let index = parameters
            .iter()
            .position(|parameter| parameter.name == name)
            .ok_or_else(|| unknown(parameters, name))?;
        if slots[index].replace(value).is_some() {
            return Err(Error::twice("argument", name));
        }
    }
    reader.finish()?;
    let missing =
        |(slot, parameter): (&Option<_>, &Parameter)| slot.is_none() && !parameter.optional;
    match slots.iter().zip(parameters).position(missing) {
        None => Ok(slots),
        Some(index) => {
            let Parameter { name, ty, .. } = &parameters[index];
            Err(Error::new(format!("argument {name:?} ({ty}) is missing")))
        }
    }
}

fn unknown(parameters: &[Parameter], name: &str) -> Error {
    match parameters {
        [] => Error::new(format!(
            "unknown argument {}: this function takes none",
            error::quote(name)
        )),
        _ => Error::unknown(
            "argument",
            name,
            parameters.iter().map(|parameter| parameter.name.as_str()),
        ),
    }
}

fn wrong_count(parameters: &[Parameter], given: usize) -> Error {
    let listed: Vec<String> = parameters
        .iter()
        .map(|Parameter { name, ty, .. }| format!("{name}: {ty}"))
        .collect();
    let wanted = match parameters.len() {
        0 => "no arguments".to_owned(),
        1 => format!("1 argument ({})", names(listed.iter().map(String::as_str))),
        n => format!(
            "{n} arguments ({})",
            names(listed.iter().map(String::as_str))
        ),
    };
    Error::expected(wanted, given)
}
