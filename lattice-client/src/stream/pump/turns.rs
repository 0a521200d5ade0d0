//! Whose turn it is: of several who always have something, none waits for more than one turn of each
//! other.

/// The turns of a few.
#[derive(Debug, Default)]
pub(super) struct Turns {
    first: usize,
}

impl Turns {
    /// So many, in the order in which they are asked: whoever had the last turn is asked last.
    pub(super) fn order(&self, count: usize) -> impl Iterator<Item = usize> + use<> {
        let first = if self.first < count { self.first } else { 0 };
        (first..count).chain(0..first)
    }

    /// One of them had a turn.
    pub(super) fn took(&mut self, at: usize) {
        self.first = at + 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(turns: &Turns, count: usize) -> Vec<usize> {
        turns.order(count).collect()
    }

    #[test]
    fn whoever_had_a_turn_is_asked_last() {
        let mut turns = Turns::default();
        assert_eq!(order(&turns, 3), [0, 1, 2]);
        turns.took(0);
        assert_eq!(order(&turns, 3), [1, 2, 0]);
        turns.took(2);
        assert_eq!(order(&turns, 3), [0, 1, 2]);
        turns.took(1);
        // One is there no more.
        assert_eq!(order(&turns, 2), [0, 1]);
        assert_eq!(order(&turns, 0), [0; 0]);
    }
}
