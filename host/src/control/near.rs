//! Names that are near a misspelt one.

/// How many changed letters a near name may have.
const DISTANCE_MAX: usize = 2;

/// `: did you mean counter?` if one of the names is near, else nothing.
pub(super) fn hint<'a>(wanted: &str, names: impl IntoIterator<Item = &'a str>) -> String {
    let near = names
        .into_iter()
        .map(|name| (distance(wanted, name), name))
        .min();
    match near {
        Some((distance, name)) if distance <= DISTANCE_MAX => format!(": did you mean {name}?"),
        _ => String::new(),
    }
}

/// Letters to add, remove or change to get from one to the other.
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.bytes().enumerate() {
            let changed = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_near_name_is_suggested_and_a_far_one_is_not() {
        let names = ["counter", "greeter", "kv"];
        assert_eq!(hint("conter", names), ": did you mean counter?");
        assert_eq!(hint("something", names), "");
        assert_eq!(hint("kv2", []), "");
    }

    #[test]
    fn distance_is_symmetric() {
        for (a, b, expected) in [
            ("", "", 0),
            ("", "ab", 2),
            ("abc", "abd", 1),
            ("abcd", "bcd", 1),
        ] {
            assert_eq!(
                (distance(a, b), distance(b, a)),
                (expected, expected),
                "{a} {b}"
            );
        }
    }
}
