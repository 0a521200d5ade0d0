//! Where actors run.

use crate::{Lattice, eventually};

impl Lattice {
    /// Waits until so many instances of `actor` run on each of these hosts, and none elsewhere. Until
    /// all hosts have heard of each other, all of them may be on one.
    pub async fn until_placed(&self, actor: &str, wanted: &[(&str, u32)]) {
        let wanted = wanted
            .iter()
            .map(|(host, slots)| ((*host).to_owned(), *slots));
        let wanted = wanted.collect();
        eventually(&format!("{actor} is placed on {wanted:?}"), async || {
            let placement = self.placement(actor).await;
            match placement == wanted {
                true => Ok(()),
                false => Err(placement),
            }
        })
        .await;
    }
}
