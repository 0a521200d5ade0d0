//! Which endpoint a call means.

use std::collections::BTreeMap;
use std::sync::Arc;

use lattice_protocol::codec::names;
use lattice_protocol::error::{CallError, ErrorCode};
use lattice_protocol::id::ProviderName;
use lattice_protocol::interface::{Endpoint, FunctionName};
use lattice_telemetry::metrics::Meter;

use crate::shown::Shown;

/// What a provider answers, by function name.
#[derive(Debug)]
pub(crate) struct Endpoints {
    provider: ProviderName,
    by_function: BTreeMap<FunctionName, Vec<Offered>>,
}

/// One endpoint.
#[derive(Debug)]
pub(crate) struct Offered {
    /// In full form.
    pub(crate) endpoint: Endpoint,
    /// Where its calls are counted, if they are.
    pub(crate) meter: Option<Arc<Meter>>,
}

impl Endpoints {
    pub(crate) fn new(provider: ProviderName, endpoints: Vec<Endpoint>) -> Self {
        let mut by_function: BTreeMap<FunctionName, Vec<Offered>> = BTreeMap::new();
        for endpoint in endpoints {
            let same_name = by_function.entry(endpoint.function.clone()).or_default();
            if !same_name.iter().any(|offered| offered.endpoint == endpoint) {
                same_name.push(Offered {
                    endpoint,
                    meter: None,
                });
            }
        }
        Self {
            provider,
            by_function,
        }
    }

    /// Has calls counted from here on, if anybody reads that.
    pub(crate) fn measured(mut self, shown: &Shown) -> Self {
        let all: Vec<_> = self.by_function.values_mut().flatten().collect();
        let names: Vec<_> = all
            .iter()
            .map(|offered| offered.endpoint.to_string())
            .collect();
        let meters = shown.meters(names.iter().map(String::as_str));
        for (offered, meter) in all.into_iter().zip(meters) {
            offered.meter = Some(meter);
        }
        self
    }

    /// The endpoint in full form: the one that was named, or the only one of that function name.
    pub(crate) fn resolve(&self, asked: &Endpoint) -> Result<&Offered, CallError> {
        let same_name = self
            .by_function
            .get(&asked.function)
            .map_or(&[][..], Vec::as_slice);
        if let Some(found) = same_name.iter().find(|offered| offered.endpoint == *asked) {
            return Ok(found);
        }
        match (&asked.interface, same_name) {
            (None, [only]) => Ok(only),
            (None, [_, ..]) => Err(self.refuse(asked, "has more than one", same_name.iter())),
            _ => Err(self.refuse(asked, "has no", self.by_function.values().flatten())),
        }
    }

    fn refuse<'e>(
        &self,
        asked: &Endpoint,
        has: &str,
        offered: impl Iterator<Item = &'e Offered>,
    ) -> CallError {
        let offered: Vec<String> = offered.map(|one| one.endpoint.to_string()).collect();
        let provider = &self.provider;
        let message = match offered.as_slice() {
            [] => format!("provider {provider} has no {asked}: it answers no calls"),
            _ => {
                let offered = names(offered.iter().map(String::as_str));
                format!("provider {provider} {has} {asked}: it answers {offered}")
            }
        };
        CallError::refused(ErrorCode::NotFound, message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolve(asked: &str) -> Result<String, CallError> {
        let offered = ["test:kit/a.get", "test:kit/a.put", "test:kit/b.put", "root"];
        let offered = offered.iter().map(|e| e.parse().unwrap()).collect();
        let endpoints = Endpoints::new("kv".parse().unwrap(), offered);
        endpoints
            .resolve(&asked.parse().unwrap())
            .map(|offered| offered.endpoint.to_string())
    }

    #[test]
    fn the_short_form_is_enough_where_it_is_unique() {
        assert_eq!(resolve("test:kit/b.put").unwrap(), "test:kit/b.put");
        assert_eq!(resolve("get").unwrap(), "test:kit/a.get");
        assert_eq!(resolve("root").unwrap(), "root");
    }

    #[test]
    fn an_unknown_function_is_answered_with_what_is_there() {
        for asked in ["nothing", "test:kit/b.get", "other:kit/a.get"] {
            let error = resolve(asked).unwrap_err();
            assert_eq!(error.code, ErrorCode::NotFound);
            assert!(
                error.message.contains("test:kit/a.get, "),
                "{}",
                error.message
            );
        }
    }

    #[test]
    fn an_ambiguous_short_form_is_answered_with_the_choice() {
        let message = resolve("put").unwrap_err().message;
        let choice = "has more than one put: it answers test:kit/a.put, test:kit/b.put";
        assert!(message.ends_with(choice), "{message}");
    }

    #[test]
    fn a_provider_that_only_calls_says_so() {
        let endpoints = Endpoints::new("web".parse().unwrap(), Vec::new());
        let error = endpoints.resolve(&"get".parse().unwrap()).unwrap_err();
        assert!(error.message.contains("answers no calls"));
    }
}
