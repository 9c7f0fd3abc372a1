//! Lines that terraform printed, read.

use std::{path::Path, sync::Arc};

use camino::Utf8Path;
use proptest::prelude::*;

use super::*;
use crate::{
    diagnostic::{Diagnostic, Severity, SourceFile, Style, render},
    event::FailureKind,
    terraform::{Failure, StateLock},
};

fn text(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/data/terraform")
        .join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn problems(name: &str) -> Vec<Problem> {
    let text = text(name);
    let told = text.lines().map(Told::read);
    told.filter_map(|told| match told {
        Told::Problem(problem) => Some(*problem),
        Told::Progress(_) | Told::Said(_) | Told::Other => None,
    })
    .collect()
}

fn failure(name: &str) -> Failure {
    Failure::of(&problems(name)).unwrap_or_else(|| panic!("{name}: {:?}", problems(name)))
}

#[test]
fn a_problem_of_the_configuration_is_shown_at_its_line() {
    let validation = Validation::read(&text("validate-references.json")).expect("it is JSON");
    assert!(!validation.valid);
    let shown: Vec<Diagnostic> = validation
        .problems
        .iter()
        .map(|problem| problem.diagnostic(Utf8Path::new("infra"), |_| None))
        .collect();
    let plan = SourceFile::new("deploy.yaml", "");
    insta::assert_snapshot!(render(&plan, &shown, Style::Plain), @r#"
    error[terraform]: Unsupported argument
     --> infra/main.tf:6:3
      |
    6 |   inputs = var.sise
      |   ^^^^^^ An argument named "inputs" is not expected here.

    error[terraform]: Too many function arguments
     --> infra/main.tf:7:21
      |
    7 |   input  = upper(1, 2)
      |                     ^ Function "upper" expects only 1 argument(s).
    "#);
}

#[test]
fn a_file_that_the_caller_has_is_shown_in_place_of_the_quoted_lines() {
    let validation = Validation::read(&text("validate-syntax.json")).expect("it is JSON");
    let source = SourceFile::new("broken.tf", "output \"x\" {\n  value = [1,\n}\n");
    let diagnostic = validation.problems[0].diagnostic(Utf8Path::new("."), |path| {
        assert_eq!(path, "broken.tf");
        Some(Arc::new(source.clone()))
    });
    assert_eq!(
        diagnostic.span.map(|span| source.line_column(span.start)),
        Some((3, 1))
    );
    assert_eq!(validation.problems[0].severity, Severity::Error);
}

#[test]
fn an_apply_is_told_in_short_lines() {
    let lines: Vec<String> = text("apply-failed.jsonl")
        .lines()
        .filter_map(|line| match Told::read(line) {
            Told::Progress(progress) => Some(progress.to_string()),
            Told::Problem(problem) => Some(format!("{}: {:?}", problem.summary, problem.address)),
            Told::Said(_) | Told::Other => None,
        })
        .collect();
    assert_eq!(
        lines,
        [
            "plan: 1 added, 0 changed, 0 destroyed",
            "terraform_data.a: create begins",
            "terraform_data.a: create failed after 0 s",
            "local-exec provisioner error: Some(\"terraform_data.a\")",
        ]
    );
    assert_eq!(
        Told::read("panic: oh\n"),
        Told::Said("panic: oh".to_owned())
    );
}

/// C-LCK-6: who holds the state's lock, since when, and the id by which it is released.
#[test]
fn a_held_lock_of_the_state_is_told_with_holder_id_and_time() {
    let locked = failure("plan-locked.jsonl");
    assert_eq!(
        locked.to_string(),
        "the state is locked by ada@laptop since 2026-11-29T18:11:13.149271882Z for apply, lock 1cfa6dde-5cbf-426f-6278-e0928741bbf1"
    );
    assert!(
        locked
            .hint()
            .contains("force-unlock 1cfa6dde-5cbf-426f-6278-e0928741bbf1")
    );
    assert_eq!(locked.kind(), FailureKind::StateLocked);
    let Failure::StateLocked(lock) = locked else {
        panic!("{locked:?}")
    };
    assert_eq!(lock.path.as_deref(), Some("state/terraform.tfstate"));
    assert_eq!(lock.version.as_deref(), Some("1.11.4"));
}

/// C-LCK-6 with the http backend, which describes the lock that was asked for and not the one that is held.
#[test]
fn the_http_backend_names_only_the_id_of_the_lock_that_is_held() {
    assert_eq!(
        failure("plan-locked-http.jsonl"),
        Failure::StateLocked(StateLock {
            id: Some("5bdea776-c783-7500-738e-a23269460b96".to_owned()),
            ..StateLock::default()
        })
    );
}

#[test]
fn known_failures_have_a_name_and_a_next_step() {
    for (name, message) in [
        (
            "plan-uninitialised.jsonl",
            "the module is not initialised: its backend was never configured here",
        ),
        (
            "plan-backend-changed.jsonl",
            "the backend's configuration is another one than the module was initialised with",
        ),
        (
            "apply-stale.jsonl",
            "the saved plan is stale: the state was changed after it was made",
        ),
        (
            "apply-errored-state.jsonl",
            "the state could not be written after the apply; it lies in `errored.tfstate`",
        ),
        (
            "plan-version.jsonl",
            "this version of terraform is not accepted: This configuration does not support Terraform version 1.11.4",
        ),
    ] {
        let failure = failure(name);
        assert_eq!(failure.to_string(), message, "{name}");
        assert!(!failure.hint().is_empty());
    }
    assert_eq!(failure("apply-stale.jsonl").kind(), FailureKind::PlanStale);
    assert_eq!(Failure::of(&problems("apply-failed.jsonl")), None);
}

#[test]
fn problems_are_found_in_text_for_people() {
    let printed = "\u{1b}[31m╷\u{1b}[0m\n\u{1b}[31m│\u{1b}[0m \u{1b}[1mError: \u{1b}[0mSaved plan is stale\n│ \n│ The given plan\n│ file.\n╵\n";
    let found = problems_in_text(printed);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].detail, "The given plan\nfile.");
    assert_eq!(Failure::of(&found), Some(Failure::PlanStale));
    assert_eq!(problems_in_text("all is well"), []);
}

proptest! {
    #[test]
    fn any_line_is_told_and_any_problem_shown(line in "\\PC{0,60}", start in any::<usize>(), end in any::<usize>(), number in 0_usize..2_000_000) {
        Told::read(&line);
        problems_in_text(&line);
        StateLock::of(&line);
        let json = serde_json::json!({ "diagnostic": {
            "severity": "error", "summary": line, "detail": line,
            "range": { "filename": line, "start": { "line": number, "column": 0, "byte": start }, "end": { "line": 0, "column": 0, "byte": end } },
            "snippet": { "code": line, "start_line": number % 5_000, "highlight_start_offset": start, "highlight_end_offset": end },
        } });
        let Told::Problem(problem) = Told::read(&json.to_string()) else { panic!("it is a problem") };
        let diagnostic = problem.diagnostic(Utf8Path::new("a"), |_| None);
        render(&SourceFile::new("deploy.yaml", ""), &[diagnostic], Style::Plain);
    }
}
