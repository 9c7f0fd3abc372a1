//! What builds images from Dockerfiles: the same search as a run's.

use super::{
    Patient,
    finding::{Area, Finding, Report},
    needs::{self, words},
    programs::how_to_get,
};
use crate::{
    builder::{self, Needs},
    process::CommandSpec,
};

const WHAT: &str = "a builder of images";

/// Looks for a builder, if a task builds from a Dockerfile.
pub(super) async fn check(patient: &Patient<'_>, report: &mut Report) {
    let Some(plan) = patient.plan() else {
        return;
    };
    let tasks = needs::builds(plan);
    if tasks.is_empty() {
        return;
    }
    let variables = &patient.environment.variables;
    let equip = |spec: CommandSpec| spec.pass_env(variables, variables.keys());
    let wanted = variables
        .get(builder::VARIABLE)
        .filter(|word| !word.is_empty());
    let needs = Needs {
        secrets: needs::gives_build_secrets(plan),
        own_ignore_file: false,
    };
    let expected = format!("one that works, for {}", words(&tasks));
    report.add(
        match builder::find(equip, wanted.map(String::as_str), needs).await {
            Ok(builder) => {
                Finding::ok(Area::Programs, WHAT, builder.to_string()).expected(expected)
            }
            Err(error) => Finding::missing(Area::Programs, WHAT, error.to_string())
                .expected(expected)
                .next(how_to_get("podman", variables)),
        },
    );
}
