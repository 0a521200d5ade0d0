//! A call that was answered and goes on: its streams still move.

use std::sync::Arc;

use lattice_client::Call;
use lattice_client::stream::Deadline;
use lattice_protocol::call::Context;

use super::call::Running;
use super::revision::Revision;
use crate::component::Callable;

/// What is needed of a call after its reply.
pub(super) struct Left {
    pub(super) revision: Arc<Revision>,
    call: Call,
    context: Context,
    pub(super) deadline: Deadline,
}

impl Running<'_> {
    /// What is left of this call when it was answered.
    pub(super) fn left(&self) -> Left {
        Left {
            revision: self.revision.clone(),
            call: self.call.clone(),
            context: self.context.clone(),
            deadline: self.deadline.clone(),
        }
    }
}

impl Left {
    /// The call, for what its caller is told.
    pub(super) fn running(&self) -> Running<'_> {
        Running {
            revision: &self.revision,
            call: &self.call,
            context: &self.context,
            // Whatever was called, its caller took what it answered.
            callable: &Callable::Http,
            deadline: self.deadline.clone(),
            takes_streams: true,
        }
    }
}
