//! Which sockets an actor may use: `tcp:10.0.0.0/8:5432`.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// What a socket is used for, with addresses of a network and ports of a range.
///
/// As text `[USE:]NET:PORTS`: `USE` is `tcp`, `udp`, `tcp-listen` or `udp-listen`, and without it
/// both `tcp` and `udp`; `NET` is an address, a network such as `10.0.0.0/8` or `[fd00::]/8`, or
/// `*`; `PORTS` is a port, two with `-` between them, or `*`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SocketRule {
    /// What it may be used for; reaching out by TCP and UDP if absent.
    wanted: Option<Use>,
    /// Every address if absent.
    net: Option<Net>,
    ports: Ports,
}

/// What a socket is used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Use {
    /// Connecting to an address.
    Tcp,
    /// Sending to an address and receiving from it.
    Udp,
    /// Taking connections at an address of the host, from anywhere.
    TcpListen,
    /// Being bound to an address of the host.
    UdpListen,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Net {
    address: IpAddr,
    prefix: u8,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Ports {
    first: u16,
    last: u16,
}

/// Why a text is no rule for sockets.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "socket {text:?} is not valid: {why}; use tcp:ADDRESS:PORT, such as tcp:10.0.0.0/8:5432, \
     udp:[fd00::1]:53, tcp:*:443 or tcp-listen:127.0.0.1:7000-7099"
)]
pub struct Error {
    text: String,
    why: &'static str,
}

impl Use {
    const ALL: [Self; 4] = [Self::Tcp, Self::Udp, Self::TcpListen, Self::UdpListen];

    /// The use as a rule has it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
            Self::TcpListen => "tcp-listen",
            Self::UdpListen => "udp-listen",
        }
    }

    fn named(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.as_str() == text)
    }
}

impl fmt::Display for Use {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl SocketRule {
    /// The rule for one use of one address.
    pub fn exactly(wanted: Use, address: SocketAddr) -> Self {
        let ip = address.ip().to_canonical();
        let port = address.port();
        Self {
            wanted: Some(wanted),
            net: Some(Net::one(ip)),
            ports: Ports {
                first: port,
                last: port,
            },
        }
    }

    /// Whether a socket may be used so with that address.
    pub fn allows(&self, wanted: Use, address: SocketAddr) -> bool {
        self.covers(&Self::exactly(wanted, address))
    }

    /// Whether it is about a use at all.
    pub fn is_about(&self, wanted: Use) -> bool {
        match self.wanted {
            Some(one) => one == wanted,
            None => matches!(wanted, Use::Tcp | Use::Udp),
        }
    }

    /// Whether everything that `other` allows is allowed.
    pub fn covers(&self, other: &Self) -> bool {
        let uses = match other.wanted {
            Some(wanted) => self.is_about(wanted),
            None => self.wanted.is_none(),
        };
        let nets = match (self.net, other.net) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(own), Some(other)) => own.covers(other),
        };
        uses && nets && self.ports.first <= other.ports.first && other.ports.last <= self.ports.last
    }
}

impl Net {
    fn one(address: IpAddr) -> Self {
        let prefix = bits_of(address);
        Self { address, prefix }
    }

    fn covers(self, other: Self) -> bool {
        self.prefix <= other.prefix
            && self.address.is_ipv4() == other.address.is_ipv4()
            && masked(other.address, self.prefix) == self.address
    }

    fn read(text: &str) -> Result<Option<Self>, &'static str> {
        if text == "*" {
            return Ok(None);
        }
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let inner = address
            .strip_prefix('[')
            .and_then(|inner| inner.strip_suffix(']'));
        let address: IpAddr = match inner {
            Some(v6) => v6
                .parse::<Ipv6Addr>()
                .map(IpAddr::V6)
                .map_err(|_| "what is in brackets is no IPv6 address")?,
            None => address.parse::<Ipv4Addr>().map(IpAddr::V4).map_err(
                |_| "its address is neither an IPv4 address, an IPv6 address in brackets, nor *",
            )?,
        };
        let most = bits_of(address);
        let prefix = match prefix {
            Some(text) => text
                .parse()
                .ok()
                .filter(|prefix| *prefix <= most)
                .ok_or("the bits after / are no number of bits that its address has")?,
            None => most,
        };
        if masked(address, prefix) != address {
            return Err("its address has bits behind those that / counts");
        }
        Ok(Some(Self { address, prefix }))
    }
}

fn bits_of(address: IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}

fn masked(address: IpAddr, prefix: u8) -> IpAddr {
    let prefix = u32::from(prefix);
    match address {
        IpAddr::V4(v4) => {
            let mask = u32::MAX
                .checked_shl(32_u32.saturating_sub(prefix))
                .unwrap_or(0);
            Ipv4Addr::from_bits(v4.to_bits() & mask).into()
        }
        IpAddr::V6(v6) => {
            let mask = u128::MAX
                .checked_shl(128_u32.saturating_sub(prefix))
                .unwrap_or(0);
            Ipv6Addr::from_bits(v6.to_bits() & mask).into()
        }
    }
}

impl Ports {
    fn read(text: &str) -> Option<Self> {
        if text == "*" {
            return Some(Self {
                first: 0,
                last: u16::MAX,
            });
        }
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        let (first, last) = (first.parse().ok()?, last.parse().ok()?);
        (first <= last).then_some(Self { first, last })
    }
}

impl FromStr for SocketRule {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let refuse = |why| Error {
            text: text.chars().take(64).collect(),
            why,
        };
        let named = text
            .split_once(':')
            .and_then(|(name, rest)| Some((Use::named(name)?, rest)));
        let (wanted, rest) = match named {
            Some((wanted, rest)) => (Some(wanted), rest),
            None => (None, text),
        };
        let (net, ports) = rest
            .rsplit_once(':')
            .ok_or_else(|| refuse("it has no port"))?;
        Ok(Self {
            wanted,
            net: Net::read(net).map_err(refuse)?,
            ports: Ports::read(ports).ok_or_else(|| refuse("its port is no number, range or *"))?,
        })
    }
}

impl fmt::Display for SocketRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(wanted) = self.wanted {
            write!(f, "{wanted}:")?;
        }
        match self.net {
            None => f.write_str("*")?,
            Some(Net { address, prefix }) => {
                match address {
                    IpAddr::V4(v4) => write!(f, "{v4}")?,
                    IpAddr::V6(v6) => write!(f, "[{v6}]")?,
                }
                if prefix < bits_of(address) {
                    write!(f, "/{prefix}")?;
                }
            }
        }
        match self.ports {
            Ports {
                first: 0,
                last: u16::MAX,
            } => f.write_str(":*"),
            Ports { first, last } if first == last => write!(f, ":{first}"),
            Ports { first, last } => write!(f, ":{first}-{last}"),
        }
    }
}

impl TryFrom<String> for SocketRule {
    type Error = Error;

    fn try_from(text: String) -> Result<Self, Error> {
        text.parse()
    }
}

impl From<SocketRule> for String {
    fn from(rule: SocketRule) -> Self {
        rule.to_string()
    }
}
