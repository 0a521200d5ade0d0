//! What the server does as one.
//!
//! A version is made of the value itself: a key that was changed and changed back in between is
//! taken as unchanged. So nothing has to be kept beside the values, and whoever else writes them
//! is noticed.

use std::time::Duration;

use ::redis::aio::MultiplexedConnection;
use ::redis::{Script, Value};
use bytes::Bytes;
use lattice_protocol::standard::keyvalue::{Number, Versioned};

use super::fault::fault;
use super::seconds;
use crate::attempt::Fault;
use crate::number::{self, Delta};
use crate::store::{Error, Swapped};

/// The greatest delta that a script adds: the server counts in floating point there, which is exact
/// up to nine times the sum of this and the largest number of 15 digits.
const DELTA_MAX: i128 = 999_999_999_999_999;

/// Adds to a number of at most 15 digits; says so if there is something else.
const ADD: &str = r"
local before = redis.call('GET', KEYS[1])
if before and not (#before <= 15 and (before == '0' or string.match(before, '^[1-9]%d*$'))) then
  return false
end
local after = redis.call('INCRBY', KEYS[1], ARGV[1])
if ARGV[2] ~= '' then
  redis.call('EXPIRE', KEYS[1], ARGV[2])
elseif before then
  redis.call('PERSIST', KEYS[1])
end
return string.format('%.0f', after)
";

/// The version of what a script has found, spelled as no key has it that is not there.
macro_rules! version {
    ($rest:literal) => {
        concat!(
            "local found = redis.call('GET', KEYS[1])\n",
            "local version = found and (#found .. '-' .. redis.sha1hex(found)) or 'none'\n",
            $rest
        )
    };
}

/// Reads a value with its version.
const READ: &str = version!("return {version, found}");

/// Writes a value if the version is the one that is named.
const SWAP: &str = version!(
    "if version ~= ARGV[1] then return {version, found} end
if ARGV[3] ~= '' then
  redis.call('SET', KEYS[1], ARGV[2], 'EX', ARGV[3])
else
  redis.call('SET', KEYS[1], ARGV[2])
end
return {}"
);

/// The scripts, which the server is sent when it doesn't know them.
pub(super) struct Scripts {
    add: Script,
    read: Script,
    swap: Script,
}

/// What came of adding.
pub(super) enum Added {
    /// The sum.
    Sum(Number),
    /// The server can't add these exactly: nothing was added.
    NotHere,
}

/// A value that replaces another.
pub(super) struct Swap<'a> {
    pub(super) key: &'a str,
    pub(super) version: &'a str,
    pub(super) value: &'a Bytes,
    pub(super) ttl: Option<Duration>,
}

impl Scripts {
    pub(super) fn new() -> Self {
        Self {
            add: Script::new(ADD),
            read: Script::new(READ),
            swap: Script::new(SWAP),
        }
    }

    /// Whether the server can add it, to some numbers.
    pub(super) fn can_add(delta: Delta) -> bool {
        delta.by().abs() <= DELTA_MAX
    }

    pub(super) async fn add(
        &self,
        server: &mut MultiplexedConnection,
        key: &str,
        delta: Delta,
        ttl: Option<Duration>,
    ) -> Result<Added, Fault> {
        let mut add = self.add.key(key);
        add.arg(delta.by().to_string()).arg(seconds(ttl));
        let sum: Option<Vec<u8>> = add.invoke_async(server).await.map_err(fault)?;
        match sum.as_deref().map(number::read) {
            None => Ok(Added::NotHere),
            Some(Some(sum)) => Ok(Added::Sum(sum)),
            Some(None) => Err(strange()),
        }
    }

    pub(super) async fn read(
        &self,
        server: &mut MultiplexedConnection,
        key: &str,
    ) -> Result<Versioned, Fault> {
        let found: Vec<Value> = self
            .read
            .key(key)
            .invoke_async(server)
            .await
            .map_err(fault)?;
        versioned(found)?.ok_or_else(strange)
    }

    pub(super) async fn swap(
        &self,
        server: &mut MultiplexedConnection,
        swap: &Swap<'_>,
    ) -> Result<Swapped, Fault> {
        let mut script = self.swap.key(swap.key);
        script
            .arg(swap.version)
            .arg(&**swap.value)
            .arg(seconds(swap.ttl));
        let found: Vec<Value> = script.invoke_async(server).await.map_err(fault)?;
        Ok(versioned(found)?.map_or(Swapped::Done, Swapped::Failed))
    }
}

/// A version, and the value if there is one; nothing at all is none.
fn versioned(found: Vec<Value>) -> Result<Option<Versioned>, Fault> {
    let mut found = found.into_iter();
    let Some(version) = found.next() else {
        return Ok(None);
    };
    let version = bytes(version)?.ok_or_else(strange)?;
    let version = String::from_utf8(version.into()).map_err(|_| strange())?;
    let value = found.next().map(bytes).transpose()?.flatten();
    Ok(Some(Versioned { version, value }))
}

fn bytes(value: Value) -> Result<Option<Bytes>, Fault> {
    match value {
        Value::BulkString(bytes) => Ok(Some(bytes.into())),
        Value::SimpleString(text) => Ok(Some(text.into())),
        Value::Nil | Value::Boolean(false) => Ok(None),
        _ => Err(strange()),
    }
}

fn strange() -> Fault {
    Fault::Final(Error::lost("redis answered a script with something else"))
}
