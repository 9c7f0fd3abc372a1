//! The image itself, brought into a layout: assembled, or one that is there.

use std::fs;

use super::{Attempt, BodyResult, ExecuteError, Run, tags::lines};
use crate::{
    event::{Effect, FailureKind, Reality},
    image::{Assembly, GitFacts, ImageReference, Layout, TagInput, assemble},
    plan::kind::image::{Assemble, Image, Source},
};

/// Brings the image into a layout.
pub(super) fn make<'p>(
    run: &Run<'_, 'p>,
    attempt: &Attempt<'_, 'p>,
    image: &Image,
    facts: &GitFacts,
    result: &mut BodyResult,
) -> Result<Layout, ExecuteError> {
    match &image.source {
        Source::Assemble(assembly) => {
            let folder = run
                .world
                .scratch
                .join("images")
                .join(attempt.node.task.id.as_str());
            fs::create_dir_all(&folder)
                .map_err(|error| ExecuteError::file("make", folder.clone(), error))?;
            let assembled = assemble(&described(run, image, assembly, facts)?, &folder)?;
            let what = format!(
                "assemble {} from {} files, {} bytes",
                assembled.digest,
                assembly.files.len(),
                assembled.size
            );
            result.effects.push(Effect {
                what,
                reality: Reality::Real,
            });
            Ok(assembled.layout)
        }
        Source::Layout(path) => {
            let layout = Layout::open(run.world.path(path))?;
            layout.verify()?;
            Ok(layout)
        }
        Source::Context { folder, .. } => Err(ExecuteError::task(
            FailureKind::Task,
            format!("this version does not build `{folder}` from a Dockerfile yet"),
        )
        .hint("`assemble` makes an image of files without any builder")),
        Source::Copy(reference) => Err(ExecuteError::task(
            FailureKind::Task,
            format!("this version does not copy `{reference}` between registries yet"),
        )),
    }
}

fn described<'p>(
    run: &Run<'_, 'p>,
    image: &Image,
    assembly: &Assemble,
    facts: &GitFacts,
) -> Result<Assembly, ExecuteError> {
    let [platform] = image.platforms.as_slice() else {
        return Err(ExecuteError::task(
            FailureKind::Task,
            "this version assembles an image for one platform",
        )
        .hint("`platforms: linux/amd64`"));
    };
    let invalid =
        |error: &dyn std::error::Error| ExecuteError::task(FailureKind::Invalid, error.to_string());
    let base = assembly
        .base
        .as_ref()
        .map(|base| {
            base.parse::<ImageReference>()
                .map_err(|error| invalid(&error))
        })
        .transpose()?;
    Ok(Assembly {
        files: assembly
            .files
            .iter()
            .map(|(inside, path)| (inside.clone(), run.world.path(path).into_std_path_buf()))
            .collect(),
        base,
        entrypoint: assembly.entrypoint.clone(),
        cmd: assembly.cmd.clone(),
        env: assembly.env.iter().cloned().collect(),
        ports: assembly.ports.clone(),
        user: assembly.user.clone(),
        workdir: assembly.workdir.clone(),
        labels: lines(run, facts, TagInput::Labels, image.labels.as_deref())?,
        annotations: lines(
            run,
            facts,
            TagInput::Annotations,
            image.annotations.as_deref(),
        )?,
        platform: platform.parse().map_err(|error| invalid(&error))?,
    })
}
