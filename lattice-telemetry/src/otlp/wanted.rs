//! What the environment asks for, in OpenTelemetry's words.

/// Whether a signal is to be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    Yes,
    No,
}

/// Which traces are recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sampling {
    /// Whether the caller's word holds.
    pub(super) by_parent: bool,
    /// Whether none is, whatever the caller says.
    pub(super) never: bool,
}

type Get<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Whether `TRACES` or `METRICS` are to be sent; if they are and can't be, why.
pub(super) fn signal(get: Get<'_>, signal: &str) -> Result<Wanted, String> {
    let own = |what: &str| {
        let name = format!("OTEL_EXPORTER_OTLP_{signal}_{what}");
        let of_all = format!("OTEL_EXPORTER_OTLP_{what}");
        [name, of_all]
            .into_iter()
            .find_map(|name| Some((get(&name)?, name)))
    };
    let disabled = get("OTEL_SDK_DISABLED").is_some_and(|v| v.eq_ignore_ascii_case("true"));
    if disabled || own("ENDPOINT").is_none() {
        return Ok(Wanted::No);
    }
    let exporter = format!("OTEL_{signal}_EXPORTER");
    match get(&exporter).as_deref() {
        None | Some("otlp") => {}
        Some("none") => return Ok(Wanted::No),
        Some(other) => {
            return Err(format!(
                "{exporter} is {other}, which is not known: write otlp or none; nothing is sent"
            ));
        }
    }
    match own("PROTOCOL") {
        Some((protocol, name)) if protocol != "grpc" => Err(format!(
            "{name} is {protocol}, and OTLP is sent over gRPC only: unset it, and name the \
             collector's port for gRPC, most often 4317; nothing is sent"
        )),
        _ => Ok(Wanted::Yes),
    }
}

/// Which traces are recorded. The SDK reads the same variables, and takes everything for what it
/// doesn't know: that is refused here.
pub(super) fn sampling(get: Get<'_>) -> Result<Sampling, String> {
    const SAMPLER: &str = "OTEL_TRACES_SAMPLER";
    const ARGUMENT: &str = "OTEL_TRACES_SAMPLER_ARG";
    let name = get(SAMPLER).unwrap_or_else(|| "parentbased_always_on".to_owned());
    let (by_parent, rule) = match name.strip_prefix("parentbased_") {
        Some(rule) => (true, rule),
        None => (false, name.as_str()),
    };
    match rule {
        "always_on" | "always_off" => {}
        "traceidratio" => {
            let ratio = get(ARGUMENT).and_then(|text| text.parse::<f64>().ok());
            if !ratio.is_some_and(|ratio| (0.0..=1.0).contains(&ratio)) {
                return Err(format!(
                    "{SAMPLER} is {name}, and {ARGUMENT} is no number from 0 to 1, such as 0.1; no \
                     traces are sent"
                ));
            }
        }
        _ => {
            return Err(format!(
                "{SAMPLER} is {name}, which is not known: write always_on, always_off or \
                 traceidratio, or one of them after parentbased_; no traces are sent"
            ));
        }
    }
    Ok(Sampling {
        by_parent,
        never: !by_parent && rule == "always_off",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(pairs: &[(&str, &str)]) -> impl Fn(&str) -> Option<String> {
        let pairs: Vec<_> = pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        move |name| {
            pairs
                .iter()
                .find(|(n, _)| n == name)
                .map(|(_, v)| v.clone())
        }
    }

    fn traces(pairs: &[(&str, &str)]) -> Result<Wanted, String> {
        signal(&env(pairs), "TRACES")
    }

    const THERE: (&str, &str) = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://c:4317");

    #[test]
    fn nothing_is_sent_unless_a_collector_is_named() {
        assert_eq!(traces(&[]), Ok(Wanted::No));
        assert_eq!(traces(&[THERE]), Ok(Wanted::Yes));
        let own = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://c:4317");
        assert_eq!(traces(&[own]), Ok(Wanted::Yes));
        assert_eq!(signal(&env(&[own]), "METRICS"), Ok(Wanted::No));
        assert_eq!(
            traces(&[THERE, ("OTEL_SDK_DISABLED", "True")]),
            Ok(Wanted::No)
        );
        assert_eq!(
            traces(&[THERE, ("OTEL_TRACES_EXPORTER", "none")]),
            Ok(Wanted::No)
        );
    }

    #[test]
    fn what_can_not_be_had_is_refused_with_what_to_write() {
        let http = ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf");
        assert!(traces(&[THERE, http]).unwrap_err().contains("4317"));
        let zipkin = ("OTEL_TRACES_EXPORTER", "zipkin");
        let refused = traces(&[THERE, zipkin]).unwrap_err();
        assert!(refused.contains("otlp or none"), "{refused}");
        // The signal's own word goes before the word for all.
        let own = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "grpc");
        assert_eq!(traces(&[THERE, http, own]), Ok(Wanted::Yes));
    }

    #[test]
    fn the_callers_word_holds_unless_the_sampler_says_otherwise() {
        let by = |sampler: Option<&str>, argument: &str| {
            let mut pairs = vec![("OTEL_TRACES_SAMPLER_ARG", argument)];
            pairs.extend(sampler.map(|sampler| ("OTEL_TRACES_SAMPLER", sampler)));
            sampling(&env(&pairs)).map(|sampling| (sampling.by_parent, sampling.never))
        };
        assert_eq!(by(None, ""), Ok((true, false)));
        assert_eq!(by(Some("always_on"), ""), Ok((false, false)));
        assert_eq!(by(Some("always_off"), ""), Ok((false, true)));
        assert_eq!(by(Some("parentbased_always_off"), ""), Ok((true, false)));
        assert_eq!(
            by(Some("parentbased_traceidratio"), "0.1"),
            Ok((true, false))
        );
        for (sampler, argument) in [("traceidratio", ""), ("traceidratio", "2"), ("xray", "")] {
            assert!(by(Some(sampler), argument).is_err(), "{sampler} {argument}");
        }
    }
}
