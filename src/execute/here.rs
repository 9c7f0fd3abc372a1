//! What cannot be carried out here: by this version, in this rehearsal, or for this event.

use super::{ExecuteError, Moment, Run, Trust, body};
use crate::{graph::Node, plan::model::Kind};

/// Why a kind cannot be carried out by this version.
pub fn not_there_yet(kind: Kind) -> Option<&'static str> {
    match kind {
        Kind::Kubernetes => Some("this version does not apply to clusters yet"),
        Kind::Image | Kind::Terraform | Kind::Render | Kind::Run | Kind::Check | Kind::Gate => None,
    }
}

impl<'p> Run<'_, 'p> {
    /// Why a task cannot be carried out at this place: by this version, or in this rehearsal.
    pub(super) fn not_here(&self, node: &Node<'p>) -> Option<String> {
        let because = not_there_yet(node.task.kind);
        because
            .map(str::to_owned)
            .or_else(|| body::without_stand_in(self, node))
    }

    /// Whose changes this job holds.
    pub(super) fn trust(&self) -> Trust {
        Trust::of(&self.world.runner)
    }

    /// Fails where the event that started this job may not have a task carried out.
    pub(super) fn trusted(&self, node: &Node<'p>, moment: Moment) -> Result<(), ExecuteError> {
        match self.trust().refuses(node.task, moment) {
            Some(refusal) => Err(refusal.into()),
            None => Ok(()),
        }
    }
}
