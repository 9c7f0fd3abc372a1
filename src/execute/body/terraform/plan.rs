//! Planning: what would change, judged before anything does.

use super::call::Calls;
use crate::{
    event::FailureKind,
    execute::ExecuteError,
    expression::Map,
    terraform::{AddressPattern, Changes, PlanExit, Policy, Reading, arguments},
};

/// A saved plan, and what it would do.
pub(super) struct Planned {
    pub(super) changes: Changes,
}

/// Plans, reads the plan as data, and judges it by what is allowed and by the policies.
pub(super) async fn plan(
    calls: &Calls<'_, '_, '_>,
    evaluated: &Map,
) -> Result<Planned, ExecuteError> {
    let unit = calls.unit;
    let args = arguments::plan(&unit.plan_file(), &unit.var_files(calls.run));
    let said = calls.kept("plan", args).await?;
    match PlanExit::of(said.code) {
        Some(PlanExit::NoChanges | PlanExit::Changes) => {}
        Some(PlanExit::Failed) | None => return Err(calls.failed("plan", &said)),
    }
    let shown = calls
        .direct("show", arguments::show(&unit.plan_file()))
        .await?;
    if shown.code != 0 {
        return Err(calls.failed("show", &shown));
    }
    let policies = Policy::read_all(evaluated.get("policy"))
        .map_err(|error| ExecuteError::task(FailureKind::Invalid, error.to_string()))?;
    let sensitive = unit.body.sensitive.iter();
    let reading = Reading {
        sensitive: sensitive.map(AddressPattern::new).collect(),
        kept: policies.iter().map(|policy| policy.resource.clone()).collect(),
    };
    let changes = Changes::read(&shown.stdout[..], &reading)
        .map_err(|error| ExecuteError::task(FailureKind::Task, error.to_string()))?;
    calls.transcript.say(&changes.summary().to_string())?;
    Ok(Planned { changes })
}
