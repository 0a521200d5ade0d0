//! Arguments as they are typed.

use std::time::Duration;

use lattice_protocol::call::DEADLINE_MAX;

/// One JSON array of all arguments. What is JSON goes as it is, digit by digit; what is not becomes
/// a string.
pub(super) fn payload(args: &[String]) -> String {
    let args: Vec<_> = args.iter().map(|arg| argument(arg)).collect();
    format!("[{}]", args.join(","))
}

fn argument(text: &str) -> String {
    match serde_json::from_str::<serde::de::IgnoredAny>(text) {
        Ok(_) => text.trim().to_owned(),
        Err(_) => serde_json::Value::from(text).to_string(),
    }
}

/// Reads `500ms`, `5s`, `2m`.
pub(super) fn time(text: &str) -> Result<Duration, String> {
    let split = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let bad = || format!("{text:?} is no time: write it like 500ms, 5s or 2m");
    let number: u64 = number.parse().map_err(|_| bad())?;
    let ms = match unit {
        "ms" => number,
        "s" => number.saturating_mul(1_000),
        "m" => number.saturating_mul(60_000),
        _ => return Err(bad()),
    };
    let time = Duration::from_millis(ms);
    if time.is_zero() || time > DEADLINE_MAX {
        return Err(format!(
            "{text} is not within 1ms and {}m",
            DEADLINE_MAX.as_secs() / 60
        ));
    }
    Ok(time)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_stays_as_it_is_and_the_rest_becomes_text() {
        let payload =
            |args: &[&str]| payload(&args.iter().map(|a| (*a).to_owned()).collect::<Vec<_>>());
        assert_eq!(payload(&[]), "[]");
        assert_eq!(payload(&["World"]), r#"["World"]"#);
        assert_eq!(payload(&["\"World\""]), r#"["World"]"#);
        assert_eq!(payload(&["say \"hi\"\n", ""]), r#"["say \"hi\"\n",""]"#);
        assert_eq!(
            payload(&[
                "18446744073709551615",
                "-1.50",
                "true",
                "null",
                r#"{"b":1,"a":[]}"#
            ]),
            r#"[18446744073709551615,-1.50,true,null,{"b":1,"a":[]}]"#
        );
        assert_eq!(payload(&["1 2", "[1"]), r#"["1 2","[1"]"#);
    }

    #[test]
    fn a_time_has_a_unit_and_bounds() {
        assert_eq!(time("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(time("5s"), Ok(Duration::from_secs(5)));
        assert_eq!(time("2m"), Ok(Duration::from_secs(120)));
        for text in [
            "",
            "5",
            "s",
            "5h",
            "-1s",
            "0s",
            "61m",
            "99999999999999999999s",
        ] {
            assert!(time(text).is_err(), "{text:?}");
        }
    }
}
