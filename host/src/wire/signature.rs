//! What a function takes and gives, found out once.

use lattice_protocol::codec::{Arguments, Error, Parameter};
use wasmtime::component::types::{ComponentFunc, Type};

use super::check::{absent, check};
use super::{FLAT_PARAMS_MAX, text};

/// A function's parameters and result.
#[derive(Debug, Clone)]
pub struct Signature {
    parameters: Vec<Parameter>,
    result: Option<String>,
    flat_params: Option<usize>,
    flat_result: Option<usize>,
    types: Vec<Type>,
    is_async: bool,
}

impl std::fmt::Display for Signature {
    /// As WIT has it, without the function's name: `func(name: string) -> string`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.is_async {
            f.write_str("async ")?;
        }
        f.write_str("func(")?;
        for (index, parameter) in self.parameters.iter().enumerate() {
            let comma = if index > 0 { ", " } else { "" };
            write!(f, "{comma}{}: {}", parameter.name, parameter.ty)?;
        }
        f.write_str(")")?;
        match &self.result {
            Some(result) => write!(f, " -> {result}"),
            None => Ok(()),
        }
    }
}

/// A function that can't be called over the wire, and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unsupported {
    /// A type that means something only inside one component, or a flow instead of a value.
    #[error(
        "function {function}: {what} is {ty}, and {kind} can't cross a link: pass plain values instead"
    )]
    Type {
        /// The function.
        function: String,
        /// Which parameter, or the result.
        what: String,
        /// The type as WIT text.
        ty: String,
        /// What in it can't travel.
        kind: &'static str,
    },
}

impl Signature {
    /// The signature of `function`, or which of its types can't cross a link.
    pub fn new(function: &str, ty: &ComponentFunc) -> Result<Self, Unsupported> {
        let mut parameters = Vec::new();
        for (name, ty) in ty.params() {
            must_travel(function, || format!("parameter {name:?}"), &ty)?;
            parameters.push(Parameter {
                name: name.to_owned(),
                ty: text::of(&ty),
                optional: matches!(ty, Type::Option(_)),
            });
        }
        let result = ty.results().next();
        if let Some(ty) = &result {
            must_travel(function, || "the result".to_owned(), ty)?;
        }
        Ok(Self {
            parameters,
            flat_params: flat_sum(ty.params().map(|(_, ty)| ty)),
            flat_result: flat_sum(ty.results()),
            result: result.as_ref().map(text::of),
            types: ty.params().map(|(_, ty)| ty).collect(),
            is_async: ty.async_(),
        })
    }

    /// The parameters, in order.
    pub fn parameters(&self) -> &[Parameter] {
        &self.parameters
    }

    /// The result's type as WIT text, if there is one.
    pub fn result(&self) -> Option<&str> {
        self.result.as_deref()
    }

    /// Whether it is an `async func`: several calls of it may be in one instance at once.
    pub fn is_async(&self) -> bool {
        self.is_async
    }

    /// Whether the arguments fit the parameters. A call finds that out by itself, but only half-way.
    pub fn check(&self, arguments: &Arguments<'_>) -> Result<(), Error> {
        arguments.each(|index, value| {
            let ty = self
                .types
                .get(index)
                .ok_or_else(|| Error::new("there are more arguments than parameters"))?;
            match value {
                Some(reader) => check(ty, reader),
                None => absent(ty),
            }
            .map_err(|error| error.in_argument(&self.parameters[index].name))
        })
    }

    /// How many core values the parameters are, if they are passed flat.
    pub(super) fn flat_params(&self) -> Option<usize> {
        self.flat_params
    }

    /// How many core values the result is, unless it is very large.
    pub(super) fn flat_result(&self) -> Option<usize> {
        self.flat_result
    }
}

fn must_travel(
    function: &str,
    what: impl FnOnce() -> String,
    ty: &Type,
) -> Result<(), Unsupported> {
    match bound_here(ty) {
        None => Ok(()),
        Some(kind) => Err(Unsupported::Type {
            function: function.to_owned(),
            what: what(),
            ty: text::of(ty),
            kind,
        }),
    }
}

/// What in a type can't leave its component.
fn bound_here(ty: &Type) -> Option<&'static str> {
    match ty {
        Type::Own(_) | Type::Borrow(_) => Some("a resource"),
        Type::Future(_) => Some("a future"),
        Type::Stream(_) => Some("a stream"),
        Type::ErrorContext => Some("an error-context"),
        Type::List(list) => bound_here(&list.ty()),
        Type::FixedLengthList(list) => bound_here(&list.ty()),
        Type::Map(map) => bound_here(&map.key()).or_else(|| bound_here(&map.value())),
        Type::Option(option) => bound_here(&option.ty()),
        Type::Result(result) => {
            let sides = [result.ok(), result.err()];
            sides.iter().flatten().find_map(bound_here)
        }
        Type::Tuple(tuple) => tuple.types().find_map(|ty| bound_here(&ty)),
        Type::Record(record) => record.fields().find_map(|field| bound_here(&field.ty)),
        Type::Variant(variant) => variant
            .cases()
            .find_map(|case| case.ty.as_ref().and_then(bound_here)),
        _ => None,
    }
}

/// How many core values a type is in the canonical ABI; none if more than are passed flat.
fn flat_count(ty: &Type) -> Option<usize> {
    match ty {
        Type::String | Type::List(_) | Type::Map(_) => Some(2),
        Type::Flags(flags) => passed_flat(flags.names().len().div_ceil(32)),
        Type::Record(record) => flat_sum(record.fields().map(|field| field.ty)),
        Type::Tuple(tuple) => flat_sum(tuple.types()),
        Type::FixedLengthList(list) => {
            let len = usize::try_from(list.len()).ok()?;
            passed_flat(flat_count(&list.ty())?.checked_mul(len)?)
        }
        Type::Option(option) => widest([Some(option.ty())]),
        Type::Result(result) => widest([result.ok(), result.err()]),
        Type::Variant(variant) => widest(variant.cases().map(|case| case.ty)),
        _ => Some(1),
    }
}

/// One after the other.
fn flat_sum(mut types: impl Iterator<Item = Type>) -> Option<usize> {
    types.try_fold(0, |sum, ty| passed_flat(sum + flat_count(&ty)?))
}

/// A discriminant and the widest payload.
fn widest(payloads: impl IntoIterator<Item = Option<Type>>) -> Option<usize> {
    let mut payloads = payloads.into_iter().flatten();
    let most = payloads.try_fold(0, |most: usize, ty| Some(most.max(flat_count(&ty)?)))?;
    passed_flat(1 + most)
}

fn passed_flat(count: usize) -> Option<usize> {
    (count <= FLAT_PARAMS_MAX).then_some(count)
}
