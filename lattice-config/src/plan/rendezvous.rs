//! Weighted rendezvous hashing: each thing ranks the hosts by a hash of both, so that the rank of
//! two hosts never depends on a third.
//!
//! The hash is written out here since it must be the same in every version of the program, which
//! the standard library does not promise of its own. It need not withstand an enemy: names come
//! from those who may declare apps.

const FNV_OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
const FNV_PRIME: u64 = 0x0000_0100_0000_01b3;

/// FNV-1a of a name.
pub(crate) fn hash(name: &str) -> u64 {
    name.bytes().fold(FNV_OFFSET, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(FNV_PRIME)
    })
}

/// Sixteen bits of a name, all alike likely: names that differ in their last letter alone differ in
/// these as much as any.
pub(crate) fn bits16(name: &str) -> u64 {
    mix(hash(name)) >> 48
}

/// The rank of a host for a thing: less is better. A host of twice the weight comes first twice as
/// often: the rank is -log2(u) / weight for a uniform u.
pub(super) fn rank(thing: u64, host: u64, weight: u32) -> u128 {
    let cost = cost(mix(thing.rotate_left(32) ^ host));
    (u128::from(cost) << 32) / u128::from(weight.max(1))
}

/// The finalizer of splitmix64: every bit of the result depends on every bit of the input.
fn mix(mut bits: u64) -> u64 {
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

/// -log2(bits / 2^64) with 48 fractional bits, straight lines between powers of two. In integers:
/// floating-point logarithms differ between platforms.
fn cost(bits: u64) -> u64 {
    const FRACTION_BITS: u32 = 48;
    let bits = bits.max(1);
    let zeros = bits.leading_zeros();
    let mantissa = (bits << zeros) << 1;
    let fraction = mantissa >> (64 - FRACTION_BITS);
    (u64::from(zeros + 1) << FRACTION_BITS) - fraction
}

#[cfg(test)]
mod tests {
    use super::*;

    fn firsts(weights: &[(&str, u32)]) -> Vec<usize> {
        let mut firsts = vec![0; weights.len()];
        for at in 0..10_000 {
            let thing = hash(&format!("actor-{at}"));
            let rank = |&at: &usize| rank(thing, hash(weights[at].0), weights[at].1);
            firsts[(0..weights.len()).min_by_key(rank).unwrap()] += 1;
        }
        firsts
    }

    #[test]
    fn equal_hosts_come_first_equally_often() {
        for count in firsts(&[("host-a", 9), ("host-b", 9), ("host-c", 9), ("host-d", 9)]) {
            assert!((2_300..2_700).contains(&count), "{count}");
        }
    }

    #[test]
    fn a_host_of_three_times_the_weight_comes_first_three_times_as_often() {
        let firsts = firsts(&[("a", 100), ("b", 300)]);
        assert!((2_200..2_800).contains(&firsts[0]), "{firsts:?}");
    }

    #[test]
    fn ranks_never_change_between_versions() {
        // A published test vector of FNV-1a.
        assert_eq!(hash("foobar"), 0x8594_4171_f739_67e8);
        assert_eq!(
            rank(hash("counter"), hash("host"), 100),
            3_836_556_672_296_275_505_315
        );
        assert_eq!(cost(u64::MAX) >> 47, 0);
        assert_eq!((cost(1 << 63), cost(1)), (1 << 48, 64 << 48));
    }
}
