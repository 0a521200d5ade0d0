//! Settings as they are typed: `KEY=VALUE`, read as the labels of a host are.

pub(super) use host::options::key_value as read;
