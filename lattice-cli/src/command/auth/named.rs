//! `NAME=ONE,OTHER`: somebody, and those whom it may call.

use std::str::FromStr;

use lattice_protocol::id;

/// A name with others behind it.
#[derive(Debug, Clone)]
pub(super) struct Named<N, O> {
    pub(super) name: N,
    pub(super) others: Vec<O>,
}

impl<N, O> FromStr for Named<N, O>
where
    N: FromStr<Err = id::Error>,
    O: FromStr<Err = id::Error>,
{
    type Err = id::Error;

    fn from_str(text: &str) -> Result<Self, id::Error> {
        let (name, others) = text.split_once('=').unwrap_or((text, ""));
        let others = others.split(',').filter(|other| !other.is_empty());
        Ok(Self {
            name: name.parse()?,
            others: others.map(str::parse).collect::<Result<_, _>>()?,
        })
    }
}
