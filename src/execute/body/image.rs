//! Kind `image`: assembled, built or fetched, judged, published, read back.

mod attest;
mod build;
mod kept;
mod make;
mod preview;
mod sign;
mod tags;

pub(in crate::execute) use self::preview::preview;
use self::{
    attest::Documents,
    kept::forget,
    make::make,
    sign::Signing,
    tags::{Words, facts, settle, tags, taken},
};
use super::{Attempt, BodyResult, ExecuteError, Run, evaluate};
use crate::{
    event::{Effect, FailureKind, Reality},
    execute::{
        checks::{judge_all, observe_in_layout},
        outputs::Produced,
        registry::{Registry, references_by_registry, repository_name},
    },
    expression::{Map, Value},
    image::{
        ImageReference, Layout, PublishTarget, Published, PublishedTarget, RegistryClient,
        RepositoryName, RootManifest, Tag, preflight, stage,
    },
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
    let to = Destinations::of(run, attempt, &image)?;
    let signing = match to.repositories.is_empty() {
        true => Signing::No,
        false => Signing::of(run, attempt, &image)?,
    };
    to.prove().await?;
    let started = run.world.now();
    let facts = facts(run).await?;
    let words = match run.reviewed_words(attempt.node) {
        Some(reviewed) => Words::from(reviewed),
        None => Words::of(run, &image, &facts)?,
    };
    let layout = make(run, attempt, &image, &words, result).await?;
    if let Err(error) = judge(&body, &layout) {
        // What is not as it should be is not kept for another attempt.
        forget(run, attempt)?;
        return Err(error);
    }
    run.hold_image_against_review(attempt.node, &layout.root()?.digest)?;
    let tags = tags(run, &image, &facts)?;
    for warning in &tags.warnings {
        run.recorder
            .notice(&format!("{}: {warning}", attempt.node.key));
    }
    let mut targets = to.targets(&tags.tags);
    settle(run, &to.registries, &tags, &mut targets).await?;
    let digest = layout.root()?.digest;
    output(result, "digest", Value::from(digest.to_string()))?;
    let version = tags.version.clone().map_or(Value::Null, Value::from);
    output(result, "version", version)?;
    let list = taken(&tags, &targets).into_iter();
    let list = list.map(|tag| Value::from(tag.to_string()));
    output(result, "tags", Value::List(list.collect()))?;
    if to.repositories.is_empty() {
        result.effects.push(Effect {
            what: "push".to_owned(),
            reality: Reality::NotRun {
                because: "the plan names no registry".to_owned(),
            },
        });
        return forget(run, attempt);
    }
    let made = (to.repositories.as_slice(), started);
    let documents = Documents::of(run, attempt, (&image, signing), &layout, made)?;
    let root = match documents.is_empty() {
        true => RootManifest::MayWait,
        false => RootManifest::First,
    };
    let staged = stage(&to.client, &layout, &targets, root).await?;
    documents
        .attach(run, attempt, &to.client, &targets, result)
        .await?;
    let published = staged.move_tags().await?;
    tell(run, &published, result)?;
    forget(run, attempt)
}

/// Where an image goes.
struct Destinations {
    registries: Vec<Registry>,
    repositories: Vec<RepositoryName>,
    client: RegistryClient,
}

impl Destinations {
    fn of<'p>(
        run: &Run<'_, 'p>,
        attempt: &Attempt<'_, 'p>,
        image: &Image,
    ) -> Result<Self, ExecuteError> {
        let mut registries = Vec::new();
        let mut repositories = Vec::new();
        for name in &image.push {
            let registry = run.registry(attempt.node, name)?;
            repositories.push(repository_name(
                &registry,
                image.name.as_deref(),
                run.world.runner.repository.as_ref(),
            )?);
            registries.push(registry);
        }
        Ok(Self {
            repositories,
            client: run.registry_client(&registries)?,
            registries,
        })
    }

    /// Asks every registry whether it would take the image, before anything is built for it.
    async fn prove(&self) -> Result<(), ExecuteError> {
        for repository in &self.repositories {
            preflight(&self.client, repository).await?;
        }
        Ok(())
    }

    fn targets(&self, tags: &[Tag]) -> Vec<PublishTarget> {
        let repositories = self.repositories.iter();
        repositories
            .map(|repository| PublishTarget {
                repository: repository.clone(),
                tags: tags.to_vec(),
            })
            .collect()
    }
}

/// Hands on what was read back: as effects for people, as outputs for other tasks.
fn tell(
    run: &Run<'_, '_>,
    published: &Published,
    result: &mut BodyResult,
) -> Result<(), ExecuteError> {
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
        let repository = first.repository().to_string();
        output(result, "repository", Value::from(repository))?;
    }
    Ok(())
}

fn moved(target: &PublishedTarget) -> String {
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
