//! Every import that is offered to actors by name. What is not here is answered through a link, by an
//! actor or a provider, or refused.

/// Interfaces that are answered alike.
pub(super) struct Offer {
    /// By their whole names.
    pub(super) interfaces: &'static [&'static str],
    /// Each is answered in all of these: `0.2` is every `0.2.N`, others are exact, and the empty one is
    /// an import without a version.
    pub(super) versions: &'static [&'static str],
    pub(super) by: By,
}

/// Who answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum By {
    /// The host: nothing is needed.
    Host,
    /// A provider, through a link: `http` passes on.
    Http,
    /// The same: `keyvalue` passes on.
    KeyValue,
}

/// What the standard calls by one name in both of its versions.
const BOTH: &[&str] = &["0.2", "0.3"];

/// The table in `docs/worlds.md` is this one, in other words; a test compares them.
pub(super) const OFFERS: &[Offer] = &[
    Offer {
        interfaces: &["wasi:io/error", "wasi:io/poll", "wasi:io/streams"],
        versions: &["0.2"],
        by: By::Host,
    },
    Offer {
        interfaces: &[
            "wasi:cli/environment",
            "wasi:cli/exit",
            "wasi:cli/stdin",
            "wasi:cli/stdout",
            "wasi:cli/stderr",
            "wasi:cli/terminal-input",
            "wasi:cli/terminal-output",
            "wasi:cli/terminal-stdin",
            "wasi:cli/terminal-stdout",
            "wasi:cli/terminal-stderr",
            "wasi:clocks/monotonic-clock",
            "wasi:filesystem/types",
            "wasi:filesystem/preopens",
            "wasi:http/types",
            "wasi:random/random",
            "wasi:random/insecure",
            "wasi:random/insecure-seed",
            "wasi:sockets/ip-name-lookup",
        ],
        versions: BOTH,
        by: By::Host,
    },
    Offer {
        interfaces: &[
            "wasi:clocks/wall-clock",
            "wasi:sockets/instance-network",
            "wasi:sockets/network",
            "wasi:sockets/tcp",
            "wasi:sockets/tcp-create-socket",
            "wasi:sockets/udp",
            "wasi:sockets/udp-create-socket",
        ],
        versions: &["0.2"],
        by: By::Host,
    },
    Offer {
        interfaces: &[
            "wasi:cli/types",
            "wasi:clocks/system-clock",
            "wasi:clocks/types",
            "wasi:sockets/types",
        ],
        versions: &["0.3"],
        by: By::Host,
    },
    Offer {
        interfaces: &["wasi:config/store"],
        versions: &["0.2.0-rc.1", "0.2.0-draft"],
        by: By::Host,
    },
    Offer {
        interfaces: &["wasi:config/runtime"],
        versions: &["0.2.0-draft"],
        by: By::Host,
    },
    Offer {
        interfaces: &["wasi:logging/logging"],
        versions: &["0.1.0-draft", ""],
        by: By::Host,
    },
    Offer {
        interfaces: &["wasi:http/outgoing-handler"],
        versions: &["0.2"],
        by: By::Http,
    },
    Offer {
        interfaces: &["wasi:http/client"],
        versions: &["0.3"],
        by: By::Http,
    },
    Offer {
        interfaces: &[
            "wasi:keyvalue/store",
            "wasi:keyvalue/atomics",
            "wasi:keyvalue/batch",
        ],
        versions: &["0.2.0-draft", "0.2.0-draft2"],
        by: By::KeyValue,
    },
];

/// Who answers an import, if it is offered.
pub(super) fn by(import: &str) -> Option<By> {
    let (interface, version) = import.split_once('@').unwrap_or((import, ""));
    let offer = OFFERS.iter().find(|offer| {
        let versions = &mut offer.versions.iter();
        offer.interfaces.contains(&interface) && versions.any(|offered| is_of(version, offered))
    });
    offer.map(|offer| offer.by)
}

fn is_of(version: &str, offered: &str) -> bool {
    let patch = version.strip_prefix(offered);
    match offered {
        "0.2" | "0.3" => patch.is_some_and(|patch| patch.starts_with('.')),
        _ => patch == Some(""),
    }
}

#[cfg(test)]
#[path = "offered_test.rs"]
mod tests;
