//! `--to`: repositories and their tags.

use crate::{
    cli::{CliError, Exit},
    image::{ImageReference, PublishTarget, RepositoryName, SettledTags, Tag},
};

/// Where an image goes: each repository once, with all of its tags in the order in which they were given.
#[derive(Debug, Clone)]
pub(super) struct Destinations(Vec<PublishTarget>);

impl Destinations {
    pub(super) fn targets(&self) -> &[PublishTarget] {
        &self.0
    }

    pub(super) fn repositories(&self) -> Vec<RepositoryName> {
        let targets = self.0.iter();
        targets.map(|target| target.repository.clone()).collect()
    }

    /// Adds tags that rules come to, in the order of the repositories.
    pub(super) fn add(&mut self, settled: Vec<SettledTags>) {
        for (target, settled) in self.0.iter_mut().zip(settled) {
            target.tags.extend(settled.moves);
        }
    }

    /// What the destinations name now: each tag, `latest` where there is none.
    pub(super) fn named(&self) -> Vec<ImageReference> {
        let named = self.0.iter().flat_map(|target| {
            let tags = match target.tags.is_empty() {
                true => vec![Tag::latest()],
                false => target.tags.clone(),
            };
            tags.into_iter().map(|tag| target.repository.tagged(tag))
        });
        named.collect()
    }
}

/// Reads every `--to`.
///
/// # Errors
///
/// All that are none, together.
pub(super) fn destinations(to: &[String]) -> Result<Destinations, CliError> {
    let mut targets: Vec<PublishTarget> = Vec::new();
    let mut problems = Vec::new();
    for text in to {
        let reference = match text.parse::<ImageReference>() {
            Ok(reference) => reference,
            Err(problem) => {
                problems.push(problem.to_string());
                continue;
            }
        };
        if reference.digest().is_some() {
            problems.push(format!(
                "`{text}` names a digest; the image's own digest is what it gets"
            ));
            continue;
        }
        let tags = reference.tag().cloned();
        match targets
            .iter_mut()
            .find(|target| target.repository == *reference.repository())
        {
            Some(target) => target.tags.extend(tags),
            None => targets.push(PublishTarget {
                repository: reference.repository().clone(),
                tags: tags.into_iter().collect(),
            }),
        }
    }
    match problems.split_first() {
        None => Ok(Destinations(targets)),
        Some((first, others)) => {
            let mut error = CliError::new(Exit::Usage, format!("--to: {first}"));
            error.causes = others.to_vec();
            Err(error.hint("such as `--to ghcr.io/acme/api:1.4.0`"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(to: &[&str]) -> Result<Destinations, CliError> {
        destinations(&to.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn tags_of_one_repository_come_together_in_their_order() {
        let read = read(&["ghcr.io/a/b:2", "quay.io/a/b", "ghcr.io/a/b:1"]).expect("destinations");
        let words: Vec<String> = read
            .targets()
            .iter()
            .map(|target| {
                let tags: Vec<&str> = target.tags.iter().map(|tag| tag.as_str()).collect();
                format!("{} {tags:?}", target.repository)
            })
            .collect();
        assert_eq!(words, [r#"ghcr.io/a/b ["2", "1"]"#, "quay.io/a/b []"]);
    }

    #[test]
    fn every_wrong_destination_is_named() {
        let digest = crate::digest::Digest::of("x");
        let pinned = format!("ghcr.io/a/b@{digest}");
        let error = read(&["ghcr.io/A/b", "ghcr.io/a/b:1", &pinned]).expect_err("two are wrong");
        assert_eq!(error.exit, Exit::Usage);
        assert!(error.message.contains("ghcr.io/A/b"), "{}", error.message);
        assert!(
            error.causes[0].contains("names a digest"),
            "{:?}",
            error.causes
        );
    }
}
