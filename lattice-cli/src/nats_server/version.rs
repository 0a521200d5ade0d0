//! Versions of nats-server, as `nats-server --version` prints them.

use std::fmt;

/// The oldest that is good enough: earlier ones of its line lost data.
pub const VERSION_MIN: Version = Version::new(2, 12, 3);

/// A version; one before a release (`2.13.0-beta.1`) comes before that release.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    major: u32,
    minor: u32,
    patch: u32,
    released: bool,
}

impl Version {
    /// A released version.
    pub const fn new(major: u32, minor: u32, patch: u32) -> Self {
        Self {
            major,
            minor,
            patch,
            released: true,
        }
    }

    /// Reads `nats-server: v2.15.1`.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim().rsplit(' ').next()?.trim_start_matches('v');
        let (text, _build) = text.split_once('+').unwrap_or((text, ""));
        let (numbers, released) = match text.split_once('-') {
            Some((numbers, _)) => (numbers, false),
            None => (text, true),
        };
        let mut numbers = numbers.split('.').map(|n| n.parse().ok());
        let mut next = || numbers.next().flatten();
        let version = Self {
            major: next()?,
            minor: next()?,
            patch: next()?,
            released,
        };
        numbers.next().is_none().then_some(version)
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            major,
            minor,
            patch,
            released,
        } = self;
        write!(
            f,
            "{major}.{minor}.{patch}{}",
            if *released { "" } else { "-pre" }
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_as_the_server_prints_them() {
        assert_eq!(
            Version::parse("nats-server: v2.15.1\n"),
            Some(Version::new(2, 15, 1))
        );
        assert_eq!(Version::parse("2.9.10"), Some(Version::new(2, 9, 10)));
        for text in ["", "nats-server", "v2", "v2.1", "v2.1.x", "v2.1.3.4"] {
            assert_eq!(Version::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn only_what_is_as_new_as_the_least_is_good_enough() {
        let good = |text| Version::parse(text).unwrap() >= VERSION_MIN;
        for text in ["v2.12.3", "v2.12.10", "v2.13.0-beta.1", "v3.0.0"] {
            assert!(good(text), "{text}");
        }
        for text in ["v2.12.2", "v2.12.3-RC.1", "v2.9.10", "v1.99.99"] {
            assert!(!good(text), "{text}");
        }
    }
}
