//! The name that was meant by a misspelt one.

/// How many slips a long word may have; a short one has one for each three letters.
const DISTANCE_MAX: usize = 2;

/// The candidate that is nearest to `word`, if it is near enough to be a slip of the keyboard.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let near_enough = word.chars().count().div_ceil(3).min(DISTANCE_MAX);
    candidates
        .into_iter()
        .map(|candidate| (distance(word, candidate), candidate))
        .filter(|(distance, _)| *distance <= near_enough)
        .min()
        .map(|(_, candidate)| candidate)
}

/// How many letters must be changed, added, left out, or swapped with their neighbour.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<_>, Vec<_>) = (a.chars().collect(), b.chars().collect());
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let changed = last[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut least = changed.min(last[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                least = least.min(before[j - 2] + 1);
            }
            row.push(least);
        }
        before = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_keyboard_finds_its_name() {
        let names = ["counter", "greeter", "kv"];
        for (word, name) in [
            ("greter", "greeter"),
            ("cuonter", "counter"),
            ("vk", "kv"),
            ("grete", "greeter"),
        ] {
            assert_eq!(nearest(word, names), Some(name), "{word}");
        }
    }

    #[test]
    fn another_word_finds_nothing() {
        let names = ["counter", "greeter", "kv"];
        for word in ["database", "something", ""] {
            assert_eq!(nearest(word, names), None, "{word}");
        }
        assert_eq!(nearest("counter", []), None);
    }

    #[test]
    fn distance_is_symmetric() {
        for (a, b, expected) in [
            ("", "", 0),
            ("", "ab", 2),
            ("abc", "abd", 1),
            ("abcd", "bcd", 1),
            ("abcd", "abdc", 1),
        ] {
            let both = (distance(a, b), distance(b, a));
            assert_eq!(both, (expected, expected), "{a} {b}");
        }
    }
}
