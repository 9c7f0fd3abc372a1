//! Kind `image`: assembled from files, judged, published, read back.

mod make;
mod tags;

use self::{
    make::make,
    tags::{facts, settle, tags, taken},
};
use super::{Attempt, BodyResult, ExecuteError, Run, evaluate};
use crate::{
    event::{Effect, FailureKind, Reality},
    execute::{
        checks::{judge_all, observe_in_layout},
        outputs::Produced,
        registry::{references_by_registry, repository_name},
    },
    expression::{Map, Value},
    image::{ImageReference, Layout, PublishTarget, publish as publish_image},
    plan::{
        kind::{Reader, image::Image, observable},
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
    let facts = facts(run).await?;
    let layout = make(run, attempt, &image, &facts, result)?;
    judge(&body, &layout)?;
    let tags = tags(run, &image, &facts)?;
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
    settle(run, &registries, &tags, &mut targets).await?;
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
            taken(&tags, &targets)
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
