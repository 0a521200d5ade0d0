//! JSON for people: as it came while it is short, folded out when it is long.
//!
//! The text is never read into a tree: the order of fields and every digit of a number stay.

use serde::Serialize;

use super::out;

/// Up to here a value stays on one line.
const LINE_LEN_MAX: usize = 80;
const INDENT: &str = "  ";

/// Prints a listing for programs.
pub fn print(value: &impl Serialize) -> anyhow::Result<()> {
    out(serde_json::to_string_pretty(value)?)
}

/// A result for people. What is not JSON stays as it is.
pub fn fold(text: &str) -> String {
    if text.len() <= LINE_LEN_MAX || serde_json::from_str::<serde::de::IgnoredAny>(text).is_err() {
        return text.to_owned();
    }
    let mut folded = String::with_capacity(text.len() * 2);
    let mut depth = 0;
    let mut in_string = false;
    let mut escaped = false;
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        if in_string {
            folded.push(c);
            in_string = escaped || c != '"';
            escaped = !escaped && c == '\\';
            continue;
        }
        match c {
            '[' | '{' => {
                folded.push(c);
                while rest.next_if(|c| c.is_ascii_whitespace()).is_some() {}
                if let Some(close) = rest.next_if(|c| matches!(c, ']' | '}')) {
                    folded.push(close);
                } else {
                    depth += 1;
                    line_break(&mut folded, depth);
                }
            }
            ']' | '}' => {
                depth -= 1;
                line_break(&mut folded, depth);
                folded.push(c);
            }
            ',' => {
                folded.push(c);
                line_break(&mut folded, depth);
            }
            ':' => folded.push_str(": "),
            c if c.is_ascii_whitespace() => {}
            c => {
                in_string = c == '"';
                folded.push(c);
            }
        }
    }
    folded
}

fn line_break(text: &mut String, depth: usize) {
    text.push('\n');
    for _ in 0..depth {
        text.push_str(INDENT);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_short_or_no_json_stays_as_it_is() {
        assert_eq!(fold(r#"{"b":1,"a":[]}"#), r#"{"b":1,"a":[]}"#);
        let text = "no json ".repeat(20);
        assert_eq!(fold(&text), text);
    }

    #[test]
    fn what_is_long_is_folded_out_and_says_the_same() {
        let long = "x, {y}: \\\"".repeat(9);
        let text = format!(r#"{{"b":["{long}",{{}}, [] ],"a":18446744073709551615}}"#);
        let folded = fold(&text);
        insta::assert_snapshot!(folded.replace(&long, "long"), @r#"
        {
          "b": [
            "long",
            {},
            []
          ],
          "a": 18446744073709551615
        }
        "#);
        let read = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
        assert_eq!(read(&folded), read(&text));
    }
}
