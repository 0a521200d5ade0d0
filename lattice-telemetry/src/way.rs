//! Which way a call goes.

/// The way of a call from whoever makes it to whoever serves it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// Straight in, within one process.
    Local,
    /// Over NATS, to a host that its peer chose.
    Peer,
    /// Over NATS, to whichever of those who serve the target.
    Queue,
}

impl Way {
    /// Every way, in the order of their numbers.
    pub const ALL: [Self; 3] = [Self::Local, Self::Peer, Self::Queue];

    /// As labels and spans say it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::Peer => "peer",
            Self::Queue => "queue",
        }
    }

    pub(crate) fn number(self) -> usize {
        self as usize
    }
}
