//! What doesn't fit, and where.

use std::fmt;

/// How many names a message lists: enough to see a typo, short enough for a header.
const NAMES_MAX: usize = 16;
/// How long a problem may be: what is told of it travels in a header, with its place before it.
const PROBLEM_BYTES_MAX: usize = 768;
/// How many steps of a path are told: the outermost, where a person begins to look.
const STEPS_MAX: usize = 16;
/// How much of a caller's own text a message repeats.
const QUOTE_CHARS_MAX: usize = 64;

/// A payload that doesn't fit the types of the function.
///
/// Its text names the place: `argument "order", field "items[3].price": expected f64, found string`.
/// One pointer wide, so that a healthy walk pays nothing for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error(Box<Inner>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Inner {
    problem: String,
    root: Option<Root>,
    /// Innermost first: it grows while the walk unwinds.
    path: Vec<Segment>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Root {
    Argument(String),
    Result,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Segment {
    Field(String),
    Index(usize),
}

impl Error {
    /// An error about the value at hand.
    pub fn new(problem: impl Into<String>) -> Self {
        let mut problem = problem.into();
        problem.truncate(problem.floor_char_boundary(PROBLEM_BYTES_MAX));
        Self(Box::new(Inner {
            problem,
            root: None,
            path: Vec::new(),
        }))
    }

    /// The value at hand is of another kind, or out of range.
    pub fn expected(expected: impl fmt::Display, found: impl fmt::Display) -> Self {
        Self::new(format!("expected {expected}, found {found}"))
    }

    /// A name that isn't among the known ones.
    pub fn unknown<'n>(
        what: &str,
        name: &str,
        known: impl ExactSizeIterator<Item = &'n str>,
    ) -> Self {
        Self::new(format!(
            "unknown {what} {}, expected one of: {}",
            quote(name),
            names(known)
        ))
    }

    /// The same name twice.
    pub fn twice(what: &str, name: &str) -> Self {
        Self::new(format!("{what} {} is given twice", quote(name)))
    }

    /// The error happened in this field, case or key.
    #[must_use]
    pub fn in_field(mut self, name: &str) -> Self {
        self.0.path.push(Segment::Field(cut(name)));
        self
    }

    /// The error happened in this element.
    #[must_use]
    pub fn in_item(mut self, index: usize) -> Self {
        self.0.path.push(Segment::Index(index));
        self
    }

    /// The error happened in this argument.
    #[must_use]
    pub fn in_argument(mut self, name: &str) -> Self {
        self.0.root = Some(Root::Argument(cut(name)));
        self
    }

    /// The error happened in the result.
    #[must_use]
    pub fn in_result(mut self) -> Self {
        self.0.root = Some(Root::Result);
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = &*self.0;
        match &inner.root {
            Some(Root::Argument(name)) => write!(f, "argument {name:?}")?,
            Some(Root::Result) => f.write_str("result")?,
            None => {}
        }
        if let Some(first) = inner.path.last() {
            let comma = if inner.root.is_some() { ", " } else { "" };
            let word = match first {
                Segment::Field(_) => "field",
                Segment::Index(_) => "item",
            };
            write!(f, "{comma}{word} \"{}\"", Path(&inner.path))?;
        }
        if inner.root.is_some() || !inner.path.is_empty() {
            f.write_str(": ")?;
        }
        f.write_str(&inner.problem)
    }
}

impl std::error::Error for Error {}

struct Path<'a>(&'a [Segment]);

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, segment) in self.0.iter().rev().take(STEPS_MAX).enumerate() {
            match segment {
                Segment::Field(name) if at == 0 => f.write_str(name)?,
                Segment::Field(name) => write!(f, ".{name}")?,
                Segment::Index(index) => write!(f, "[{index}]")?,
            }
        }
        if self.0.len() > STEPS_MAX {
            f.write_str("…")?;
        }
        Ok(())
    }
}

/// A bounded list of names for a message.
pub fn names<'n>(mut known: impl ExactSizeIterator<Item = &'n str>) -> String {
    let more = known.len().saturating_sub(NAMES_MAX);
    let mut list = known
        .by_ref()
        .take(NAMES_MAX)
        .collect::<Vec<_>>()
        .join(", ");
    if more > 0 {
        list.push_str(&format!(" and {more} more"));
    }
    list
}

/// A caller's own name, cut.
fn cut(name: &str) -> String {
    match name.char_indices().nth(QUOTE_CHARS_MAX) {
        Some((end, _)) => format!("{}…", &name[..end]),
        None => name.to_owned(),
    }
}

/// A caller's own text, quoted and cut.
pub(super) fn quote(text: &str) -> String {
    match text.char_indices().nth(QUOTE_CHARS_MAX) {
        Some((end, _)) => format!("{:?}…", &text[..end]),
        None => format!("{text:?}"),
    }
}
