//! Apps: declared, compared, removed, listed, and taken back.

pub(super) mod apply;
pub(super) mod delete;
pub(super) mod diff;
pub(super) mod export;
pub(super) mod history;
pub(super) mod list;
pub(super) mod rollback;
