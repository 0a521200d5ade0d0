//! Settings as they are typed: `KEY=VALUE`.

/// Reads `zone=a`; the value may be empty, and hold more of `=`.
pub(super) fn read(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err(format!(
            "{text:?} has no key and value: write it like zone=a"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pair_has_a_key_and_a_value() {
        assert_eq!(read("zone=a=b"), Ok(("zone".into(), "a=b".into())));
        assert_eq!(read("gpu="), Ok(("gpu".into(), String::new())));
        assert!(read("zone").is_err() && read("=a").is_err());
    }
}
