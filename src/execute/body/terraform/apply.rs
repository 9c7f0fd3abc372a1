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
    let said = calls
        .kept(
            super::APPLY,
            arguments::apply(&unit.plan_file(), LOCK_TIMEOUT),
        )
        .await?;
    match said.code {
        0 => Ok(()),
        _ => Err(calls.failed("apply", &said)),
    }
}
