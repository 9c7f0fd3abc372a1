//! What the rules of a plan call an image: tags, labels, annotations.

use std::collections::BTreeMap;

use super::{ExecuteError, Run};
use crate::{
    event::FailureKind,
    image::{ComputedTags, GitFacts, TagRules},
    plan::kind::image::Image,
};

pub(super) fn tags<'p>(run: &Run<'_, 'p>, image: &Image) -> Result<ComputedTags, ExecuteError> {
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

/// Reads lines `NAME=VALUE`, as docker/metadata-action does for labels and annotations.
pub(super) fn lines(text: Option<&str>) -> Result<BTreeMap<String, String>, ExecuteError> {
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
