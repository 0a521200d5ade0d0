//! Networks as `10.0.0.0/8` spells them, and whether an address is in one.

use std::net::IpAddr;
use std::str::FromStr;

/// Addresses that share their first bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Network {
    /// The first bits, the rest zero; an IPv4 address as itself, never mapped.
    first: IpAddr,
    bits: u8,
}

/// Why a text is no network.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Error {
    #[error("not an IP address or a network: write such as 10.0.0.0/8, 192.0.2.7 or fd00::/8")]
    Shape,
    /// `10.0.0.5/8` could mean the host or its network.
    #[error("it has bits beyond its length: write {0}")]
    Beyond(String),
}

impl Network {
    /// Whether `address` is one of them; `::ffff:10.0.0.1` is `10.0.0.1`.
    pub(crate) fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        address.is_ipv4() == self.first.is_ipv4() && cut(address, self.bits) == self.first
    }
}

impl FromStr for Network {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| Error::Shape)?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let bits = match bits {
            Some(bits) => bits.parse().map_err(|_| Error::Shape)?,
            None => most,
        };
        if bits > most {
            return Err(Error::Shape);
        }
        let first = cut(address, bits);
        if first != address {
            return Err(Error::Beyond(format!("{first}/{bits}")));
        }
        Ok(Self { first, bits })
    }
}

/// The address with all but its first bits zero.
fn cut(address: IpAddr, bits: u8) -> IpAddr {
    match address {
        IpAddr::V4(v4) => {
            let mask = u32::MAX.checked_shl(32 - u32::from(bits)).unwrap_or(0);
            IpAddr::V4((v4.to_bits() & mask).into())
        }
        IpAddr::V6(v6) => {
            let mask = u128::MAX.checked_shl(128 - u32::from(bits)).unwrap_or(0);
            IpAddr::V6((v6.to_bits() & mask).into())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(text: &str) -> Network {
        text.parse().unwrap()
    }

    #[test]
    fn a_network_has_the_addresses_that_share_its_bits_and_no_others() {
        for (text, inside, outside) in [
            ("10.0.0.0/8", "10.255.0.1", "11.0.0.0"),
            ("192.0.2.7", "192.0.2.7", "192.0.2.6"),
            ("10.0.0.0/8", "::ffff:10.1.2.3", "::10.1.2.3"),
            ("fd00::/8", "fdff::1", "fe00::1"),
            ("::1", "::1", "127.0.0.1"),
            ("0.0.0.0/0", "203.0.113.9", "::1"),
            ("::/0", "fd00::1", "10.0.0.1"),
        ] {
            assert!(network(text).contains(inside.parse().unwrap()), "{text}");
            assert!(!network(text).contains(outside.parse().unwrap()), "{text}");
        }
    }

    #[test]
    fn what_is_no_network_is_refused_with_an_example() {
        for text in [
            "",
            "localhost",
            "10.0.0.0/33",
            "10.0.0.0/",
            "10/8",
            "::/129",
        ] {
            assert_eq!(text.parse::<Network>(), Err(Error::Shape), "{text}");
        }
        assert_eq!(
            "10.0.0.5/8".parse::<Network>(),
            Err(Error::Beyond("10.0.0.0/8".into()))
        );
    }
}
