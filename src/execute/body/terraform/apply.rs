//! Applying: exactly the saved plan.

use camino::Utf8PathBuf;

use super::{
    call::{Calls, LOCK_TIMEOUT},
    plan::Planned,
    reviewed,
};
use crate::{
    event::{Effect, FailureKind},
    execute::{ExecuteError, attempt::BodyResult},
    terraform::arguments,
};

/// Applies a saved plan, if it holds a change.
pub(super) async fn apply(
    calls: &Calls<'_, '_, '_>,
    planned: &Planned,
    result: &mut BodyResult,
) -> Result<(), ExecuteError> {
    let unit = calls.unit;
    let what = format!(
        "{} {}: {}",
        unit.body.binary,
        unit.body.dir,
        planned.changes.summary().headline()
    );
    result.effects.push(Effect {
        what,
        reality: unit.reality.clone(),
    });
    if planned.changes.is_empty() {
        return Ok(());
    }
    let Err(error) = apply_saved(calls, super::APPLY).await else {
        return Ok(());
    };
    let is_reviewed = calls.run.reviewed_plan(calls.attempt.node).is_some();
    if error.kind() != FailureKind::PlanStale || !is_reviewed {
        return Err(error);
    }
    let found = reviewed::again(calls, planned).await?;
    match found.is_empty() {
        true => Ok(()),
        false => apply_saved(calls, super::APPLY_AGAIN).await,
    }
}

async fn apply_saved(calls: &Calls<'_, '_, '_>, what: &str) -> Result<(), ExecuteError> {
    let var_files = calls.unit.var_files_of_apply(calls.run);
    let var_files = var_files.iter().map(Utf8PathBuf::as_path);
    let args = arguments::apply(&calls.unit.plan_file(), var_files, LOCK_TIMEOUT);
    let said = calls.kept(what, args).await?;
    match said.code {
        0 => Ok(()),
        _ => Err(calls.failed("apply", &said)),
    }
}
