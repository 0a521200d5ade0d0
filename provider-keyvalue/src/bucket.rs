//! Which bucket a call means: the link decides, not the component.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use lattice_protocol::standard::keyvalue::WATCH;
use provider_sdk::Link;
use serde_json::Value;

use crate::limits::KEY_BYTES_MAX;
use crate::store::Error;

/// The longest name of a bucket: with the names of lattice and provider before it, it stays below
/// what JetStream allows for a stream (255).
pub(crate) const NAME_LEN_MAX: usize = 64;
/// The fields of a link's config, for the message that refuses others.
const FIELDS: &str = "bucket, create, ttl_s, watch";
/// The longest time to live in seconds, a year: what is kept longer is kept for good.
const TTL_S_MAX: u64 = 365 * 24 * 60 * 60;

/// A bucket of this provider, and what the caller may do with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Bucket {
    /// Its name.
    pub(crate) name: BucketName,
    /// Whether it is made when it is missing.
    pub(crate) create: bool,
    /// For how long after it was written a value is kept; for good if none.
    pub(crate) ttl: Option<Duration>,
}

/// The name of a bucket: 1 to 64 of `A-Z`, `a-z`, `0-9`, `-` and `_`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct BucketName(String);

impl Bucket {
    /// The bucket behind `identifier` for a call that came through `link`.
    ///
    /// A link's `bucket` stands for every identifier; without one, and for a caller that is no
    /// actor, the identifier is the name.
    pub(crate) fn of(link: Option<&Link>, identifier: &str) -> Result<Self, Error> {
        let access = link.map(|link| Access::read(&link.config)).transpose();
        let access = access.map_err(Error::denied)?.unwrap_or_default();
        let name = match access.bucket {
            Some(name) => name,
            None => identifier.parse().map_err(Error::refused)?,
        };
        Ok(Self {
            name,
            create: access.create,
            ttl: access.ttl,
        })
    }
}

/// What a link's config says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Access {
    bucket: Option<BucketName>,
    create: bool,
    /// For how long after it was written a value is kept.
    pub(crate) ttl: Option<Duration>,
    /// What the keys begin with of which the actor is told; none if it is told of nothing.
    pub(crate) watch: Option<String>,
}

impl Default for Access {
    fn default() -> Self {
        Self {
            bucket: None,
            create: true,
            ttl: None,
            watch: None,
        }
    }
}

impl Access {
    /// Reads a link's config.
    pub(crate) fn read(config: &BTreeMap<String, Value>) -> Result<Self, String> {
        let mut access = Self::default();
        for (field, value) in config {
            match (field.as_str(), value) {
                ("bucket", Value::String(name)) => access.bucket = Some(name.parse()?),
                ("bucket", _) => return Err("bucket of a link must be a string".into()),
                ("create", Value::Bool(create)) => access.create = *create,
                ("create", _) => return Err("create of a link must be true or false".into()),
                ("ttl_s", value) => access.ttl = Some(ttl(value)?),
                (WATCH, value) => access.watch = watch(value)?,
                _ => {
                    let field: String = field.chars().take(NAME_LEN_MAX).collect();
                    return Err(format!("a link has no {field:?}: use one of {FIELDS}"));
                }
            }
        }
        if access.watch.is_some() && access.bucket.is_none() {
            return Err("watch of a link needs to know which bucket: add bucket = \"…\"".into());
        }
        Ok(access)
    }
}

/// Reads of which keys an actor is told.
fn watch(value: &Value) -> Result<Option<String>, String> {
    match value {
        Value::Bool(all) => Ok(all.then(String::new)),
        Value::String(prefix) if prefix.len() <= KEY_BYTES_MAX => Ok(Some(prefix.clone())),
        _ => Err(format!(
            "watch of a link must be true, false, or what the keys begin with: at most {KEY_BYTES_MAX} bytes"
        )),
    }
}

/// Reads a time to live.
pub(crate) fn ttl(value: &Value) -> Result<Duration, String> {
    let seconds = value.as_u64().filter(|s| (1..=TTL_S_MAX).contains(s));
    seconds
        .map(Duration::from_secs)
        .ok_or_else(|| format!("ttl_s is {value}: use a number of seconds from 1 to {TTL_S_MAX}"))
}

impl FromStr for BucketName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
        if (1..=NAME_LEN_MAX).contains(&text.len()) && text.bytes().all(allowed) {
            return Ok(Self(text.to_owned()));
        }
        let text: String = text.chars().take(NAME_LEN_MAX + 1).collect();
        Err(format!(
            "bucket {text:?} is not a valid name: use 1 to {NAME_LEN_MAX} of A-Z, a-z, 0-9, - and _, \
             or name another with bucket = \"…\" in the link"
        ))
    }
}

impl fmt::Display for BucketName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use lattice_protocol::standard::keyvalue;
    use serde_json::json;

    use super::*;

    fn of(config: Value, identifier: &str) -> Result<Bucket, Error> {
        let link = Link {
            source: "counter".parse().unwrap(),
            interface: "wasi:keyvalue".parse().unwrap(),
            name: Default::default(),
            config: serde_json::from_value(config).unwrap(),
        };
        Bucket::of(Some(&link), identifier)
    }

    #[test]
    fn the_link_names_the_bucket_whatever_the_component_opens() {
        let bucket = of(json!({"bucket": "counts", "create": false}), "no/such name").unwrap();
        assert_eq!(
            (bucket.name.to_string(), bucket.create),
            ("counts".to_owned(), false)
        );
    }

    #[test]
    fn without_a_bucket_in_the_link_or_without_a_link_the_identifier_is_the_name() {
        assert_eq!(of(json!({}), "mine").unwrap().name.to_string(), "mine");
        assert_eq!(
            Bucket::of(None, "default").unwrap().name.to_string(),
            "default"
        );
        assert!(Bucket::of(None, "default").unwrap().create);
        assert_eq!(Bucket::of(None, "default").unwrap().ttl, None);
        let kept = of(json!({"ttl_s": 60}), "mine").unwrap();
        assert_eq!(kept.ttl, Some(Duration::from_secs(60)));
    }

    #[test]
    fn a_name_that_could_reach_another_stream_is_refused() {
        for name in ["", "a.b", "a b", "*", ">", "ä", "a/b", &"x".repeat(65)] {
            let error = Bucket::of(None, name).unwrap_err();
            let Error::Told(keyvalue::Error::Other(text)) = error else {
                panic!("{error:?}")
            };
            assert!(text.contains("1 to 64"), "{text}");
        }
    }

    #[test]
    fn an_unknown_or_misshapen_field_is_refused_with_what_exists() {
        let refusal = |config: Value| format!("{:?}", of(config, "a").unwrap_err());
        assert!(refusal(json!({"buket": "a"})).contains("use one of bucket, create, ttl_s, watch"));
        assert!(refusal(json!({"bucket": 1})).contains("must be a string"));
        assert!(refusal(json!({"create": "no"})).contains("true or false"));
        let unsaid = refusal(json!({"watch": true}));
        assert!(unsaid.contains("add bucket ="), "{unsaid}");
        for wrong in [json!(1), json!("x".repeat(KEY_BYTES_MAX + 1))] {
            let refused = refusal(json!({"bucket": "a", "watch": wrong}));
            assert!(refused.contains("true, false, or what"), "{refused}");
        }
        for wrong in [
            json!(0),
            json!(-1),
            json!("60"),
            json!(1.5),
            json!(u64::MAX),
        ] {
            let refused = refusal(json!({ "ttl_s": wrong }));
            assert!(refused.contains("ttl_s is") && refused.contains("1 to 31536000"));
        }
    }
}
