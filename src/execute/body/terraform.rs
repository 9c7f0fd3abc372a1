//! Kind `terraform`: a root module is initialised, checked, planned, judged, and applied as it was planned.
//!
//! What may not be cut, planning (it holds the state's lock) and applying, runs under a keeper. Terraform speaks JSON lines; its
//! standard output is nobody's but ours, because it may hold what only the plan knows to be secret. What is shown is made of it.
mod again;
mod apply;
mod cache;
mod call;
mod copy;
mod destroy;
mod drift;
mod failure;
mod lock_file;
mod made;
mod outputs;
mod plan;
mod preview;
mod repair;
mod rescue;
mod reviewed;
mod stated;
mod transcript;
mod unit;

use camino::{Utf8Path, Utf8PathBuf};

use self::{
    call::{Calls, Manner},
    transcript::Transcript,
    unit::Unit,
};
pub(in crate::execute) use self::{
    copy::without_stand_in, destroy::Destruction, preview::preview, rescue::take_up,
};
pub use self::{drift::Drifted, repair::Repaired};
use super::{Attempt, BodyResult, ExecuteError, Run, evaluate, run::end_of_kept};
use crate::{
    event::Effect,
    expression::Map,
    graph::Node,
    plan::kind::{Reader, terraform::Terraform},
};

/// The folder of the keeper that holds an apply.
const APPLY: &str = "apply";

/// The same where the reviewed plan was stale, and another came to the same.
const APPLY_AGAIN: &str = "apply-again";

/// Whether a keeper's folder is that of an apply.
pub(in crate::execute) fn is_apply(kept: impl AsRef<Utf8Path>) -> bool {
    matches!(kept.as_ref().file_name(), Some(APPLY | APPLY_AGAIN))
}

/// Plans and applies.
pub(super) async fn carry_out<'p>(
    run: &Run<'_, 'p>,
    attempt: &Attempt<'_, 'p>,
    result: &mut BodyResult,
) -> Result<(), ExecuteError> {
    let place = Place::of(run, attempt)?;
    let evaluated = evaluate(run, attempt)?;
    let body = Terraform::read(Reader::new(&evaluated))?;
    let unit = Unit::of(run, attempt, body, &place.folder)?;
    let transcript = place.transcript(run, attempt.node, &unit);
    let calls = place.calls(run, attempt, &unit, &transcript);
    let ended = in_order(&calls, &evaluated, result).await;
    result.log = transcript.log();
    rescue::after(&calls, ended)
}

/// Where an attempt writes.
struct Place {
    folder: Utf8PathBuf,
    /// The same, relative to the ledger.
    relative: Utf8PathBuf,
}

impl Place {
    fn of<'p>(run: &Run<'_, 'p>, attempt: &Attempt<'_, 'p>) -> Result<Self, ExecuteError> {
        let key = &attempt.node.key;
        let (folder, relative) = run.recorder.attempt_folder(key, attempt.number)?;
        run.recorder.ledger_of(key)?.create_folder(&relative)?;
        Ok(Self { folder, relative })
    }

    fn transcript<'t, 'r, 'p>(
        &'t self,
        run: &'t Run<'r, 'p>,
        node: &'t Node<'p>,
        unit: &'t Unit,
    ) -> Transcript<'t, 'r, 'p> {
        Transcript::new(run, node, &self.folder, &self.relative, &unit.body.dir)
    }

    fn calls<'c, 'r, 'p>(
        &'c self,
        run: &'c Run<'r, 'p>,
        attempt: &'c Attempt<'c, 'p>,
        unit: &'c Unit,
        transcript: &'c Transcript<'c, 'r, 'p>,
    ) -> Calls<'c, 'r, 'p> {
        Calls {
            run,
            attempt,
            unit,
            transcript,
            folder: &self.folder,
            relative: &self.relative,
            manner: Manner::Run,
        }
    }
}

async fn in_order(
    calls: &Calls<'_, '_, '_>,
    evaluated: &Map,
    result: &mut BodyResult,
) -> Result<(), ExecuteError> {
    rescue::before(calls)?;
    calls.version().await?;
    calls.initialise().await?;
    calls.check().await?;
    let planned = plan::plan(calls, evaluated).await?;
    apply::apply(calls, &planned, result).await?;
    outputs::read(calls, result).await
}

/// Takes over what an earlier runner left to a keeper. An apply that ended is the end of the attempt; of a plan nothing is
/// left to take, so it is made again.
pub(super) async fn adopt<'p>(
    run: &Run<'_, 'p>,
    attempt: &Attempt<'_, 'p>,
    folder: &str,
    result: &mut BodyResult,
) -> Result<(), ExecuteError> {
    let kept = run.recorder.ledger_of(&attempt.node.key)?.path_of(folder)?;
    let of_attempt = kept.parent().unwrap_or(&kept);
    let ended = match end_of_kept(attempt, &kept, "terraform").await {
        // It changes nothing, so it matters to nobody how it ended.
        Ok(_) | Err(ExecuteError::UnknownEnd { .. }) if !is_apply(&kept) => {
            rescue::sweep(of_attempt)?;
            return carry_out(run, attempt, result).await;
        }
        ended => ended?,
    };
    let place = Place::of(run, attempt)?;
    let evaluated = evaluate(run, attempt)?;
    let body = Terraform::read(Reader::new(&evaluated))?;
    let unit = Unit::of(run, attempt, body, &place.folder)?;
    let transcript = place.transcript(run, attempt.node, &unit);
    let calls = place.calls(run, attempt, &unit, &transcript);
    result.effects.push(Effect {
        what: format!("adopt {} apply of {}", unit.body.binary, unit.body.dir),
        reality: unit.reality.clone(),
    });
    let log = transcript.add(&kept.join("log"))?;
    let taken_over = async {
        let said = calls.end(APPLY, ended, log)?;
        transcript.tell(&said.stdout)?;
        if said.code != 0 {
            return Err(calls.failed(APPLY, &said));
        }
        calls.version().await?;
        calls.initialise().await?;
        outputs::read(&calls, result).await
    };
    let taken_over = taken_over.await;
    result.log = transcript.log();
    let taken_over = rescue::after(&calls, taken_over);
    rescue::sweep(of_attempt)?;
    match rescue::left_by(&kept) {
        Some(state) => rescue::of(run, attempt.node, &state, taken_over),
        None => taken_over,
    }
}
