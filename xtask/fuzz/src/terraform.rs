//! What terraform writes: a plan as JSON, or lines, or an answer.

use camino::Utf8Path;
use deploy_action::{
    diagnostic::{SourceFile, Style, render},
    expression::Value,
    terraform::{
        AddressPattern, Changes, Failure, Output, Reading, State,
        changes::{Allowed, Policy},
        told::{Told, Validation, problems_in_text},
    },
};

/// Whatever is written, a plan is read or refused; what is read equals itself, and shows nothing that it calls secret.
pub(crate) fn check(input: &[u8]) {
    let sensitive = [
        AddressPattern::new("*.password"),
        AddressPattern::new("output.pass*"),
    ];
    let kept = [AddressPattern::new("*")];
    let reading = Reading {
        sensitive: &sensitive,
        kept: &kept,
    };
    if let Ok(changes) = Changes::read(input, &reading) {
        plan(&changes);
    }
    let text = String::from_utf8_lossy(input);
    let mut problems = problems_in_text(&text);
    problems.extend(
        Validation::read(&text)
            .into_iter()
            .flat_map(|read| read.problems),
    );
    for line in text.lines() {
        if let Told::Problem(problem) = Told::read(line) {
            problems.push(*problem);
        }
    }
    if let Some(failure) = Failure::of(&problems) {
        assert!(!failure.hint().is_empty(), "a failure without a next step");
    }
    let shown: Vec<_> = problems
        .iter()
        .map(|problem| problem.diagnostic(Utf8Path::new("infra"), |_| None))
        .collect();
    render(&SourceFile::new("deploy.yaml", ""), &shown, Style::Plain);
    drop(Output::read_all(&text, &sensitive));
    if let Ok(Some(state)) = State::read(&text) {
        assert!(
            !state.beside(Some(&state)).can_be_pushed(),
            "a state is newer than itself"
        );
    }
}

fn plan(changes: &Changes) {
    let differences = changes.differences(changes);
    assert!(
        differences.is_empty(),
        "a plan differs from itself: {differences:?}"
    );
    let summary = changes.summary();
    let mut values = String::new();
    let resources = changes.resources.iter().chain(&changes.drift);
    let attributes = resources.flat_map(|change| &change.attributes);
    let parts = changes.outputs.iter().flat_map(|output| &output.parts);
    for attribute in attributes.chain(parts) {
        values.push_str(&format!("{}\n{}\n", attribute.before, attribute.after));
    }
    for (place, secret) in changes.secrets() {
        let text = secret.expose();
        // Shorter ones stand in ordinary text, and what the mask and the words of this program are made of is no secret.
        let is_ordinary =
            text.len() < 8 || "(sensitive)(known after apply)(nothing)".contains(text);
        assert!(is_ordinary || !values.contains(text), "{place} is shown");
    }
    let policy = serde_json::json!({ "resource": "*", "count": ">= 0", "expect": { "input[*].size": "< 3", "output": null } });
    let policy = Policy::read(1, &Value::from(policy)).expect("it is well formed");
    changes.judge(&policy);
    changes.not_allowed(Allowed::default());
    assert!(!summary.to_string().is_empty(), "a summary without a line");
}
