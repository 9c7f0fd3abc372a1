//! Kind `image`: assembled from files, judged, published, read back.

use std::{collections::BTreeMap, fs};

use super::{Attempt, BodyResult, ExecuteError, Run, evaluate};
use crate::{
    event::{Effect, FailureKind, Reality},
    execute::{
        checks::{judge_all, observe_in_layout},
        outputs::Produced,
        registry::{references_by_registry, repository_name},
    },
    expression::{Map, Value},
    image::{
        Assembly, GitFacts, ImageReference, Layout, PublishTarget, TagRules, assemble,
        publish as publish_image,
    },
    plan::{
        kind::{
            Reader,
            image::{Assemble, Image, Source},
            observable,
        },
        model::CheckKind,
        requirement::Requirement,
    },
};

pub(super) async fn publish<'p>(
    run: &Run<'_, 'p>,
    attempt: &Attempt<'_, 'p>,
    result: &mut BodyResult,
) -> Result<(), ExecuteError> {
    let body = evaluate(run, attempt)?;
    let image = Image::read(Reader::new(&body))?;
    let layout = make(run, attempt, &image, result)?;
    judge(&body, &layout)?;
    let tags = tags(run, &image)?;
    for warning in &tags.warnings {
        run.recorder
            .notice(&format!("{}: {warning}", attempt.node.key));
    }
    let mut registries = Vec::new();
    let mut targets = Vec::new();
    for name in &image.push {
        let registry = run.registry(attempt.node, name)?;
        let repository = repository_name(
            &registry,
            image.name.as_deref(),
            run.world.runner.repository.as_ref(),
        )?;
        targets.push(PublishTarget {
            repository,
            tags: tags.tags.clone(),
        });
        registries.push(registry);
    }
    let digest = layout.root()?.digest;
    output(result, "digest", Value::from(digest.to_string()))?;
    output(
        result,
        "version",
        tags.version.clone().map_or(Value::Null, Value::from),
    )?;
    output(
        result,
        "tags",
        Value::List(
            tags.tags
                .iter()
                .map(|tag| Value::from(tag.to_string()))
                .collect(),
        ),
    )?;
    if targets.is_empty() {
        result.effects.push(Effect {
            what: "push".to_owned(),
            reality: Reality::NotRun {
                because: "the plan names no registry".to_owned(),
            },
        });
        return Ok(());
    }
    let client = run.registry_client(&registries)?;
    let published = publish_image(&client, &layout, &targets).await?;
    let references: Vec<ImageReference> = published
        .targets
        .iter()
        .map(|target| target.reference.clone())
        .collect();
    for target in &published.targets {
        let what = format!("push {} ({})", target.reference, moved(target));
        let reality = run
            .world
            .stand_ins
            .reality_of_registry(target.reference.repository().registry());
        result.effects.push(Effect { what, reality });
    }
    output(result, "references", references_by_registry(&references))?;
    if let Some(first) = references.first() {
        output(result, "reference", Value::from(first.to_string()))?;
        output(
            result,
            "repository",
            Value::from(first.repository().to_string()),
        )?;
    }
    Ok(())
}

fn moved(target: &crate::image::PublishedTarget) -> String {
    let set: Vec<String> = target
        .tags_set
        .iter()
        .map(|moved| moved.tag.to_string())
        .collect();
    let stood: Vec<String> = target
        .tags_unchanged
        .iter()
        .map(|tag| tag.to_string())
        .collect();
    match (set.is_empty(), stood.is_empty()) {
        (true, true) => "no tags".to_owned(),
        (false, true) => format!("tags {}", set.join(", ")),
        (true, false) => format!("tags {} stood already", stood.join(", ")),
        (false, false) => format!(
            "tags {}; {} stood already",
            set.join(", "),
            stood.join(", ")
        ),
    }
}

fn output(result: &mut BodyResult, name: &str, value: Value) -> Result<(), ExecuteError> {
    let name = name
        .parse()
        .map_err(|_| ExecuteError::task(FailureKind::Internal, format!("`{name}` is no name")))?;
    result.outputs.insert(
        name,
        Produced {
            value,
            sensitive: false,
        },
    );
    Ok(())
}

/// Brings the image into a layout.
fn make<'p>(
    run: &Run<'_, 'p>,
    attempt: &Attempt<'_, 'p>,
    image: &Image,
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
            let assembled = assemble(&described(run, image, assembly)?, &folder)?;
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
        labels: lines(image.labels.as_deref())?,
        annotations: lines(image.annotations.as_deref())?,
        platform: platform.parse().map_err(|error| invalid(&error))?,
    })
}

/// Reads lines `NAME=VALUE`, as docker/metadata-action does for labels and annotations.
fn lines(text: Option<&str>) -> Result<BTreeMap<String, String>, ExecuteError> {
    let lines = text
        .unwrap_or_default()
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines
        .map(|line| match line.split_once('=') {
            Some((name, value)) if !name.trim().is_empty() => {
                Ok((name.trim().to_owned(), value.trim().to_owned()))
            }
            _ => Err(
                ExecuteError::task(FailureKind::Invalid, format!("`{line}` is no label"))
                    .hint("write `NAME=VALUE`, one a line"),
            ),
        })
        .collect()
}

/// Judges `expect` by what lies in the layout, before anything is pushed.
fn judge(body: &Map, layout: &Layout) -> Result<(), ExecuteError> {
    let Some(Value::Map(expect)) = body.get("expect") else {
        return Ok(());
    };
    let mut requirements = Vec::new();
    for (name, value) in expect {
        let requirement = Requirement::parse(value).map_err(|error| {
            ExecuteError::task(FailureKind::Invalid, format!("`{name}`: {error}"))
        })?;
        requirements.push((name.clone(), requirement));
    }
    let evidence = observe_in_layout(layout)?;
    match judge_all(
        &observable(CheckKind::Image),
        &evidence.observed,
        &requirements,
    )? {
        None => Ok(()),
        Some(failed) => Err(ExecuteError::task(
            FailureKind::VerifyFailed,
            format!("the image is not as expected: {failed}"),
        )),
    }
}

fn tags<'p>(run: &Run<'_, 'p>, image: &Image) -> Result<crate::image::ComputedTags, ExecuteError> {
    let runner = &run.world.runner;
    let facts = GitFacts {
        event_name: runner
            .event
            .name
            .clone()
            .unwrap_or_else(|| "push".to_owned()),
        git_ref: runner.revision.full_ref.clone().unwrap_or_default(),
        sha: runner.revision.sha.clone().unwrap_or_default(),
        default_branch: run.default_branch(),
        base_ref: runner.revision.base_ref.clone(),
        pull_request: runner
            .event
            .pull_request
            .as_ref()
            .map(|pull_request| pull_request.number),
        commit_date: None,
    };
    let rules = TagRules::parse(
        image.tags.as_deref().unwrap_or_default(),
        image.flavor.as_deref().unwrap_or_default(),
    );
    rules
        .and_then(|rules| rules.compute(&facts, run.world.now()))
        .map_err(|error| {
            let failure = ExecuteError::task(error.kind(), error.to_string());
            match error.hint() {
                Some(hint) => failure.hint(hint),
                None => failure,
            }
        })
}
