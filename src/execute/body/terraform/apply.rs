//! Applying: exactly the saved plan.

use super::{
    call::{Calls, LOCK_TIMEOUT},
    plan::Planned,
};
use crate::{
    event::Effect,
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
    let var_files = unit.var_files_of_apply(calls.run);
    let var_files = var_files.iter().map(camino::Utf8PathBuf::as_path);
    let args = arguments::apply_with(&unit.plan_file(), var_files, LOCK_TIMEOUT);
    let said = calls.kept(super::APPLY, args).await?;
    match said.code {
        0 => Ok(()),
        _ => Err(calls.failed("apply", &said)),
    }
}
