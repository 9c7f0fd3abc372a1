//! The plan that was reviewed: it is applied with what it was made with, or refused.

use std::io::Write as _;

use super::{
    call::Calls,
    plan::{self, Planned},
    preview::MadeBy,
};
use crate::{
    event::FailureKind,
    execute::{
        ExecuteError,
        reviewed::{ReviewedPlan, stale},
    },
    portable,
    terraform::{
        AddressPattern, Changes,
        arguments::Purpose,
        changes::{Action, Difference, Differing, Shown},
    },
};

/// Puts the saved plan out of the bundle where terraform takes it, and reads it as data.
pub(super) async fn take(
    calls: &Calls<'_, '_, '_>,
    reviewed: &ReviewedPlan,
    kept: &[AddressPattern],
) -> Result<Changes, ExecuteError> {
    let key = &calls.attempt.node.key;
    let plans = reviewed.plan.as_ref();
    let Some(saved) = plans.and_then(|plans| plans.get(key)) else {
        let message = format!("the plan of `{key}` was shown and is not sealed in the bundle");
        return Err(ExecuteError::task(FailureKind::PlanStale, message)
            .hint("give its environment a `recipient`, preview again, and let that be reviewed"));
    };
    hold(calls, reviewed).await?;
    let file = calls.unit.plan_file();
    let written = portable::private_file()
        .create_new(true)
        .write(true)
        .open(&file)
        .and_then(|mut file| file.write_all(saved));
    written.map_err(|error| ExecuteError::file("write", &file, error))?;
    let changes = plan::show(calls, kept).await?;
    // What was read is what is applied, whoever put the file together.
    let masker = calls.run.masker.borrow();
    let (read, found) = (
        masker.mask(&reviewed.shown.text),
        changes.summary().to_string(),
    );
    match read == masker.mask(&found) {
        true => Ok(changes),
        false => {
            let message = format!("the bundle shows another plan of `{key}` than it holds");
            Err(stale(message))
        }
    }
}

/// Holds what the plan was made with against what is here.
async fn hold(calls: &Calls<'_, '_, '_>, reviewed: &ReviewedPlan) -> Result<(), ExecuteError> {
    let (shown, now) = (&reviewed.shown, MadeBy::of(calls).await?);
    let text = |what: Option<String>| what.unwrap_or_else(|| "none".to_owned());
    let mut pairs = vec![
        ("program", shown.program.name.clone(), now.program.name),
        (
            "version",
            shown.program.version.clone(),
            now.program.version,
        ),
        (
            "type of the backend",
            shown.backend.kind.clone(),
            now.backend.kind,
        ),
        (
            "workspace",
            shown.backend.workspace.clone(),
            now.backend.workspace,
        ),
        (
            "configuration of the backend",
            shown.backend.configuration.to_string(),
            now.backend.configuration.to_string(),
        ),
    ];
    for (source, version) in &shown.providers {
        let found = text(now.providers.get(source).cloned());
        pairs.push((
            "a provider",
            format!("{source} {version}"),
            format!("{source} {found}"),
        ));
    }
    let digest =
        |digest: &Option<crate::digest::Digest>| text(digest.as_ref().map(ToString::to_string));
    pairs.push((
        "lock file",
        digest(&shown.lock_file),
        digest(&now.lock_file),
    ));
    pairs.push((
        "file of the program",
        digest(&shown.program.digest),
        digest(&now.program.digest),
    ));
    let differing: Vec<String> = pairs
        .into_iter()
        .filter(|(_, reviewed, found)| reviewed != found)
        .map(|(what, reviewed, found)| {
            format!("{what}: {reviewed} was reviewed, now it is {found}")
        })
        .collect();
    match differing.is_empty() {
        true => Ok(()),
        false => {
            let key = &calls.attempt.node.key;
            Err(stale(format!("`{key}`: {}", differing.join("; "))))
        }
    }
}

/// Plans anew where the state is another than the one that the reviewed plan was made for. The new plan stands in the place
/// of the reviewed one if it comes to the same, or, in a later attempt, if it is what the first one left undone.
pub(super) async fn again(
    calls: &Calls<'_, '_, '_>,
    reviewed: &Planned,
) -> Result<Changes, ExecuteError> {
    calls
        .transcript
        .say("the state was changed after the plan was made: it is planned again, and compared")?;
    let found = plan::changes(calls, Purpose::Apply, &plan::kept(&reviewed.policies)).await?;
    let differences = reviewed.changes.differences(&found);
    let attempt = calls.attempt;
    let is_repeated = calls.run.is_half_applied(attempt.node, attempt.number);
    let refused: Vec<&Difference> = differences
        .iter()
        .filter(|difference| !(is_repeated && is_left(difference, &reviewed.changes, &found)))
        .collect();
    for difference in &differences {
        calls.transcript.say(&format!("differs: {difference}"))?;
    }
    let Some(first) = refused.first() else {
        let words = match differences.is_empty() {
            true => "the new plan comes to the same".to_owned(),
            false => format!(
                "the new plan is what an earlier attempt left: {}",
                found.summary().headline()
            ),
        };
        calls.transcript.say(&words)?;
        plan::judge(calls, &found, &reviewed.policies)?;
        return Ok(found);
    };
    let more = match refused.len() {
        1 => String::new(),
        number => format!("; {} more in `{}`", number - 1, calls.transcript.relative()),
    };
    Err(stale(format!(
        "the state was changed after the plan was made, and the plan is another now: {first}{more}"
    )))
}

/// Whether a difference is only that an earlier attempt did, or began, what was reviewed.
fn is_left(difference: &Difference, reviewed: &Changes, found: &Changes) -> bool {
    match &difference.differing {
        Differing::Missing { .. } => true,
        Differing::Action {
            reviewed: Action::Create,
            found: Action::Replace { .. },
        } => {
            plan::is_tainted(found, &difference.address)
                && is_same_creation(&difference.address, reviewed, found)
        }
        // What was known only after the apply is known now that a part of it is applied.
        Differing::Value {
            reviewed: (before, Shown::Unknown),
            found: (before_now, _),
            ..
        } => before == before_now,
        _ => false,
    }
}

/// Whether a thing that was begun is made anew as it was to be made: whatever changes in it comes to what was reviewed.
fn is_same_creation(address: &str, reviewed: &Changes, found: &Changes) -> bool {
    let change = |changes: &Changes| {
        let mut resources = changes.resources.iter();
        let change = resources.find(|change| change.address == address);
        change.map(|change| change.attributes.clone())
    };
    let (Some(reviewed), Some(found)) = (change(reviewed), change(found)) else {
        return false;
    };
    found.iter().all(|found| {
        let was = reviewed.iter().find(|reviewed| reviewed.path == found.path);
        match was.map(|was| &was.after) {
            Some(Shown::Unknown) => true,
            // Nobody can say of it that it is the same.
            Some(Shown::Sensitive) | None => found.after == Shown::Unknown,
            Some(after) => *after == found.after,
        }
    })
}
