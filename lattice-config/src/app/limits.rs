//! What an actor may use up: every limit with its default, its bounds, and why.

use serde::{Deserialize, Serialize};

/// One limit, as it is written in a manifest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// Its key.
    pub name: &'static str,
    /// What it is if the manifest doesn't say.
    pub default: u64,
    /// The least that makes sense.
    pub min: u64,
    /// The most that a host takes on.
    pub max: u64,
}

/// Declares [`Limits`], its defaults, bounds and strict form from one list.
macro_rules! limits {
    ($($(#[$doc:meta])* $name:ident: $default:literal in $min:literal..=$max:literal,)*) => {
        /// What an actor may use up. All of them hold by default.
        #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(default)]
        pub struct Limits {
            $($(#[$doc])* pub $name: u64,)*
        }

        impl Default for Limits {
            fn default() -> Self {
                Self { $($name: $default,)* }
            }
        }

        impl Limits {
            /// Every limit there is.
            pub const ALL: &[Limit] = &[$(Limit {
                name: stringify!($name),
                default: $default,
                min: $min,
                max: $max,
            },)*];

            /// Every limit with what it is set to, in the order of [`Limits::ALL`].
            pub fn values(&self) -> impl Iterator<Item = (&'static Limit, u64)> {
                Self::ALL.iter().zip([$(self.$name,)*])
            }
        }

        /// Limits as people write them: a misspelt one is refused.
        #[derive(Deserialize)]
        #[serde(default, deny_unknown_fields)]
        pub(crate) struct StrictLimits {
            $($name: u64,)*
        }

        impl Default for StrictLimits {
            fn default() -> Self {
                Self { $($name: $default,)* }
            }
        }

        impl From<StrictLimits> for Limits {
            fn from(strict: StrictLimits) -> Self {
                Self { $($name: strict.$name,)* }
            }
        }
    };
}

limits! {
    /// Milliseconds of a call; past it the instance is interrupted. Default and most are those of a
    /// call's deadline.
    time_ms: 10_000 in 1..=3_600_000,
    /// MiB of linear memory of an instance. The default holds a JavaScript engine; the most is what
    /// a 32-bit memory can address.
    memory_mib: 64 in 1..=4_096,
    /// Elements of an instance's tables. The default holds what interpreters compiled to wasm need;
    /// an element is 8 bytes, so the most is 8 MB.
    table_elements: 50_000 in 1..=1_000_000,
    /// Handles to resources that an instance holds at once. A busy HTTP handler holds tens; the most
    /// is what the engine takes.
    handles: 4_096 in 16..=100_000,
    /// Bytes of the arguments of a call, and of its result. The default leaves three quarters of the
    /// default memory to the guest; the most is what a host can hold a few of.
    payload_bytes: 16_777_216 in 1_024..=536_870_912,
    /// Bytes of randomness of a call. The default is 32,000 keys of 32 bytes; the least lets a
    /// standard library seed its tables; the most takes the host some tenth of a second.
    random_bytes: 1_048_576 in 1_024..=67_108_864,
    /// Bytes of log a second; what is above is dropped and counted. The default is some 500 lines;
    /// 0 silences; the most is what one reader can follow over NATS.
    log_bytes_per_s: 65_536 in 0..=16_777_216,
    /// Calls that wait on one host for an instance; further ones go elsewhere or are refused. The
    /// default is eight rounds of the default instances; 0 never waits; the most bounds the memory
    /// that waiting calls hold.
    waiting: 128 in 0..=65_536,
    /// Header fields of an HTTP request that it is given, and of a response to one that it sends. Only
    /// fewer than the protocol takes, which is the default: whoever is at the other end holds to that.
    headers: 128 in 1..=128,
    /// Bytes of the names and values of these together; likewise.
    header_bytes: 65_536 in 256..=65_536,
    /// Calls that an instance with async functions serves at once, if it serves more than one. The
    /// default is what `wasmtime serve` does: the waiting of one is filled by others, and no more suffer
    /// by one that traps; the most is what shares one instance's memory and thread to any use.
    at_once: 16 in 1..=128,
    /// Milliseconds of compiling. The default is enough for a 64 MiB component on one slow core.
    compile_ms: 120_000 in 100..=600_000,
    /// MiB of the component. The default holds an interpreter with its library; the most is what
    /// compiles in the longest time that is allowed.
    component_mib: 64 in 1..=256,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_default_is_within_its_bounds() {
        for limit in Limits::ALL {
            assert!(
                (limit.min..=limit.max).contains(&limit.default),
                "{}",
                limit.name
            );
        }
    }

    #[test]
    fn the_time_of_a_call_follows_the_protocol() {
        use lattice_protocol::call::{DEADLINE_DEFAULT, DEADLINE_MAX};
        let time = Limits::ALL
            .iter()
            .find(|limit| limit.name == "time_ms")
            .unwrap();
        assert_eq!(u128::from(time.default), DEADLINE_DEFAULT.as_millis());
        assert_eq!(u128::from(time.max), DEADLINE_MAX.as_millis());
    }

    #[test]
    fn no_more_headers_can_be_asked_for_than_travel() {
        use lattice_protocol::standard::http::{HEADERS_BYTES_MAX, HEADERS_MAX};
        let most = |name| {
            let limit = Limits::ALL.iter().find(|limit| limit.name == name);
            let limit = limit.unwrap();
            assert_eq!(limit.default, limit.max);
            usize::try_from(limit.max).unwrap()
        };
        assert_eq!(most("headers"), HEADERS_MAX);
        assert_eq!(most("header_bytes"), HEADERS_BYTES_MAX);
    }

    #[test]
    fn a_stored_limit_that_is_unknown_or_missing_does_no_harm() {
        let limits: Limits = serde_json::from_str(r#"{"time_ms":5,"fuel":1}"#).unwrap();
        assert_eq!((limits.time_ms, limits.memory_mib), (5, 64));
    }
}
