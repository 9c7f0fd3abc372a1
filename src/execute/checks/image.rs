//! Check `image`: what a registry says of a reference, and whether the owner's packages list it.

use super::{Asked, Question};
use crate::{
    event::FailureKind,
    execute::{ExecuteError, Run},
    github::PackageKind,
    image::{Depth, ImageError, ImageFacts, ImageReference, Layout, inspect, inspect_layout},
    probe::{self, observe_image},
};

impl<'p> Run<'_, 'p> {
    pub(super) async fn ask_image(
        &self,
        question: &Question<'_, 'p>,
        reference: &str,
    ) -> Result<Asked, ExecuteError> {
        let parsed: ImageReference = reference
            .parse()
            .map_err(|error| ExecuteError::task(FailureKind::Invalid, format!("{error}")))?;
        let expected = question
            .check
            .expect
            .entries()
            .into_iter()
            .flatten()
            .map(|(name, _)| name.as_str());
        let expected: Vec<&str> = expected.collect();
        // Files cost a download of every layer; they are read only where they are judged.
        let depth = if expected.contains(&"files") {
            Depth::Files
        } else {
            Depth::Config
        };
        let client = self.client_for(question.node, &parsed)?;
        let host = parsed.repository().registry();
        let reality = self.world.stand_ins.reality_of_registry(host);
        let mut facts = match inspect(&client, &parsed, depth).await {
            Ok(found) => facts(reference, &found),
            Err(ImageError::Missing { .. }) => probe::ImageFacts {
                reference: reference.to_owned(),
                ..Default::default()
            },
            Err(error) => return Err(error.into()),
        };
        if expected.contains(&"listed") {
            facts.listed = Some(self.is_listed(&parsed).await?);
        }
        Ok(Asked {
            evidence: observe_image(&facts),
            reality,
        })
    }

    async fn is_listed(&self, reference: &ImageReference) -> Result<bool, ExecuteError> {
        let Some(client) = self.github()? else {
            return Err(ExecuteError::task(
                FailureKind::Task,
                "nobody can be asked for the owner's packages: there is no GITHUB_TOKEN",
            )
            .hint("set GITHUB_TOKEN to a token with `read:packages`"));
        };
        let path = reference.repository().path();
        let Some((owner, name)) = path.split_once('/') else {
            return Ok(false);
        };
        let packages = client.packages(owner, PackageKind::Container).await?;
        Ok(packages
            .iter()
            .any(|package| package.name.eq_ignore_ascii_case(name)))
    }
}

/// Turns what the image's room knows into what a probe observes.
pub(in crate::execute) fn facts(reference: &str, found: &ImageFacts) -> probe::ImageFacts {
    probe::ImageFacts {
        reference: reference.to_owned(),
        exists: true,
        digest: Some(found.digest),
        platforms: found.platforms.iter().map(ToString::to_string).collect(),
        ports: found.ports.iter().map(|port| port.number).collect(),
        user: Some(found.user.clone()),
        files: found
            .files
            .iter()
            .flatten()
            .map(|file| file.path.clone())
            .collect(),
        size: Some(found.size),
        env: found.env.iter().cloned().collect(),
        listed: None,
    }
}

/// Observes an image that lies in a layout, before it is published.
pub(in crate::execute) fn observe_in_layout(
    layout: &Layout,
) -> Result<probe::Evidence, ExecuteError> {
    Ok(observe_image(&facts(
        "the image",
        &inspect_layout(layout, Depth::Files)?,
    )))
}
