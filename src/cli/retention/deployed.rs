//! What the ledger of a plan says is deployed.

use std::collections::BTreeMap;

use camino::{Utf8Path, Utf8PathBuf};

use crate::{
    cli::{
        CliError, Environment,
        plan_file::PlanFile,
        report_files::replayed,
        session::{local_github, repository_name, state_home},
    },
    digest::Digest,
    event::OutputValue,
    expression::Value,
    ledger::{Attempt, plan_folder},
};

/// Returns every digest that stands in an output of the last success of a task, in any environment, or of the success before it,
/// to which a rollback returns; each with where it was found. `None` where the ledger holds nothing.
pub(super) async fn deployed(
    plan: &Utf8Path,
    state: Option<&Utf8Path>,
    environment: &Environment,
) -> Result<Option<BTreeMap<Digest, String>>, CliError> {
    let file = PlanFile {
        file: plan.to_owned(),
    };
    let read = file.read(environment)?;
    let Some(plan) = &read.plan else {
        return Err(crate::cli::plan_file::invalid(&file.file));
    };
    let folder = match plan.folder.as_str() {
        "" => Utf8PathBuf::from("."),
        _ => plan.folder.clone(),
    };
    let folder = folder
        .canonicalize_utf8()
        .map_err(|error| CliError::file("find", &folder, &error))?;
    let runner = local_github(environment, &folder).await?;
    let state = state.map_or_else(|| state_home(environment), Utf8Path::to_owned);
    let state = plan_folder(&state, &repository_name(&runner, &folder), &plan.name);
    let replayed = replayed(&state, plan)?;
    if replayed.records.iter().all(Vec::is_empty) {
        return Ok(None);
    }
    let mut found = BTreeMap::new();
    for (task, record) in replayed.state.tasks() {
        if let Some(attempt) = &record.former {
            add(
                &mut found,
                attempt,
                &format!("`{task}` before, the way back"),
            );
        }
        if let Some(attempt) = record.success() {
            add(&mut found, attempt, &format!("`{task}`"));
        }
    }
    Ok(Some(found))
}

fn add(found: &mut BTreeMap<Digest, String>, attempt: &Attempt, place: &str) {
    let outputs = attempt
        .ended
        .iter()
        .flat_map(|ended| ended.outputs.values());
    for output in outputs {
        if let OutputValue::Clear { value } = output {
            for digest in digests(value) {
                found.insert(digest, place.to_owned());
            }
        }
    }
}

/// Every digest in a value: alone, or in a reference.
fn digests(value: &Value) -> Vec<Digest> {
    match value {
        Value::List(items) => items.iter().flat_map(digests).collect(),
        Value::Map(entries) => entries.values().flat_map(digests).collect(),
        other => {
            let text = other.as_plain_text().unwrap_or_default();
            let places = text.match_indices("sha256:").map(|(at, _)| at);
            places
                .filter_map(|at| text.get(at..at + 71)?.parse().ok())
                .collect()
        }
    }
}
