//! Which addresses are those of the internet, and which lead inside.
//!
//! What is not certainly public is private: a new kind of address must not open a way in. Addresses
//! that carry an IPv4 address (mapped, translated, tunnelled) are what they carry.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// How far an address reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// Anybody on the internet.
    Public,
    /// This machine, its networks, or whoever answers for the cloud it runs in.
    Private,
    /// Nobody that HTTP could be spoken to: many at once.
    Nobody,
}

/// How far `address` reaches.
pub(super) fn reach(address: IpAddr) -> Reach {
    match address.to_canonical() {
        IpAddr::V4(v4) => of_v4(v4),
        IpAddr::V6(v6) => of_v6(v6),
    }
}

fn of_v4(address: Ipv4Addr) -> Reach {
    if address.is_multicast() || address.is_broadcast() {
        return Reach::Nobody;
    }
    let private = match address.octets() {
        // "This network": most systems take it for this machine.
        [0, ..] => true,
        [10, ..] | [127, ..] => true,
        // Carrier-grade NAT, where clouds keep services of their own.
        [100, second, ..] => second & 0xc0 == 64,
        // Link-local: the metadata of every cloud is at 169.254.169.254.
        [169, 254, ..] => true,
        [172, second, ..] => second & 0xf0 == 16,
        // IETF protocols, documentation, the old way into 6to4.
        [192, 0, 0 | 2, _] | [192, 88, 99, _] | [192, 168, ..] => true,
        // Benchmarks, documentation.
        [198, 18 | 19, ..] | [198, 51, 100, _] | [203, 0, 113, _] => true,
        // Reserved, and used inside some networks.
        [240..=255, ..] => true,
        _ => false,
    };
    match private {
        true => Reach::Private,
        false => Reach::Public,
    }
}

fn of_v6(address: Ipv6Addr) -> Reach {
    if address.is_multicast() {
        return Reach::Nobody;
    }
    let [a, b, c, d, e, f, g, h] = address.segments();
    let carried = |high: u16, low: u16| of_v4(((u32::from(high) << 16) | u32::from(low)).into());
    match [a, b, c, d, e, f] {
        // NAT64: the address behind the translator.
        [0x64, 0xff9b, 0, 0, 0, 0] => carried(g, h),
        // 6to4: the address of the tunnel's end.
        [0x2002, high, low, ..] => carried(high, low),
        // Teredo and others of IETF protocols; documentation.
        [0x2001, second, ..] if second < 0x200 || second == 0xdb8 => Reach::Private,
        [0x3fff, second, ..] if second < 0x1000 => Reach::Private,
        // All that is handed out as global unicast.
        [first, ..] if first & 0xe000 == 0x2000 => Reach::Public,
        // ::1, ::, fc00::/7, fe80::/10, IPv4 in ::/96, and whatever comes.
        _ => Reach::Private,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(reach_wanted: Reach, addresses: &[&str]) {
        for text in addresses {
            assert_eq!(reach(text.parse().unwrap()), reach_wanted, "{text}");
        }
    }

    #[test]
    fn addresses_of_the_internet_are_public() {
        all(
            Reach::Public,
            &[
                "1.1.1.1",
                "93.184.216.34",
                "100.63.255.255",
                "100.128.0.1",
                "172.15.0.1",
                "172.32.0.1",
                "192.0.1.1",
                "198.17.0.1",
                "198.20.0.1",
                "::ffff:1.1.1.1",
                "2606:4700::1111",
                "2a00:1450::1",
                "64:ff9b::1.1.1.1",
                "2002:101:101::1",
            ],
        );
    }

    #[test]
    fn addresses_that_lead_inside_are_private_in_every_disguise() {
        all(
            Reach::Private,
            &[
                "0.0.0.0",
                "0.1.2.3",
                "10.0.0.1",
                "100.64.0.1",
                "100.127.255.255",
                "127.0.0.1",
                "127.255.255.254",
                "169.254.169.254",
                "172.16.0.1",
                "172.31.255.255",
                "192.0.0.192",
                "192.168.0.1",
                "198.18.0.1",
                "203.0.113.1",
                "240.0.0.1",
                "::",
                "::1",
                "::ffff:127.0.0.1",
                "::ffff:169.254.169.254",
                "::127.0.0.1",
                "64:ff9b::127.0.0.1",
                "64:ff9b::169.254.169.254",
                "64:ff9b:1::1",
                "100::1",
                "2001::1",
                "2001:db8::1",
                "2002:7f00:1::",
                "2002:a9fe:a9fe::1",
                "3fff::1",
                "fc00::1",
                "fd00::1",
                "fd00:ec2::254",
                "fe80::1",
                "fec0::1",
                "4000::1",
            ],
        );
    }

    #[test]
    fn addresses_of_many_reach_nobody() {
        all(
            Reach::Nobody,
            &[
                "224.0.0.1",
                "239.1.1.1",
                "255.255.255.255",
                "ff02::1",
                "::ffff:224.0.0.1",
            ],
        );
    }
}
