//! A small type language, so that payloads are read the way a host reads them: driven by types.

use arbitrary::Arbitrary;
use lattice_protocol::codec::{Error, Parameter, Reader, Writer};

/// A type of WIT, as far as the codec tells types apart.
#[derive(Debug, Clone, Arbitrary)]
#[allow(missing_docs, reason = "each is the WIT type of its name")]
pub enum Shape {
    Bool,
    U8,
    U64,
    S8,
    S64,
    F32,
    F64,
    Char,
    Text,
    Bytes,
    List(Box<Shape>),
    Tuple(Vec<Shape>),
    Record(Vec<(String, Shape)>),
    Option(Box<Shape>),
}

impl Shape {
    /// The parameter of this name and type.
    pub fn parameter(&self, name: String) -> Parameter {
        Parameter {
            name,
            ty: format!("{self:?}"),
            optional: matches!(self, Self::Option(_)),
        }
    }

    /// Reads one value of this type and writes it in its canonical form.
    pub fn copy(&self, from: &mut Reader<'_>, to: &mut Writer) -> Result<(), Error> {
        match self {
            Self::Bool => to.bool(from.bool()?),
            Self::U8 => to.unsigned(from.integer::<u8>()?.into()),
            Self::U64 => to.unsigned(from.integer()?),
            Self::S8 => to.signed(from.integer::<i8>()?.into()),
            Self::S64 => to.signed(from.integer()?),
            Self::F32 => to.f32(from.f32()?),
            Self::F64 => to.f64(from.f64()?),
            Self::Char => to.str(from.char()?.encode_utf8(&mut [0; 4])),
            Self::Text => to.str(from.str()?),
            Self::Bytes => to.bytes(&from.bytes()?),
            Self::List(element) => list(element, from, to)?,
            Self::Tuple(shapes) => tuple(shapes, from, to)?,
            Self::Record(fields) => record(fields, from, to)?,
            Self::Option(_) if from.nil() => to.nil(),
            Self::Option(inner) => inner.copy(from, to)?,
        }
        Ok(())
    }
}

fn list(element: &Shape, from: &mut Reader<'_>, to: &mut Writer) -> Result<(), Error> {
    let len = from.array("list")?;
    to.array(count(len)?);
    for index in 0..len {
        element
            .copy(from, to)
            .map_err(|error| error.in_item(index))?;
    }
    Ok(())
}

fn tuple(shapes: &[Shape], from: &mut Reader<'_>, to: &mut Writer) -> Result<(), Error> {
    let len = from.array("tuple")?;
    if len != shapes.len() {
        return Err(Error::expected(shapes.len(), len));
    }
    to.array(count(len)?);
    for (index, shape) in shapes.iter().enumerate() {
        shape.copy(from, to).map_err(|error| error.in_item(index))?;
    }
    Ok(())
}

/// By name and in the order of declaration: what is missing, unknown or out of order is refused.
fn record(fields: &[(String, Shape)], from: &mut Reader<'_>, to: &mut Writer) -> Result<(), Error> {
    let len = from.map("record")?;
    if len != fields.len() {
        return Err(Error::expected(fields.len(), len));
    }
    to.map(count(len)?);
    for (name, shape) in fields {
        let found = from.str()?;
        if found != name {
            let names = fields.iter().map(|(name, _)| name.as_str());
            return Err(Error::unknown("field", found, names));
        }
        to.str(name);
        shape.copy(from, to).map_err(|error| error.in_field(name))?;
    }
    Ok(())
}

fn count(len: usize) -> Result<u32, Error> {
    u32::try_from(len).map_err(|_| Error::new("too many"))
}
