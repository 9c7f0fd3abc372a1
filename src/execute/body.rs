//! What the kinds of tasks do, one file a kind.
mod image;
mod render;
mod run;
mod terraform;

use super::{
    ExecuteError, Run,
    attempt::{Attempt, BodyResult},
    prepare::Mode,
    scope::Artifacts,
};
use crate::{
    event::{CheckMoment, Effect, FailureKind, Reality},
    expression::{Map, Value},
    plan::model::Kind,
};

pub(super) use image::preview as preview_image;
pub(super) use run::{MOST_STDOUT, call};
pub(super) use terraform::{
    Destruction, is_apply, preview as preview_plan, take_up, without_stand_in,
};
pub use terraform::{Drifted, Repaired};

/// Carries out the body of a task. What it did before it failed stands in `result` too.
pub async fn run<'p>(
    run: &Run<'_, 'p>,
    attempt: &Attempt<'_, 'p>,
    result: &mut BodyResult,
) -> Result<(), ExecuteError> {
    match attempt.node.task.kind {
        Kind::Image => image::publish(run, attempt, result).await,
        Kind::Render => render::render(run, attempt, result),
        Kind::Run => match &attempt.prepared.mode {
            Mode::Adopt { folder } => run::adopt(run, attempt, folder, result).await,
            Mode::Whole | Mode::Observe { .. } => run::execute(run, attempt, result).await,
        },
        Kind::Check => match run
            .ask_all(attempt, &attempt.node.task.checks, CheckMoment::Body, None)
            .await?
        {
            None => Ok(()),
            Some(failed) => Err(ExecuteError::task(FailureKind::VerifyFailed, failed)),
        },
        // That it is open was found when it was looked at.
        Kind::Gate => {
            result.effects.extend(confirmation(run, attempt));
            Ok(())
        }
        Kind::Terraform => match &attempt.prepared.mode {
            Mode::Adopt { folder } => terraform::adopt(run, attempt, folder, result).await,
            Mode::Whole | Mode::Observe { .. } => terraform::carry_out(run, attempt, result).await,
        },
        Kind::Kubernetes => Err(ExecuteError::task(
            FailureKind::Internal,
            format!(
                "kind {} was started and is not there",
                attempt.node.task.kind.key()
            ),
        )),
    }
}

/// Who confirmed a gate, if it asks for that; a rehearsal's word stands in for a person's.
fn confirmation(run: &Run<'_, '_>, attempt: &Attempt<'_, '_>) -> Option<Effect> {
    let known = run.recorder.known();
    let confirmed = known.state().task(&attempt.node.key)?.confirmed.as_ref()?;
    let by = confirmed.by.clone();
    let reality = match &run.world.stand_ins.person {
        Some(person) if *person == by => Reality::StandIn { who: by.clone() },
        Some(_) | None => Reality::Real,
    };
    Some(Effect {
        what: format!("confirmed by {by}"),
        reality,
    })
}

/// Evaluates the body of a task, with artifacts as files of this job.
fn evaluate<'p>(run: &Run<'_, 'p>, attempt: &Attempt<'_, 'p>) -> Result<Map, ExecuteError> {
    let files = run.fetch_artifacts(attempt.node)?;
    let body = {
        let known = run.recorder.known();
        let scope = run.scope_of(attempt.node, &known, Artifacts::AsFiles(&files));
        attempt.node.task.body.evaluate(&scope)?
    };
    run.mask_computed(attempt.node, &body)?;
    match body {
        Value::Map(body) => Ok(body),
        other => Err(ExecuteError::task(
            FailureKind::Internal,
            format!("the body of a task is a {}", other.type_name()),
        )),
    }
}
