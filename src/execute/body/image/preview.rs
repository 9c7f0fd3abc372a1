//! A preview of an image: made and judged as in a run, and not pushed.

use super::{
    Attempt, BodyResult, Destinations, ExecuteError, Run, Words, evaluate, facts, forget, judge,
    make, output, tags,
};
use crate::{
    bundle,
    digest::Digest,
    execute::registry::references_by_registry,
    expression::Value,
    image::ImageReference,
    plan::kind::{
        Reader,
        image::{Image, Source},
    },
};

/// Makes the image. Its digest is foretold where the same inputs give the same image; then its outputs are known too.
pub(in crate::execute) async fn preview<'p>(
    run: &Run<'_, 'p>,
    attempt: &Attempt<'_, 'p>,
    result: &mut BodyResult,
) -> Result<(Option<Digest>, bundle::Words), ExecuteError> {
    let body = evaluate(run, attempt)?;
    let image = Image::read(Reader::new(&body))?;
    let to = Destinations::of(run, attempt, &image)?;
    let facts = facts(run).await?;
    let words = Words::of(run, &image, &facts)?;
    let layout = make(run, attempt, &image, &words, result).await?;
    let judged = judge(&body, &layout);
    forget(run, attempt)?;
    judged?;
    let computed = tags(run, &image, &facts)?;
    for warning in &computed.warnings {
        run.recorder
            .notice(&format!("{}: {warning}", attempt.node.key));
    }
    let digest = layout.root()?.digest;
    output(result, "digest", Value::from(digest.to_string()))?;
    let version = computed.version.clone().map_or(Value::Null, Value::from);
    output(result, "version", version)?;
    let tags = computed.tags.iter().map(|tag| Value::from(tag.to_string()));
    output(result, "tags", Value::List(tags.collect()))?;
    let references: Vec<ImageReference> = to
        .repositories
        .iter()
        .map(|repository| repository.pinned(digest))
        .collect();
    output(result, "references", references_by_registry(&references))?;
    if let Some(first) = references.first() {
        output(result, "reference", Value::from(first.to_string()))?;
        let repository = first.repository().to_string();
        output(result, "repository", Value::from(repository))?;
    }
    let is_reproducible = !matches!(image.source, Source::Context(_));
    let words = bundle::Words {
        labels: words.labels,
        annotations: words.annotations,
    };
    Ok((is_reproducible.then_some(digest), words))
}
