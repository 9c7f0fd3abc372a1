//! Kind `render`: a Tera template becomes a file, which is handed over as the artifact `file`.

use std::fs;

use super::{Attempt, BodyResult, ExecuteError, Run, evaluate};
use crate::{
    event::{Effect, FailureKind, Reality},
    plan::kind::{Reader, render::Render},
    render,
};

pub(super) fn render<'p>(
    run: &Run<'_, 'p>,
    attempt: &Attempt<'_, 'p>,
    result: &mut BodyResult,
) -> Result<(), ExecuteError> {
    let body = evaluate(run, attempt)?;
    let task = Render::read(Reader::new(&body))?;
    let source = run.world.path(&task.template);
    let template =
        fs::read_to_string(&source).map_err(|error| ExecuteError::file("read", source, error))?;
    let text = render::file(&template, &task.with).map_err(|error| {
        ExecuteError::task(FailureKind::Task, super::super::chain(&error))
            .hint(format!("look at `{}`", task.template))
    })?;
    let target = run.world.path(&task.to);
    if let Some(folder) = target.parent() {
        fs::create_dir_all(folder).map_err(|error| ExecuteError::file("make", folder, error))?;
    }
    // An unchanged file keeps its time, so that nothing that watches it starts for nothing.
    if fs::read_to_string(&target).ok().as_deref() != Some(&text) {
        fs::write(&target, &text)
            .map_err(|error| ExecuteError::file("write", target.clone(), error))?;
    }
    result.effects.push(Effect {
        what: format!("render {}", task.to),
        reality: Reality::Real,
    });
    let name = "file"
        .parse()
        .map_err(|_| ExecuteError::task(FailureKind::Internal, "`file` is no name"))?;
    result.artifacts.push((name, target));
    Ok(())
}
