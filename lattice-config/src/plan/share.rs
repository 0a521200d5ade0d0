//! Divides a number among bins by weight: the arithmetic of the plan.

/// What takes a share: a host, or all hosts of a zone.
pub(super) struct Bin {
    /// Its part in proportion to the others'; not 0.
    pub(super) weight: u64,
    /// The most it takes.
    pub(super) most: u64,
    /// What it had.
    pub(super) before: u64,
}

/// The share of each bin; who takes what can't be divided is told by `rank`, less coming first. The sum is `number`, or all that the bins take if that is less; no share
/// is further than one from what the weights say, but where `most` forbids it.
pub(super) fn share(number: u64, bins: &[Bin], rank: impl Fn(usize) -> u128) -> Vec<u64> {
    let mut shares = vec![0; bins.len()];
    // The bins that fill up first come first; once one doesn't, none after it does.
    let mut order: Vec<usize> = (0..bins.len()).collect();
    let room = |a: &Bin, b: &Bin| u128::from(a.most) * u128::from(b.weight);
    order.sort_by(|&a, &b| room(&bins[a], &bins[b]).cmp(&room(&bins[b], &bins[a])));
    let mut left = u128::from(number);
    let mut weights: u128 = bins.iter().map(|bin| u128::from(bin.weight)).sum();
    let mut open = 0;
    for &at in &order {
        let bin = &bins[at];
        if left * u128::from(bin.weight) < u128::from(bin.most) * weights {
            break;
        }
        shares[at] = bin.most;
        left -= u128::from(bin.most);
        weights -= u128::from(bin.weight);
        open += 1;
    }
    divide(left, weights, &order[open..], bins, rank, &mut shares);
    shares
}

/// Divides among bins none of which fills up. Each gets its part rounded down; what is then left
/// goes, one each, to those whose part was not whole.
fn divide(
    number: u128,
    weights: u128,
    open: &[usize],
    bins: &[Bin],
    rank: impl Fn(usize) -> u128,
    shares: &mut [u64],
) {
    if weights == 0 {
        return;
    }
    let mut left = number;
    let mut candidates = Vec::new();
    for &at in open {
        let part = number * u128::from(bins[at].weight);
        // No more than `most`, which is 64 bits wide.
        let whole = u64::try_from(part / weights).unwrap_or(bins[at].most);
        shares[at] = whole;
        left -= u128::from(whole);
        if !part.is_multiple_of(weights) {
            // Who had one more keeps it. Not so where the whole is 0: then a host that joins would
            // never get any of the actors with few instances.
            let kept = whole > 0 && bins[at].before > whole;
            candidates.push((!kept, at));
        }
    }
    let extra = usize::try_from(left).unwrap_or(usize::MAX);
    if extra == 0 {
        return;
    }
    let ranked = |(kept, at)| (kept, rank(at), at);
    let mut candidates: Vec<_> = candidates.into_iter().map(ranked).collect();
    // Which of them come first matters, their order does not.
    if extra < candidates.len() {
        candidates.select_nth_unstable(extra);
    }
    for (_, _, at) in candidates.into_iter().take(extra) {
        shares[at] += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn share(number: u64, bins: &[Bin]) -> Vec<u64> {
        super::share(number, bins, |at| at as u128)
    }

    fn bins(bins: &[(u64, u64, u64)]) -> Vec<Bin> {
        let bin = |&(weight, most, before): &(u64, u64, u64)| Bin {
            weight,
            most,
            before,
        };
        bins.iter().map(bin).collect()
    }

    #[test]
    fn a_number_is_divided_by_weight() {
        assert_eq!(share(8, &bins(&[(1, 9, 0), (3, 9, 0)])), [2, 6]);
        assert_eq!(share(0, &bins(&[(1, 9, 0), (3, 9, 0)])), [0, 0]);
        assert_eq!(share(5, &bins(&[])), [0; 0]);
    }

    #[test]
    fn what_a_full_bin_cannot_take_goes_to_the_others() {
        assert_eq!(
            share(12, &bins(&[(1, 2, 0), (1, 100, 0), (1, 100, 0)])),
            [2, 5, 5]
        );
    }

    #[test]
    fn more_than_all_take_fills_all() {
        assert_eq!(share(99, &bins(&[(5, 5, 0), (7, 7, 0)])), [5, 7]);
    }

    #[test]
    fn the_rest_stays_where_it_was() {
        assert_eq!(share(5, &bins(&[(1, 9, 2), (1, 9, 3)])), [2, 3]);
        assert_eq!(share(5, &bins(&[(1, 9, 0), (1, 9, 0)])), [3, 2]);
    }

    #[test]
    fn the_largest_numbers_do_not_overflow() {
        let huge = u64::from(u32::MAX);
        assert_eq!(
            share(u64::MAX, &bins(&[(huge, huge, huge), (1, huge, 0)])),
            [huge, huge]
        );
    }
}
