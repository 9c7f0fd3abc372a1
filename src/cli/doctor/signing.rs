//! By what images are signed; nobody is asked.

use std::collections::BTreeSet;

use super::{
    Patient,
    finding::{Area, Finding, Report},
    needs::words,
};
use crate::{
    attestation::{AUDIENCE, KeylessError},
    cloud::{Clock, IdTokens},
    login::services,
    plan::kind::image::asks_for_signature,
};

const KEY: &str = "COSIGN_PRIVATE_KEY";

/// Looks at what signs, where the plan asks for signatures.
pub(super) fn examine(patient: &Patient<'_>, report: &mut Report) {
    let Some(plan) = patient.plan() else {
        return;
    };
    let signed = plan.tasks.iter().filter(|task| asks_for_signature(task));
    let signed: BTreeSet<String> = signed.map(|task| task.id.to_string()).collect();
    if signed.is_empty() {
        return;
    }
    let what = format!("signature of {}", words(&signed));
    report.add(match by(patient) {
        Ok(found) => Finding::ok(Area::Logins, what, found),
        Err((found, next)) if patient.runner.on_actions => {
            Finding::missing(Area::Logins, what, found)
                .expected("a key, or a job that GitHub vouches for")
                .next(next)
        }
        Err(_) => Finding::note(
            Area::Logins,
            what,
            format!("{KEY} holds no key here; on GitHub the job signs without one"),
        ),
    });
}

fn by(patient: &Patient<'_>) -> Result<String, (String, String)> {
    if patient.environment.get(KEY).is_some() {
        return Ok(format!("the key in {KEY}"));
    }
    let clock = Clock::new(jiff::Timestamp::now);
    let http = super::logins::http()?;
    let services = services(&super::logins::surroundings(patient, &http, &clock));
    let variables = &patient.environment.variables;
    match IdTokens::new(AUDIENCE, variables, services).map_err(KeylessError::Nobody) {
        Ok(_) => Ok("this job, without a key".to_owned()),
        Err(problem) => Err((problem.to_string(), problem.hint().unwrap_or_default())),
    }
}
