//! Providers: started without a manifest, removed and listed.

pub(super) mod list;
pub(super) mod settings;
pub(super) mod start;
pub(super) mod stop;
