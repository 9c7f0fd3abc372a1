//! Where docker/metadata-action would have answered otherwise.

use super::{compute::TagNames, problem::TagRulesError};

const ORIGINAL: &str = "docker/metadata-action";

/// Adds a warning for each difference.
pub(super) fn warn(ours: &mut TagNames, original: Result<&TagNames, &TagRulesError>) {
    let original = match original {
        Ok(original) => original,
        Err(error) => {
            let because: Vec<String> = error.problems().iter().map(ToString::to_string).collect();
            ours.warnings
                .push(format!("{ORIGINAL} would fail: {}", because.join("; ")));
            return;
        }
    };
    let mut differences = Vec::new();
    for (step, other) in ours.steps.iter().zip(&original.steps) {
        if step.is_extended {
            continue;
        }
        let rule = &step.rule;
        match (step.fate.name(), other.fate.name()) {
            (Some(name), Some(other)) if name != other => differences.push(format!(
                "{rule}: the tag is `{name}`, where {ORIGINAL} makes `{other}`"
            )),
            (Some(name), None) => differences.push(format!(
                "{rule}: the tag is `{name}`, where {ORIGINAL} makes none"
            )),
            (None, Some(other)) => differences.push(format!(
                "{rule}: there is no tag, where {ORIGINAL} makes `{other}`"
            )),
            (Some(_), Some(_)) | (None, None) => {}
        }
    }
    let is_extended = ours.steps.iter().any(|step| step.is_extended);
    if !is_extended && !ours.told_latest {
        differences.extend(of_latest(ours, original));
    }
    ours.warnings.extend(differences);
}

fn of_latest(ours: &TagNames, original: &TagNames) -> Option<String> {
    let theirs = original.latest.as_ref();
    let names = original.all();
    let twice = theirs.filter(|latest| names.iter().filter(|name| *name == latest).count() > 1);
    if let Some(latest) = twice {
        return Some(format!("{ORIGINAL} would give `{latest}` twice"));
    }
    match (ours.moves_latest, theirs) {
        (false, Some(latest)) => Some(format!("{ORIGINAL} would move `{latest}` too")),
        (true, None) => Some(format!("{ORIGINAL} would not move `latest`")),
        (true, Some(_)) | (false, None) => None,
    }
}
