//! What a function takes and gives, found out once.

use lattice_protocol::codec::{Arguments, Error, Parameter};
use wasmtime::component::types::{ComponentFunc, Type};

use super::check::{absent, check};
use super::flow::Carried;
use super::{FLAT_PARAMS_MAX, text};

/// How many streams a function takes, and how many it gives.
const STREAMS_MAX: usize = lattice_protocol::frame::STREAMS_MAX as usize;

/// What to do about a type that can't travel.
const PLAIN: &str = "pass plain values instead";
/// What to do about a stream that stands where none can.
const ALONE: &str = "a stream or future is a parameter, or the result, or in a tuple or result that is \
                     the result";

/// A function's parameters and result.
#[derive(Debug, Clone)]
pub struct Signature {
    parameters: Vec<Parameter>,
    result: Option<String>,
    flat_params: Option<usize>,
    flat_result: Option<usize>,
    types: Vec<Type>,
    /// What of each parameter comes beside the arguments.
    carried: Vec<Option<Carried>>,
    given: Option<Type>,
    gives_streams: bool,
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
    #[error("function {function}: {what} is {ty}, and {kind} can't cross a link: {advice}")]
    Type {
        /// The function.
        function: String,
        /// Which parameter, or the result.
        what: String,
        /// The type as WIT text.
        ty: String,
        /// What in it can't travel.
        kind: &'static str,
        /// What can.
        advice: &'static str,
    },
    /// More streams than a call has.
    #[error(
        "function {0}: it takes or gives more than {STREAMS_MAX} streams, and a call has no more: split it"
    )]
    TooMany(String),
}

impl Signature {
    /// The signature of `function`, or which of its types can't cross a link.
    pub fn new(function: &str, ty: &ComponentFunc) -> Result<Self, Unsupported> {
        let is_async = ty.async_();
        let mut parameters = Vec::new();
        for (name, ty) in ty.params() {
            let bound = bound_parameter(&ty, is_async);
            must_travel(function, || format!("parameter {name:?}"), &ty, bound)?;
            parameters.push(Parameter {
                name: name.to_owned(),
                ty: text::of(&ty),
                optional: matches!(ty, Type::Option(_)),
            });
        }
        let result = ty.results().next();
        if let Some(ty) = &result {
            let bound = bound_result(ty, is_async);
            must_travel(function, || "the result".to_owned(), ty, bound)?;
        }
        let carried: Vec<_> = ty.params().map(|(_, ty)| Carried::of(&ty)).collect();
        let given = result.as_ref().map_or(0, streams_in);
        if carried.iter().flatten().count().max(given) > STREAMS_MAX {
            return Err(Unsupported::TooMany(function.to_owned()));
        }
        Ok(Self {
            parameters,
            flat_params: flat_sum(ty.params().map(|(_, ty)| ty)),
            flat_result: flat_sum(ty.results()),
            result: result.as_ref().map(text::of),
            types: ty.params().map(|(_, ty)| ty).collect(),
            carried,
            given: result,
            gives_streams: given > 0,
            is_async,
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

    /// Whether it takes or gives streams or futures.
    pub fn has_streams(&self) -> bool {
        self.gives_streams || self.carried.iter().any(Option::is_some)
    }

    /// Whether its result has streams or futures.
    pub fn gives_streams(&self) -> bool {
        self.gives_streams
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

    /// Whether the arguments refer to each of so many streams, once, and to no others.
    pub fn check_streams(&self, arguments: &Arguments<'_>, streams: usize) -> Result<(), Error> {
        let mut met = vec![false; streams];
        arguments.each(|index, value| -> Result<(), Error> {
            let Some(reader) = value else { return Ok(()) };
            let mut value = reader.value()?;
            if self.carried(index).is_none() {
                return Ok(());
            }
            let Some(number) = value.stream()? else {
                return Ok(());
            };
            let at = usize::try_from(number).unwrap_or(0).wrapping_sub(1);
            match met.get_mut(at).map(|met| std::mem::replace(met, true)) {
                Some(false) => Ok(()),
                _ => Err(Error::new(format!(
                    "stream {number} did not come, or is referred to twice"
                ))
                .in_argument(&self.parameters[index].name)),
            }
        })?;
        match met.iter().filter(|met| **met).count() {
            all if all == streams => Ok(()),
            some => Err(Error::new(format!(
                "{streams} streams came, and the arguments refer to {some}"
            ))),
        }
    }

    /// What of a parameter comes beside the arguments, if anything does.
    pub(super) fn carried(&self, index: usize) -> Option<&Carried> {
        self.carried.get(index).and_then(Option::as_ref)
    }

    /// The type of the result.
    pub(super) fn given(&self) -> Option<&Type> {
        self.given.as_ref()
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
    bound: Option<Bound>,
) -> Result<(), Unsupported> {
    match bound {
        None => Ok(()),
        Some((kind, advice)) => Err(Unsupported::Type {
            function: function.to_owned(),
            what: what(),
            ty: text::of(ty),
            kind,
            advice,
        }),
    }
}

/// What in a type can't travel, and what to do about it.
type Bound = (&'static str, &'static str);

fn bound_parameter(ty: &Type, is_async: bool) -> Option<Bound> {
    match ty {
        Type::Stream(stream) => bound_flow(stream.ty(), is_async),
        Type::Future(future) => bound_flow(future.ty(), is_async),
        ty => bound_here(ty),
    }
}

/// A result may have streams in tuples and results, too.
fn bound_result(ty: &Type, is_async: bool) -> Option<Bound> {
    match ty {
        Type::Tuple(tuple) => tuple.types().find_map(|ty| bound_result(&ty, is_async)),
        Type::Result(result) => {
            let sides = [result.ok(), result.err()];
            let mut sides = sides.iter().flatten();
            sides.find_map(|ty| bound_result(ty, is_async))
        }
        ty => bound_parameter(ty, is_async),
    }
}

fn bound_flow(carried: Option<Type>, is_async: bool) -> Option<Bound> {
    match carried {
        _ if !is_async => Some((
            "a stream or future of a plain func",
            "make it an async func",
        )),
        None => Some((
            "a stream or future of nothing",
            "give it a type, such as stream<u8>",
        )),
        Some(ty) => bound_here(&ty),
    }
}

/// How many streams a result has at the most.
fn streams_in(ty: &Type) -> usize {
    match ty {
        Type::Stream(_) | Type::Future(_) => 1,
        Type::Tuple(tuple) => tuple.types().map(|ty| streams_in(&ty)).sum(),
        Type::Result(result) => {
            let side = |ty: Option<Type>| ty.as_ref().map_or(0, streams_in);
            side(result.ok()).max(side(result.err()))
        }
        _ => 0,
    }
}

/// What in a type can't leave its component.
fn bound_here(ty: &Type) -> Option<Bound> {
    match ty {
        Type::Own(_) | Type::Borrow(_) => Some(("a resource", PLAIN)),
        Type::Future(_) => Some(("a future inside another type", ALONE)),
        Type::Stream(_) => Some(("a stream inside another type", ALONE)),
        Type::ErrorContext => Some(("an error-context", PLAIN)),
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
