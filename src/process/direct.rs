//! Children of this very process.

use std::io;

use rustix::process::Pid;

use super::{
    ended::Ended,
    error::ProcessError,
    output::Output,
    scope::Scope,
    spec::CommandSpec,
    start::Start,
    stop::StopListener,
    supervise::{Limits, supervise},
    tee::{Keep, Live, Log, Tee},
};

/// Runs a child to its end: for what changes nothing outside.
///
/// An exit code is no error. Should the caller lose interest and drop the future, the child's group is killed.
///
/// # Errors
/// Where the child cannot be started, or its log cannot be opened.
pub async fn run(
    spec: &CommandSpec,
    output: Output<'_>,
    stop: StopListener,
) -> Result<Ended, ProcessError> {
    let start = Start::of(spec)?;
    let masker = spec
        .cover(output.masker)
        .map_err(|source| ProcessError::Unmaskable {
            program: start.program.clone(),
            source,
        })?;
    let tee = Tee::new(
        &masker,
        Log::open(output.log)?,
        Live::new(output.live),
        spec.capture().map(Keep::in_memory),
    );
    let mut child = start.spawn().map_err(|source| ProcessError::NotStarted {
        program: start.program.clone(),
        purpose: spec.purpose().to_owned(),
        source,
    })?;
    let lost = |source| ProcessError::Lost {
        program: start.program.clone(),
        source,
    };
    let group = child
        .id()
        .and_then(|pid| Pid::from_raw(i32::try_from(pid).ok()?))
        .ok_or_else(|| lost(io::ErrorKind::NotFound.into()))?;
    let guard = KillOnDrop(Some(Scope::Group(group)));
    let limits = Limits {
        policy: spec.stop_policy(),
        timeout: spec.time_limit(),
    };
    let ended = supervise(&mut child, tee, Scope::Group(group), limits, stop).await;
    if ended.is_ok() {
        guard.release();
    }
    ended.map_err(lost)
}

/// Kills a group whose supervision was given up.
struct KillOnDrop(Option<Scope>);

impl KillOnDrop {
    fn release(mut self) {
        self.0 = None;
    }
}

impl Drop for KillOnDrop {
    fn drop(&mut self) {
        if let Some(Err(refusal)) = self.0.map(Scope::kill) {
            tracing::warn!(%refusal, "a child that nobody waits for could not be killed");
        }
    }
}
