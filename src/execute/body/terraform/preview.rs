//! A preview of a module: planned and judged as in a run, kept to be applied, and not applied.

use std::{collections::BTreeMap, fs, io};

use super::{
    Place,
    call::{Calls, Manner},
    copy::LOCK_FILE,
    lock_file::NewLockFile,
    outputs, plan, rescue,
    unit::Unit,
};
use crate::{
    bundle::{Backend, Program, SealedPlan},
    digest::Digest,
    event::FailureKind,
    execute::{
        ExecuteError, Run,
        attempt::{Attempt, BodyResult},
        body::evaluate,
    },
    expression::Map,
    plan::kind::{Reader, terraform::Terraform},
    terraform::{InitialisedBackend, LockFile},
    tools,
};

/// Plans. Returns what is shown and the saved plan, if there is somebody to seal it to. Outputs that the plan does not change
/// are known already, and are read.
pub(in crate::execute) async fn preview<'p>(
    run: &Run<'_, 'p>,
    attempt: &Attempt<'_, 'p>,
    result: &mut BodyResult,
) -> Result<(SealedPlan, Option<Vec<u8>>), ExecuteError> {
    let place = Place::of(run, attempt)?;
    let evaluated = evaluate(run, attempt)?;
    let body = Terraform::read(Reader::new(&evaluated))?;
    let unit = Unit::of(run, attempt, body, &place.folder)?;
    let transcript = place.transcript(run, attempt.node, &unit);
    let calls = Calls {
        manner: Manner::Look,
        ..place.calls(run, attempt, &unit, &transcript)
    };
    let lock_file = NewLockFile::of(&unit);
    let planned = planned(&calls, &evaluated, result).await;
    let removed = lock_file.remove();
    result.log = transcript.log();
    unit.sweep()?;
    if removed? {
        let (key, dir, binary) = (&attempt.node.key, &unit.body.dir, &unit.body.binary);
        run.recorder.notice(&format!(
            "{key}: `{dir}` has no `{LOCK_FILE}`, so the run may take other providers than this preview, and is refused then: commit the one that `{binary} init` writes"
        ));
    }
    planned
}

async fn planned(
    calls: &Calls<'_, '_, '_>,
    evaluated: &Map,
    result: &mut BodyResult,
) -> Result<(SealedPlan, Option<Vec<u8>>), ExecuteError> {
    rescue::look(calls)?;
    calls.version().await?;
    calls.initialise().await?;
    calls.check().await?;
    let changes = plan::plan(calls, evaluated).await?.changes;
    if changes.outputs.is_empty() {
        outputs::read(calls, result).await?;
    }
    let made_by = MadeBy::of(calls).await?;
    made_by.warn_of_credentials(calls);
    let file = calls.unit.plan_file();
    let saved = fs::read(&file).map_err(|error| ExecuteError::file("read", file, error))?;
    let is_sealed = calls.run.recipient(calls.attempt.node).is_some();
    if !is_sealed {
        let key = &calls.attempt.node.key;
        calls.run.recorder.notice(&format!(
            "{key}: its plan is shown and not sealed, because its environment has no `recipient`"
        ));
    }
    let summary = changes.summary();
    let text = summary.to_string();
    let mask = |text: &str| calls.run.masker.borrow().mask(text).into_owned();
    let shown = SealedPlan {
        headline: mask(&summary.headline()),
        text: mask(&text),
        changes: !changes.is_empty(),
        plan: is_sealed.then(|| Digest::of(&saved)),
        program: made_by.program,
        lock_file: made_by.lock_file,
        providers: made_by.providers,
        backend: made_by.backend,
    };
    Ok((shown, is_sealed.then_some(saved)))
}

/// What a plan was made with, and where its state is: it is applied with the same, or not at all.
pub(super) struct MadeBy {
    pub(super) program: Program,
    pub(super) lock_file: Option<Digest>,
    pub(super) providers: BTreeMap<String, String>,
    pub(super) backend: Backend,
    credentials: Vec<&'static str>,
}

impl MadeBy {
    /// Looks at an initialised module.
    pub(super) async fn of(calls: &Calls<'_, '_, '_>) -> Result<Self, ExecuteError> {
        let unit = calls.unit;
        let lock = read_if_there(&unit.dir.join(LOCK_FILE))?;
        let providers = lock.as_deref().map(providers).transpose()?;
        let initialised = read_if_there(&unit.folder.join("data/terraform.tfstate"))?;
        let backend = match &initialised {
            None => InitialisedBackend::local(),
            Some(bytes) => InitialisedBackend::read(bytes).map_err(|error| {
                let message = format!(
                    "the backend of `{}` is not understood: {error}",
                    unit.body.dir
                );
                ExecuteError::task(FailureKind::Task, message)
            })?,
        };
        Ok(Self {
            program: program(calls).await?,
            lock_file: lock.as_ref().map(Digest::of),
            providers: providers.unwrap_or_default(),
            credentials: backend.credentials(),
            backend: Backend {
                configuration: Digest::of(backend.configuration()),
                kind: backend.kind,
                workspace: unit.body.workspace.clone(),
            },
        })
    }

    fn warn_of_credentials(&self, calls: &Calls<'_, '_, '_>) {
        if self.credentials.is_empty() {
            return;
        }
        let key = &calls.attempt.node.key;
        calls.run.recorder.notice(&format!(
            "{key}: the backend's configuration holds `{}`, which stands in the saved plan and may have run out when it is applied; give it by `env`",
            self.credentials.join("`, `")
        ));
    }
}

/// The program: as the plan pins it, or the one that is found.
async fn program(calls: &Calls<'_, '_, '_>) -> Result<Program, ExecuteError> {
    let name = &calls.unit.body.binary;
    Ok(match calls.run.tool(name).await? {
        Some(tool) => Program {
            name: tool.name,
            version: tool.version,
            digest: Some(tool.digest),
        },
        None => Program {
            name: name.clone(),
            version: tools::version(name, name, &calls.run.world.variables)
                .await
                .unwrap_or_else(|| "unknown".to_owned()),
            digest: None,
        },
    })
}

fn providers(lock: &[u8]) -> Result<BTreeMap<String, String>, ExecuteError> {
    let read = LockFile::read(String::from_utf8_lossy(lock))
        .map_err(|error| ExecuteError::task(FailureKind::Invalid, error.to_string()))?;
    let providers = read.providers.into_iter();
    let told = providers.map(|provider| {
        let hashes = Digest::of(provider.hashes.join(" ")).short();
        (provider.source, format!("{} ({hashes})", provider.version))
    });
    Ok(told.collect())
}

fn read_if_there(path: &camino::Utf8Path) -> Result<Option<Vec<u8>>, ExecuteError> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(ExecuteError::file("read", path, error)),
    }
}
