//! Actors: started without a manifest, scaled, updated, removed, listed and looked into.

pub(super) mod inspect;
pub(super) mod list;
pub(super) mod scale;
pub(super) mod start;
pub(super) mod stop;
pub(super) mod update;
