//! Types as WIT text, for messages and for `inspect`.

use std::fmt::Write;

use wasmtime::component::types::Type;

/// The longest text of one type: a message names several.
const TEXT_CHARS_MAX: usize = 160;

/// A type as WIT spells it. Named types appear by shape: a component keeps no names for them.
pub(super) fn of(ty: &Type) -> String {
    let mut text = Text(String::new());
    text.ty(ty);
    if text.full() {
        let end = text.0.char_indices().nth(TEXT_CHARS_MAX);
        text.0.truncate(end.map_or(text.0.len(), |(at, _)| at));
        text.0.push('…');
    }
    text.0
}

struct Text(String);

impl Text {
    /// Nothing is added past the bound, so the work is bounded too.
    fn full(&self) -> bool {
        self.0.len() > TEXT_CHARS_MAX
    }

    fn push(&mut self, text: &str) {
        if !self.full() {
            self.0.push_str(text);
        }
    }

    fn ty(&mut self, ty: &Type) {
        match ty {
            Type::Bool => self.push("bool"),
            Type::S8 => self.push("s8"),
            Type::U8 => self.push("u8"),
            Type::S16 => self.push("s16"),
            Type::U16 => self.push("u16"),
            Type::S32 => self.push("s32"),
            Type::U32 => self.push("u32"),
            Type::S64 => self.push("s64"),
            Type::U64 => self.push("u64"),
            Type::Float32 => self.push("f32"),
            Type::Float64 => self.push("f64"),
            Type::Char => self.push("char"),
            Type::String => self.push("string"),
            Type::ErrorContext => self.push("error-context"),
            Type::Own(_) => self.push("own<resource>"),
            Type::Borrow(_) => self.push("borrow<resource>"),
            Type::Future(future) => self.wrapped("future", &[future.ty()]),
            Type::Stream(stream) => self.wrapped("stream", &[stream.ty()]),
            Type::List(list) => self.wrapped("list", &[Some(list.ty())]),
            Type::Map(map) => self.wrapped("map", &[Some(map.key()), Some(map.value())]),
            Type::Option(option) => self.wrapped("option", &[Some(option.ty())]),
            Type::Result(result) => self.result(result.ok(), result.err()),
            Type::FixedLengthList(list) => {
                self.push("list<");
                self.ty(&list.ty());
                let _ = write!(self.0, ", {}>", list.len());
            }
            Type::Tuple(tuple) => {
                let types: Vec<_> = tuple.types().map(Some).collect();
                self.wrapped("tuple", &types);
            }
            Type::Record(record) => {
                let fields = record
                    .fields()
                    .map(|field| (field.name, Some(field.ty), ": "));
                self.members("record", fields);
            }
            Type::Variant(variant) => {
                let cases = variant.cases().map(|case| (case.name, case.ty, "("));
                self.members("variant", cases);
            }
            Type::Enum(cases) => self.members("enum", cases.names().map(|name| (name, None, ""))),
            Type::Flags(flags) => self.members("flags", flags.names().map(|name| (name, None, ""))),
        }
    }

    fn result(&mut self, ok: Option<Type>, err: Option<Type>) {
        match (ok, err) {
            (None, None) => self.push("result"),
            (Some(ok), None) => self.wrapped("result", &[Some(ok)]),
            (ok, err) => {
                self.push("result<");
                match ok {
                    Some(ok) => self.ty(&ok),
                    None => self.push("_"),
                }
                self.push(", ");
                err.iter().for_each(|err| self.ty(err));
                self.push(">");
            }
        }
    }

    fn wrapped(&mut self, word: &str, inner: &[Option<Type>]) {
        self.push(word);
        let mut open = "<";
        for ty in inner.iter().flatten() {
            self.push(open);
            self.ty(ty);
            open = ", ";
        }
        if open != "<" {
            self.push(">");
        }
    }

    fn members<'t>(
        &mut self,
        word: &str,
        members: impl Iterator<Item = (&'t str, Option<Type>, &'static str)>,
    ) {
        self.push(word);
        let mut open = " { ";
        for (name, ty, separator) in members {
            if self.full() {
                return;
            }
            self.push(open);
            self.push(name);
            if let Some(ty) = ty {
                self.push(separator);
                self.ty(&ty);
                self.push(if separator == "(" { ")" } else { "" });
            }
            open = ", ";
        }
        self.push(" }");
    }
}
