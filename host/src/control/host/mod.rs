//! Hosts: all of them listed, and this one asked.

pub(super) mod inspect;
pub(super) mod inventory;
pub(super) mod label;
pub(super) mod leave;
pub(super) mod list;
pub(super) mod ping;
pub(super) mod report;
