//! The image itself, brought into a layout: assembled, built, fetched, or one that is there.

use std::fs;

use camino::{Utf8Path, Utf8PathBuf};

use super::{
    Attempt, BodyResult, ExecuteError, Run,
    build::build,
    kept::{Kept, forget},
    tags::Words,
};
use crate::{
    digest::Digest,
    event::{Effect, FailureKind, Reality},
    image::{
        Assembly, ImageReference, LayerCache, Layout, Platform, Platforms, assemble_cached, pull,
    },
    plan::kind::image::{Assemble, Image, Source},
};

/// Brings the image into a layout.
pub(super) async fn make<'p>(
    run: &Run<'_, 'p>,
    attempt: &Attempt<'_, 'p>,
    image: &Image,
    words: &Words,
    result: &mut BodyResult,
) -> Result<Layout, ExecuteError> {
    match &image.source {
        Source::Layout(path) => {
            let layout = Layout::open(run.world.path(path))?;
            layout.verify()?;
            Ok(layout)
        }
        Source::Assemble(assembly) => {
            let folder = folder(run, attempt)?;
            let assembled = assemble_cached(
                &described(run, image, assembly, words)?,
                &folder,
                &layer_cache(run),
            )?;
            let what = format!(
                "assemble {} from {} files, {} bytes{}",
                assembled.digest,
                assembly.files.len(),
                assembled.size,
                if assembled.layer_reused {
                    ", the layer as it was compressed before"
                } else {
                    ""
                }
            );
            result.effects.push(Effect {
                what,
                reality: Reality::Real,
            });
            Ok(assembled.layout)
        }
        Source::Context(from) => {
            let kept = Kept::of(run, attempt, words)?;
            if let Some(layout) = kept.layout()? {
                result.effects.push(Effect {
                    what: format!(
                        "take {}, built by an earlier attempt",
                        layout.root()?.digest
                    ),
                    reality: Reality::Real,
                });
                return Ok(layout);
            }
            let folder = kept.make_room()?;
            let built = build(run, attempt, (image, words), from, folder, result).await;
            match &built {
                Ok(layout) => kept.complete(layout)?,
                Err(_) => forget(run, attempt)?,
            }
            built
        }
        Source::Copy(reference) => {
            fetch(run, attempt, reference, &folder(run, attempt)?, result).await
        }
    }
}

/// A private folder for the images of one task in one environment.
fn folder<'p>(run: &Run<'_, 'p>, attempt: &Attempt<'_, 'p>) -> Result<Utf8PathBuf, ExecuteError> {
    let key = Digest::of(attempt.node.key.to_string());
    let folder = run.world.scratch.join("images").join(key.short());
    fs::create_dir_all(&folder)
        .map_err(|error| ExecuteError::file("make", folder.clone(), error))?;
    Ok(folder)
}

/// Where compressed layers are kept between runs; nowhere, where there is no folder for such things.
pub(super) fn layer_cache(run: &Run<'_, '_>) -> LayerCache {
    let home = || {
        run.world
            .variable("HOME")
            .map(|home| Utf8Path::new(home).join(".cache"))
    };
    let folder = run
        .world
        .variable("XDG_CACHE_HOME")
        .map(Into::into)
        .or_else(home);
    match folder.filter(|folder| folder.is_absolute()) {
        Some(folder) => LayerCache::at(folder.join("deploy-action/layers")),
        None => LayerCache::none(),
    }
}

/// Fetches a published image whole, with all platforms, so that its digest stays what it is.
async fn fetch<'p>(
    run: &Run<'_, 'p>,
    attempt: &Attempt<'_, 'p>,
    reference: &str,
    folder: &Utf8Path,
    result: &mut BodyResult,
) -> Result<Layout, ExecuteError> {
    let reference: ImageReference = reference.parse().map_err(|error| invalid(&error))?;
    if reference.digest().is_none() {
        return Err(ExecuteError::task(
            FailureKind::Invalid,
            format!("`{reference}` names a tag, and a tag can move"),
        )
        .hint("take a task's `outputs.reference`, or add the digest: `NAME@sha256:…`"));
    }
    let client = run.client_for(attempt.node, &reference)?;
    let layout = pull(&client, &reference, folder, &Platforms::All).await?;
    result.effects.push(Effect {
        what: format!("fetch {reference}"),
        reality: run
            .world
            .stand_ins
            .reality_of_registry(reference.repository().registry()),
    });
    Ok(layout)
}

fn invalid(error: &dyn std::error::Error) -> ExecuteError {
    ExecuteError::task(FailureKind::Invalid, error.to_string())
}

fn described<'p>(
    run: &Run<'_, 'p>,
    image: &Image,
    assembly: &Assemble,
    words: &Words,
) -> Result<Assembly, ExecuteError> {
    let base = assembly
        .base
        .as_ref()
        .map(|base| {
            base.parse::<ImageReference>()
                .map_err(|error| invalid(&error))
        })
        .transpose()?;
    let platforms = image.platforms.iter().map(|platform| {
        platform
            .parse::<Platform>()
            .map_err(|error| invalid(&error))
    });
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
        labels: words.labels.clone(),
        annotations: words.annotations.clone(),
        platforms: platforms.collect::<Result<_, _>>()?,
    })
}
