//! Interfaces and functions as they are named in subjects, links and manifests.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use smol_str::SmolStr;

use crate::id::{Error, text_id};

/// The longest interface or function name: keeps every subject far below NATS's limit of 4 KiB.
pub const PATH_LEN_MAX: usize = 128;

/// An interface without its version, `ns:pkg/name`: what calls and links are matched by.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Interface(SmolStr);

text_id!(
    Interface,
    "interface",
    is_interface,
    "use namespace:package/name, without a version"
);

impl Interface {
    /// Reads a WIT name as components spell it: the version, if any, is left out.
    pub fn from_wit(name: &str) -> Result<Self, Error> {
        name.split_once('@').map_or(name, |(path, _)| path).parse()
    }

    /// `ns:pkg`.
    pub fn package(&self) -> &str {
        self.0
            .split_once('/')
            .map_or(&self.0, |(package, _)| package)
    }

    /// The part after the slash.
    pub fn name(&self) -> &str {
        self.0.split_once('/').map_or("", |(_, name)| name)
    }
}

/// The key of a link: one interface, or every interface of a package.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InterfacePattern(SmolStr);

text_id!(
    InterfacePattern,
    "interface",
    is_pattern,
    "use namespace:package or namespace:package/name, without a version"
);

impl InterfacePattern {
    /// Whether a link with this key answers `interface`.
    pub fn covers(&self, interface: &Interface) -> bool {
        self.0 == interface.0 || self.0 == interface.package()
    }

    /// Whether this key names one interface: it then wins over a key that names the package.
    pub fn is_exact(&self) -> bool {
        self.0.contains('/')
    }
}

/// A function of an interface or of a component's root; a resource's method is `resource.method`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FunctionName(SmolStr);

text_id!(
    FunctionName,
    "function",
    is_function,
    "use a WIT function's name, or resource.method"
);

impl FunctionName {
    /// Reads a component's export or import name: `[method]bucket.get` is `bucket.get`.
    pub fn from_wit(name: &str) -> Result<Self, Error> {
        let path = match name.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some(("method" | "static", path)) => path,
            Some((_, _)) => {
                return Err(Error::new("function", name, "it cannot be called by name"));
            }
            None => name,
        };
        path.parse()
    }
}

/// What is called at a target: a function, with its interface unless the short form is used.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Endpoint {
    /// The interface; absent in the short form and for functions of a component's root.
    pub interface: Option<Interface>,
    /// The function.
    pub function: FunctionName,
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.interface {
            Some(interface) => write!(f, "{interface}.{}", self.function),
            None => self.function.fmt(f),
        }
    }
}

impl FromStr for Endpoint {
    type Err = Error;

    /// Reads `function`, `ns:pkg/name.function` or `ns:pkg/name.resource.method`.
    fn from_str(text: &str) -> Result<Self, Error> {
        let (interface, function) = split_endpoint(text);
        Ok(Self {
            interface: interface.map(str::parse).transpose()?,
            function: function.parse()?,
        })
    }
}

/// Splits the tail of a call subject. An interface always contains a colon, a function never.
pub(crate) fn split_endpoint(text: &str) -> (Option<&str>, &str) {
    match text.split_once('.') {
        Some((interface, function)) if interface.contains(':') => (Some(interface), function),
        _ => (None, text),
    }
}

/// A WIT label: words of letters and digits joined by single hyphens.
fn is_label(text: &str) -> bool {
    !text.is_empty()
        && text
            .split('-')
            .all(|word| !word.is_empty() && word.bytes().all(|b| b.is_ascii_alphanumeric()))
}

fn is_package(text: &str) -> bool {
    text.len() <= PATH_LEN_MAX
        && text
            .split_once(':')
            .is_some_and(|(namespace, package)| is_label(namespace) && is_label(package))
}

pub(crate) fn is_interface(text: &str) -> bool {
    text.len() <= PATH_LEN_MAX
        && text
            .split_once('/')
            .is_some_and(|(package, name)| is_package(package) && is_label(name))
}

fn is_pattern(text: &str) -> bool {
    is_package(text) || is_interface(text)
}

pub(crate) fn is_function(text: &str) -> bool {
    text.len() <= PATH_LEN_MAX
        && match text.split_once('.') {
            Some((resource, method)) => is_label(resource) && is_label(method),
            None => is_label(text),
        }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wit_name_loses_its_version() {
        let interface = Interface::from_wit("wasi:keyvalue/store@0.2.0-draft").unwrap();
        assert_eq!(interface.as_str(), "wasi:keyvalue/store");
        assert_eq!(
            (interface.package(), interface.name()),
            ("wasi:keyvalue", "store")
        );
    }

    #[test]
    fn what_is_not_an_interface_is_refused() {
        for text in [
            "",
            "wasi",
            "wasi:http",
            "wasi:http/",
            "a:b/c.d",
            "a:b/*",
            "a:b/c@1",
            ">",
        ] {
            assert!(text.parse::<Interface>().is_err(), "{text:?} was taken");
        }
    }

    #[test]
    fn a_method_is_called_by_resource_and_name() {
        let read = |text| FunctionName::from_wit(text).map(|f| f.to_string());
        assert_eq!(
            read("[method]bucket.list-keys").unwrap(),
            "bucket.list-keys"
        );
        assert_eq!(read("greet").unwrap(), "greet");
        assert!(read("[constructor]bucket").is_err());
        assert!(read("[resource-drop]bucket").is_err());
        assert!(read("a.b.c").is_err());
    }

    #[test]
    fn a_pattern_covers_its_interface_or_its_package() {
        let store: Interface = "wasi:keyvalue/store".parse().unwrap();
        let covers = |text: &str| text.parse::<InterfacePattern>().unwrap().covers(&store);
        assert!(covers("wasi:keyvalue"));
        assert!(covers("wasi:keyvalue/store"));
        assert!(!covers("wasi:keyvalue/atomics"));
        assert!(!covers("wasi:key"));
    }

    #[test]
    fn an_endpoint_survives_text() {
        for text in [
            "greet",
            "a:b/c.greet",
            "wasi:keyvalue/store.bucket.get",
            "bucket.get",
        ] {
            assert_eq!(text.parse::<Endpoint>().unwrap().to_string(), text);
        }
        for text in ["", ".", "a:b/c", "a:b/c.", "a:b/c.d.e.f"] {
            assert!(text.parse::<Endpoint>().is_err(), "{text:?} was taken");
        }
    }
}
