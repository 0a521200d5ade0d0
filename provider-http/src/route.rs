//! Which actor a request is for: by host, then by the longest path prefix.
//!
//! - A prefix ends where a segment ends: `/a` matches `/a` and `/a/b`, not `/ab`. A slash at its
//!   end says nothing: `/a/` is `/a`.
//! - A route with a host is looked at before the routes without: the host's longest match wins,
//!   and only when it has none does a route for every host answer.
//! - Hosts match without regard to case, without their port and without a dot at the end.
//! - Paths match as they were sent: no `%2e`, `..` or `//` is resolved, and the actor sees the
//!   whole path.

use std::borrow::Cow;
use std::collections::HashMap;

use lattice_config::Route;
use lattice_config::app::provider::PATH_LEN_MAX;
use lattice_protocol::id::TargetName;

use crate::error::Error;

/// The routes of a provider, built once for each change of settings.
#[derive(Debug, Default)]
pub(crate) struct Table {
    hosts: HashMap<String, Paths>,
    any: Paths,
}

#[derive(Debug, Default)]
struct Paths {
    /// By prefix without the slash at its end, so the root is empty.
    targets: HashMap<String, TargetName>,
    /// Which lengths the keys have: a path made of slashes must not cost a lookup for each.
    lengths: Vec<bool>,
}

impl Table {
    /// The table of `routes`, or what is wrong with one of them.
    pub(crate) fn build(routes: &[Route]) -> Result<Self, Error> {
        let mut table = Self::default();
        for route in routes {
            let path = prefix(route)?;
            let paths = match &route.host {
                None => &mut table.any,
                Some(host) => table.hosts.entry(host_name(route, host)?).or_default(),
            };
            if let Some(first) = paths.insert(path, TargetName::from(&route.actor)) {
                return Err(twice(route, &first));
            }
        }
        Ok(table)
    }

    /// Who answers for `path` at `host`, which may have capitals and a dot at its end.
    pub(crate) fn find(&self, host: &str, path: &str) -> Option<&TargetName> {
        if !self.hosts.is_empty()
            && let Some(paths) = self.hosts.get(canonical(host).as_ref())
            && let Some(target) = paths.find(path)
        {
            return Some(target);
        }
        self.any.find(path)
    }
}

impl Paths {
    /// Adds a prefix; the target that it had already, if any.
    fn insert(&mut self, prefix: &str, target: TargetName) -> Option<TargetName> {
        if self.lengths.len() <= prefix.len() {
            self.lengths.resize(prefix.len() + 1, false);
        }
        self.lengths[prefix.len()] = true;
        self.targets.insert(prefix.to_owned(), target)
    }

    fn find(&self, path: &str) -> Option<&TargetName> {
        let mut prefix = path;
        loop {
            if self.lengths.get(prefix.len()) == Some(&true)
                && let Some(target) = self.targets.get(prefix)
            {
                return Some(target);
            }
            prefix = prefix.rsplit_once('/')?.0;
        }
    }
}

fn canonical(host: &str) -> Cow<'_, str> {
    let host = host.strip_suffix('.').unwrap_or(host);
    if host.bytes().any(|b| b.is_ascii_uppercase()) {
        Cow::Owned(host.to_ascii_lowercase())
    } else {
        Cow::Borrowed(host)
    }
}

fn prefix(route: &Route) -> Result<&str, Error> {
    let path = route.path.as_str();
    let rule = if !path.starts_with('/') {
        "begin it with a slash"
    } else if path.len() > PATH_LEN_MAX {
        "use at most 1024 bytes"
    } else if !path.bytes().all(|b| b.is_ascii_graphic()) || path.contains(['?', '#', '*']) {
        "write a plain prefix as it stands in a URL, without query, fragment or wildcard"
    } else {
        return Ok(path.trim_end_matches('/'));
    };
    Err(Error::RoutePath {
        actor: route.actor.clone(),
        path: path.to_owned(),
        rule,
    })
}

fn host_name(route: &Route, host: &str) -> Result<String, Error> {
    // Reading it as a request's host is what makes a match possible at all.
    let readable = host
        .parse::<http::uri::Authority>()
        .is_ok_and(|read| read.host() == host);
    if readable && !host.contains('*') {
        Ok(canonical(host).into_owned())
    } else {
        Err(Error::RouteHost {
            actor: route.actor.clone(),
            host: host.to_owned(),
        })
    }
}

fn twice(route: &Route, first: &TargetName) -> Error {
    Error::RouteTwice {
        path: route.path.clone(),
        host: match &route.host {
            Some(host) => format!("for the host {host}"),
            None => "for every host".to_owned(),
        },
        first: first.to_string(),
        second: route.actor.to_string(),
    }
}

#[cfg(test)]
#[path = "route_test.rs"]
mod tests;
