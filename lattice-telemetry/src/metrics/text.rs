//! Samples as Prometheus reads them: its text format, version 0.0.4.

use std::fmt::Write as _;

use super::family::Kind;
use super::{Family, Sample, Samples, Snapshot, Value, bounds_s};

/// The content type of the text.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Everything that was read, as text.
pub fn write(samples: &Samples) -> String {
    let mut text = String::new();
    for (family, series) in samples.iter() {
        let name = family.prometheus();
        head(&mut text, &name, family);
        for sample in series {
            match &sample.value {
                Value::Number(number) => line(&mut text, &name, "", sample, None, number),
                Value::Histogram(histogram) => buckets(&mut text, &name, sample, histogram),
            }
        }
    }
    text
}

fn head(text: &mut String, name: &str, family: &Family) {
    let kind = match family.kind {
        Kind::Counter => "counter",
        Kind::Gauge => "gauge",
        Kind::Histogram => "histogram",
    };
    // Writing into a string can't fail.
    let _ = writeln!(text, "# HELP {name} {}\n# TYPE {name} {kind}", family.help);
}

fn buckets(text: &mut String, name: &str, sample: &Sample, histogram: &Snapshot) {
    let bounds = bounds_s().map(|bound| bound.to_string());
    let bounds = bounds.chain(["+Inf".to_owned()]);
    let mut below = 0;
    for (bound, count) in bounds.zip(histogram.buckets) {
        below += count;
        line(text, name, "_bucket", sample, Some(&bound), &below);
    }
    let sum = histogram.sum_ns as f64 / 1e9;
    line(text, name, "_sum", sample, None, &sum);
    line(text, name, "_count", sample, None, &histogram.count());
}

fn line(
    text: &mut String,
    name: &str,
    suffix: &str,
    sample: &Sample,
    bound: Option<&str>,
    value: &dyn std::fmt::Display,
) {
    text.push_str(name);
    text.push_str(suffix);
    let own = sample
        .labels
        .iter()
        .map(|(name, text)| (*name, text.as_str()));
    let labels = own.chain(bound.map(|bound| ("le", bound)));
    let mut before = '{';
    for (name, value) in labels {
        text.push(before);
        text.push_str(name);
        text.push_str("=\"");
        escape(text, value);
        text.push('"');
        before = ',';
    }
    if before == ',' {
        text.push('}');
    }
    let _ = writeln!(text, " {value}");
}

/// A name may be anything that a toolchain let through: nothing in it may end the label.
fn escape(text: &mut String, value: &str) {
    for c in value.chars() {
        match c {
            '\\' => text.push_str("\\\\"),
            '"' => text.push_str("\\\""),
            '\n' => text.push_str("\\n"),
            c => text.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::super::{Histogram, family};
    use super::*;

    #[test]
    fn a_family_is_told_once_with_all_its_series() {
        let mut samples = Samples::default();
        samples.number(&family::BUSY, &[("actor", "a")], 3_u32);
        samples.number(&family::CONNECTED, &[], 1_u32);
        samples.number(&family::BUSY, &[("actor", "b")], 0_u32);
        let wanted = "# HELP lattice_busy Calls that run.\n# TYPE lattice_busy gauge\n\
                      lattice_busy{actor=\"a\"} 3\nlattice_busy{actor=\"b\"} 0\n\
                      # HELP lattice_nats_connected 1 while there is a connection to NATS.\n\
                      # TYPE lattice_nats_connected gauge\nlattice_nats_connected 1\n";
        assert_eq!(write(&samples), wanted);
    }

    #[test]
    fn the_buckets_of_a_histogram_add_up() {
        let histogram = Histogram::default();
        for ms in [1, 30, 100_000] {
            histogram.record(Duration::from_millis(ms));
        }
        let mut samples = Samples::default();
        let value = Value::Histogram(histogram.snapshot());
        samples.put(&family::COMPILE_DURATION, &[], value);
        let text = write(&samples);
        for line in [
            "lattice_compile_duration_seconds_bucket{le=\"0.00001\"} 0",
            "lattice_compile_duration_seconds_bucket{le=\"0.001\"} 1",
            "lattice_compile_duration_seconds_bucket{le=\"60\"} 2",
            "lattice_compile_duration_seconds_bucket{le=\"+Inf\"} 3",
            "lattice_compile_duration_seconds_sum 100.031",
            "lattice_compile_duration_seconds_count 3",
        ] {
            assert!(text.lines().any(|l| l == line), "{line}\n{text}");
        }
    }

    proptest! {
        #[test]
        fn no_name_breaks_out_of_its_label(name in ".*") {
            let mut samples = Samples::default();
            samples.number(&family::BUSY, &[("actor", name.as_str())], 7_u32);
            let text = write(&samples);
            let line = text.split_once("gauge\n").unwrap().1.strip_suffix('\n').unwrap();
            prop_assert!(!line.contains('\n'));
            let inner = line.strip_prefix("lattice_busy{actor=\"").unwrap();
            let inner = inner.strip_suffix("\"} 7").unwrap();
            let read = inner.replace("\\\\", "\u{0}").replace("\\\"", "\"").replace("\\n", "\n");
            prop_assert_eq!(read.replace('\u{0}', "\\"), name.replace('\u{0}', "\\"));
        }
    }
}
