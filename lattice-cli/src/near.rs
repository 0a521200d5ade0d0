//! Near names: what somebody may have meant.

/// The candidate that is nearest to `word`, if it is near enough to be a slip of the keyboard.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let near_enough = (word.chars().count() / 3).max(1);
    candidates
        .into_iter()
        .map(|candidate| (distance(word, candidate), candidate))
        .filter(|(distance, _)| *distance <= near_enough)
        .min()
        .map(|(_, candidate)| candidate)
}

/// `; did you mean …?`, or nothing.
pub fn suggestion<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> String {
    match nearest(word, candidates) {
        Some(name) if name != word => format!("; did you mean {name}?"),
        _ => String::new(),
    }
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
        for (word, name) in [("greter", "greeter"), ("cuonter", "counter"), ("vk", "kv")] {
            assert_eq!(nearest(word, names), Some(name), "{word}");
        }
        assert_eq!(suggestion("greter", names), "; did you mean greeter?");
    }

    #[test]
    fn another_word_finds_nothing() {
        assert_eq!(nearest("database", ["counter", "greeter", "kv"]), None);
        assert_eq!(suggestion("", ["counter"]), "");
    }
}
