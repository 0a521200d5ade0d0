//! What buckets and keys are called on the server.
//!
//! `lattice:<lattice>:<provider>:<bucket>:<key>`: no two keys are one, as a bucket's name holds no
//! colon. Which buckets there are is in a set of its own, `lattice:<lattice>:<provider>:buckets`.

use lattice_protocol::id::{LatticeId, ProviderName};

use crate::bucket::Bucket;

/// The names of one provider.
pub(super) struct Names {
    prefix: String,
}

impl Names {
    pub(super) fn new(prefix: Option<&str>, lattice: &LatticeId, provider: &ProviderName) -> Self {
        Self {
            prefix: match prefix {
                Some(prefix) => prefix.to_owned(),
                None => format!("lattice:{lattice}:{provider}:"),
            },
        }
    }

    /// The set of buckets. No key is called so: it would have a colon after its bucket.
    pub(super) fn buckets(&self) -> String {
        format!("{}buckets", self.prefix)
    }

    /// A key of a bucket.
    pub(super) fn key(&self, bucket: &Bucket, key: &str) -> String {
        format!("{}{key}", self.all(bucket))
    }

    /// The pattern of all keys of a bucket.
    pub(super) fn pattern(&self, bucket: &Bucket) -> String {
        let mut pattern = String::new();
        for character in self.all(bucket).chars() {
            if matches!(character, '*' | '?' | '[' | ']' | '^' | '\\') {
                pattern.push('\\');
            }
            pattern.push(character);
        }
        pattern + "*"
    }

    /// The key that is called so.
    pub(super) fn read(&self, bucket: &Bucket, name: &[u8]) -> Option<String> {
        let key = name.strip_prefix(self.all(bucket).as_bytes())?;
        String::from_utf8(key.to_vec()).ok()
    }

    fn all(&self, bucket: &Bucket) -> String {
        format!("{}{}:", self.prefix, bucket.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(prefix: Option<&str>) -> Names {
        Names::new(prefix, &"default".parse().unwrap(), &"kv".parse().unwrap())
    }

    fn bucket(name: &str) -> Bucket {
        Bucket::of(None, name).unwrap()
    }

    #[test]
    fn a_key_comes_back_from_its_name_and_from_no_other_bucket() {
        let names = names(None);
        let name = names.key(&bucket("b"), "a:ключ");
        assert_eq!(name, "lattice:default:kv:b:a:ключ");
        let key = names.read(&bucket("b"), name.as_bytes());
        assert_eq!(key.as_deref(), Some("a:ключ"));
        assert_eq!(names.read(&bucket("b2"), name.as_bytes()), None);
        assert_eq!(names.read(&bucket("b"), b"lattice:default:kv:b:\xff"), None);
        assert_ne!(names.key(&bucket("buckets"), ""), names.buckets());
    }

    #[test]
    fn a_prefix_means_itself_in_a_pattern() {
        let names = names(Some("a*b[1]?\\"));
        assert_eq!(names.pattern(&bucket("c")), r"a\*b\[1\]\?\\c:*");
    }
}
