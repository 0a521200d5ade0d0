//! A caller that goes away.

use async_nats::HeaderMap;

use crate::Lattice;

impl Lattice {
    /// Has the plain client say that the caller of this call of `target` went away.
    pub async fn cancel(&self, target: &str, id: &str) {
        let mut headers = HeaderMap::new();
        headers.insert("Lattice-Id", id);
        let subject = format!("lattice.default.cancel.{target}");
        let told = self
            .plain()
            .publish_with_headers(subject, headers, "".into());
        told.await.unwrap();
    }
}
