//! Keys: validated, issued, revoked, forgotten.

use std::time::SystemTime;

use crate::bindings::exports::auth::admin::keys::{Issued, Swept};
use crate::bindings::exports::auth::token::check::{Grant, Refusal};
use crate::bindings::wasi::keyvalue::store::{self, Bucket};
use crate::bindings::wasi::random::random;
use crate::record::{self, Record};

/// The bucket that is opened; the link may say another.
const BUCKET: &str = "default";
/// What every key begins with, so that scanners find one that leaked.
const PREFIX: &str = "lk_";
/// 256 bits: nothing to guess.
const RANDOM_BYTES: u64 = 32;
/// The longest key that is looked up: far above what is issued, and room for keys from elsewhere.
const KEY_BYTES_MAX: usize = 512;
/// The longest name of a user: an address of mail or a URL fits.
const USER_BYTES_MAX: usize = 256;
/// Ten years: a key that outlives those who issued it is a mistake.
const TTL_S_MAX: u64 = 10 * 365 * 24 * 60 * 60;

/// Who a key speaks for at this moment.
pub(crate) fn validate(key: &str) -> Result<Grant, Refusal> {
    if key.is_empty() || key.len() > KEY_BYTES_MAX {
        return Err(Refusal::Unknown);
    }
    let id = record::id(key);
    let found = open().and_then(|bucket| bucket.get(&id).map_err(|error| text(&error)));
    let Some(bytes) = found.map_err(Refusal::Unavailable)? else {
        return Err(Refusal::Unknown);
    };
    let record = Record::read(&bytes).map_err(|error| malformed(&id, &error))?;
    if record.expires_at <= now() {
        return Err(Refusal::Expired(record.expires_at));
    }
    Ok(Grant {
        user_id: record.user_id,
        expires_at: record.expires_at,
    })
}

/// A new key; the only time that anybody sees it.
pub(crate) fn issue(user: String, ttl_s: u64) -> Result<Issued, String> {
    check_user(&user)?;
    if !(1..=TTL_S_MAX).contains(&ttl_s) {
        return Err(format!(
            "ttl-s is {ttl_s}: give 1 to {TTL_S_MAX} seconds, which is ten years"
        ));
    }
    let key = format!("{PREFIX}{}", hex(&random::get_random_bytes(RANDOM_BYTES)));
    let id = record::id(&key);
    let record = Record {
        user_id: user,
        expires_at: now()
            .checked_add(ttl_s)
            .ok_or("the clock of this host is wrong")?,
    };
    let bytes = record.write()?;
    open()?.set(&id, &bytes).map_err(|error| text(&error))?;
    println!("issued key {id} to {}", record.user_id);
    Ok(Issued {
        key,
        id,
        user_id: record.user_id,
        expires_at: record.expires_at,
    })
}

/// Forgets the key of that hash.
pub(crate) fn revoke(id: &str) -> Result<(), String> {
    if !record::is_id(id) {
        return Err("an id is 64 lower-case hex digits, the SHA-256 of a key".to_owned());
    }
    open()?.delete(id).map_err(|error| text(&error))?;
    println!("revoked key {id}");
    Ok(())
}

/// Forgets what has expired on one page of the store. An id is never issued twice, so nothing that
/// is good can go. What is malformed stays: somebody has to look at it.
pub(crate) fn sweep(cursor: Option<u64>) -> Result<Swept, String> {
    let bucket = open()?;
    let page = bucket.list_keys(cursor).map_err(|error| text(&error))?;
    let now = now();
    let mut removed = 0;
    for id in page.keys.iter().filter(|key| record::is_id(key)) {
        let found = bucket.get(id).map_err(|error| text(&error))?;
        let record = found.and_then(|bytes| Record::read(&bytes).ok());
        if record.is_some_and(|record| record.expires_at <= now) {
            bucket.delete(id).map_err(|error| text(&error))?;
            removed += 1;
        }
    }
    Ok(Swept {
        removed,
        cursor: page.cursor,
    })
}

fn open() -> Result<Bucket, String> {
    store::open(BUCKET).map_err(|error| text(&error))
}

/// The caller learns that there is something wrong, the log also what.
fn malformed(id: &str, error: &str) -> Refusal {
    eprintln!(
        "the record of key {id} can't be read: {error}; revoke it by its id, and issue another"
    );
    Refusal::Malformed("what is stored of this key can't be read".to_owned())
}

fn check_user(user: &str) -> Result<(), String> {
    if user.trim().is_empty() || user.len() > USER_BYTES_MAX {
        return Err(format!("a user is 1 to {USER_BYTES_MAX} bytes of text"));
    }
    // It goes into logs, and into whatever those who validate make of it.
    if user.chars().any(char::is_control) {
        return Err("a user has no control characters".to_owned());
    }
    Ok(())
}

/// By the wall clock, which hosts share as far as their machines do. On a clock that stands before
/// 1970 it is the end of time: no key is good, and none can be issued.
fn now() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.map_or(u64::MAX, |since| since.as_secs())
}

fn text(error: &store::Error) -> String {
    match error {
        store::Error::NoSuchStore => "there is no such store".to_owned(),
        store::Error::AccessDenied => "the store denies access".to_owned(),
        store::Error::Other(text) => text.clone(),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
