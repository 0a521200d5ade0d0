//! Who wants to hear of which bucket.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use super::queue::Queue;
use crate::bucket::BucketName;

/// Who wants to hear of which bucket.
#[derive(Default)]
pub(super) struct Listeners(RwLock<HashMap<BucketName, Vec<Arc<Queue>>>>);

impl Listeners {
    pub(super) fn add(&self, bucket: &BucketName, queue: Arc<Queue>) {
        let mut all = self.0.write().unwrap_or_else(PoisonError::into_inner);
        all.entry(bucket.clone()).or_default().push(queue);
    }

    pub(super) fn remove(&self, bucket: &BucketName, queue: &Arc<Queue>) {
        let mut all = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(queues) = all.get_mut(bucket) {
            queues.retain(|other| !Arc::ptr_eq(other, queue));
            if queues.is_empty() {
                all.remove(bucket);
            }
        }
    }

    pub(super) fn tell(&self, bucket: &BucketName, key: &str) {
        let all = self.0.read().unwrap_or_else(PoisonError::into_inner);
        for queue in all.get(bucket).into_iter().flatten() {
            queue.push(key);
        }
    }

    /// Whether nobody wants to hear of anything.
    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.0.read().unwrap().is_empty()
    }
}
