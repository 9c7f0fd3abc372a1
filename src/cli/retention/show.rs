//! What becomes of each manifest, for people and for programs.

use serde_json::json;

use crate::{
    cli::output,
    diagnostic::words::count,
    digest::Digest,
    image::{RepositoryName, Verdict},
};

/// Says what would go.
pub(super) fn verdicts(name: &RepositoryName, verdicts: &[Verdict], format: output::Format) {
    match format {
        output::Format::Json => output::json(&as_json(name, verdicts, None)),
        output::Format::Text => {
            rows(verdicts, "would go", |verdict| verdict.goes());
            let going = verdicts.iter().filter(|verdict| verdict.goes()).count();
            output::words(&match going {
                0 => format!("{} in {name}, and all stay\n", manifests(verdicts.len())),
                _ => format!(
                    "{going} of {} in {name} would go; `--delete` deletes them\n",
                    manifests(verdicts.len())
                ),
            });
        }
    }
}

/// Says what went.
pub(super) fn deletion(
    name: &RepositoryName,
    verdicts: &[Verdict],
    gone: &[Digest],
    format: output::Format,
) {
    match format {
        output::Format::Json => output::json(&as_json(name, verdicts, Some(gone))),
        output::Format::Text => {
            rows(verdicts, "deleted", |verdict| {
                gone.contains(&verdict.held.digest)
            });
            output::words(&format!(
                "{} of {} in {name} deleted\n",
                gone.len(),
                manifests(verdicts.len())
            ));
        }
    }
}

fn manifests(number: usize) -> String {
    count(number, "manifest")
}

/// A line for each manifest: its digest, its tags, and what becomes of it.
fn rows(verdicts: &[Verdict], word: &str, is_gone: impl Fn(&Verdict) -> bool) {
    for verdict in verdicts {
        let reasons: Vec<String> = verdict.reasons.iter().map(ToString::to_string).collect();
        let what = match (is_gone(verdict), verdict.goes()) {
            (true, _) => word.to_owned(),
            (false, true) => "may go, and is there".to_owned(),
            (false, false) => format!("stays: {}", reasons.join("; ")),
        };
        let tags = tags(verdict);
        let tags = match tags.is_empty() {
            true => "-".to_owned(),
            false => tags.join(","),
        };
        output::data(&format!("{} {tags} {what}\n", verdict.held.digest));
    }
}

fn tags(verdict: &Verdict) -> Vec<&str> {
    let held = &verdict.held;
    let tags = held.tags.iter().chain(&held.companion_tags);
    tags.map(|tag| tag.as_str()).collect()
}

fn as_json(
    name: &RepositoryName,
    verdicts: &[Verdict],
    gone: Option<&[Digest]>,
) -> serde_json::Value {
    let manifests = verdicts.iter().map(|verdict| {
        let reasons = verdict.reasons.iter().map(ToString::to_string);
        json!({
            "digest": verdict.held.digest.to_string(),
            "tags": tags(verdict),
            "created": verdict.held.created.map(|created| created.to_string()),
            "goes": verdict.goes(),
            "stays-because": reasons.collect::<Vec<_>>(),
            "deleted": gone.is_some_and(|gone| gone.contains(&verdict.held.digest)),
        })
    });
    json!({
        "repository": name.to_string(),
        "manifests": manifests.collect::<Vec<_>>(),
    })
}
