//! Planning: what would change, judged before anything does.

use camino::Utf8PathBuf;

use super::{
    call::{Calls, LOCK_TIMEOUT, Manner},
    reviewed,
};
use crate::{
    diagnostic::Severity,
    event::FailureKind,
    execute::ExecuteError,
    expression::{Map, Value},
    plan::kind::terraform as kind,
    terraform::{
        AddressPattern, Changes, Reading,
        arguments::{self, PlanExit, Purpose},
        changes::{Allowed, NotAllowed, Policy},
    },
};

/// How terraform gives the reason where a creation was not finished.
const TAINTED: &str = "replace because tainted";

/// A saved plan, and what it would do.
pub(super) struct Planned {
    pub(super) changes: Changes,
    /// What the plan was held against.
    pub(super) policies: Vec<Policy>,
}

/// Plans, or takes the plan that was reviewed; reads it as data, and judges it by what is allowed and by the policies.
pub(super) async fn plan(
    calls: &Calls<'_, '_, '_>,
    evaluated: &Map,
) -> Result<Planned, ExecuteError> {
    let policies = policies(evaluated)?;
    let kept = kept(&policies);
    let changes = match calls.run.reviewed_plan(calls.attempt.node) {
        Some(reviewed) => reviewed::take(calls, &reviewed, &kept).await?,
        None => changes(calls, Purpose::Apply, &kept).await?,
    };
    calls.transcript.say(&changes.summary().to_string())?;
    judge(calls, &changes, &policies)?;
    Ok(Planned { changes, policies })
}

/// Plans into a file and reads it as data.
pub(super) async fn changes(
    calls: &Calls<'_, '_, '_>,
    purpose: Purpose,
    kept: &[AddressPattern],
) -> Result<Changes, ExecuteError> {
    let unit = calls.unit;
    let var_files = unit.var_files(calls.run);
    let var_files = var_files.iter().map(Utf8PathBuf::as_path);
    let args = arguments::plan(purpose, &unit.plan_file(), var_files, LOCK_TIMEOUT);
    let said = match purpose {
        Purpose::Apply | Purpose::Destroy if calls.manner == Manner::Run => {
            calls.kept("plan", args).await?
        }
        // It belongs to no attempt that a later run could take over.
        Purpose::Apply | Purpose::Destroy | Purpose::Drift => calls.direct("plan", args).await?,
    };
    match PlanExit::of(said.code) {
        PlanExit::Unchanged | PlanExit::Changed => {}
        PlanExit::Failed => return Err(calls.failed("plan", &said)),
    }
    show(calls, kept).await
}

/// Reads the saved plan as data. What is secret in it is masked from here on.
pub(super) async fn show(
    calls: &Calls<'_, '_, '_>,
    kept: &[AddressPattern],
) -> Result<Changes, ExecuteError> {
    let unit = calls.unit;
    let shown = calls
        .direct("show", arguments::show(&unit.plan_file()))
        .await?;
    if shown.code != 0 {
        return Err(calls.failed("show", &shown));
    }
    let sensitive = unit.body.sensitive.iter();
    let sensitive: Vec<AddressPattern> = sensitive.map(AddressPattern::new).collect();
    let reading = Reading {
        sensitive: &sensitive,
        kept,
    };
    let changes = Changes::read(&shown.stdout[..], &reading).map_err(|error| {
        let failed = ExecuteError::task(FailureKind::Task, crate::execute::chain(&error));
        match error.hint() {
            Some(hint) => failed.hint(hint),
            None => failed,
        }
    })?;
    let secrets = changes.secrets();
    let secrets = secrets.map(|(place, secret)| (place.to_owned(), secret.clone()));
    calls.run.add_to_mask(secrets.collect())?;
    Ok(changes)
}

/// The resources that policies judge.
pub(super) fn kept(policies: &[Policy]) -> Vec<AddressPattern> {
    let resources = policies.iter().map(|policy| policy.resource.clone());
    resources.collect()
}

/// Reads the policies whose conditions hold.
fn policies(evaluated: &Map) -> Result<Vec<Policy>, ExecuteError> {
    let Some(Value::List(entries)) = evaluated.get("policy") else {
        return Ok(Vec::new());
    };
    let applies = |entry: &Value| !matches!(entry.get("if"), Some(Value::Boolean(false)));
    let numbered = entries
        .iter()
        .enumerate()
        .filter(|(_, entry)| applies(entry));
    let policies = numbered.map(|(index, entry)| {
        Policy::read(index + 1, entry).map_err(|error| {
            let failed = ExecuteError::task(FailureKind::Invalid, crate::execute::chain(&error));
            match error.hint() {
                Some(hint) => failed.hint(hint),
                None => failed,
            }
        })
    });
    policies.collect()
}

/// Refuses what is not allowed, and what a policy does not hold for. All of it is told; the first stands in the failure.
pub(super) fn judge(
    calls: &Calls<'_, '_, '_>,
    changes: &Changes,
    policies: &[Policy],
) -> Result<(), ExecuteError> {
    let allowed = calls.unit.body.allow.iter().map(|allowed| allowed.word());
    let refused = changes.not_allowed(Allowed::of(allowed));
    let refused = refused
        .iter()
        .filter(|refused| !is_of_an_earlier_attempt(calls, changes, refused));
    let mut reasons: Vec<String> = refused.map(ToString::to_string).collect();
    for policy in policies {
        let judged = changes.judge(policy);
        let violations = judged.violations.iter().map(ToString::to_string);
        match judged.severity {
            Severity::Error if judged.stops() => reasons.extend(violations),
            Severity::Error | Severity::Warning => violations.for_each(|violation| {
                let key = &calls.attempt.node.key;
                calls.run.recorder.notice(&format!("{key}: {violation}"));
            }),
        }
    }
    for reason in &reasons {
        calls.transcript.say(&format!("refused: {reason}"))?;
    }
    let Some(first) = reasons.first() else {
        return Ok(());
    };
    let more = match reasons.len() {
        1 => String::new(),
        number => format!("; {} more in `{}`", number - 1, calls.transcript.relative()),
    };
    let message = format!("the plan is refused: {first}{more}");
    Err(ExecuteError::task(FailureKind::VerifyFailed, message)
        .hint("nothing was applied; `allow` and `policy` of the task say what a plan may hold"))
}

/// Whether a replacement only makes anew what an earlier attempt of this task began to make and did not finish: that is the
/// creation which is allowed, and not the loss of something that was used.
fn is_of_an_earlier_attempt(
    calls: &Calls<'_, '_, '_>,
    changes: &Changes,
    refused: &NotAllowed,
) -> bool {
    let may_create = calls.unit.body.allow.contains(&kind::Allowed::Create);
    // Attempts are counted anew after one that succeeded.
    let is_repeated = calls.attempt.number > 1;
    may_create && is_repeated && is_tainted(changes, &refused.address)
}

/// Whether a resource is made anew because it was not made whole.
pub(super) fn is_tainted(changes: &Changes, address: &str) -> bool {
    let mut resources = changes.resources.iter();
    resources.any(|change| change.address == address && change.reason.as_deref() == Some(TAINTED))
}
