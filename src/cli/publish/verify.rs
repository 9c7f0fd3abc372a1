//! `--verify`: what is published is looked at as somebody else would: read back, listed, started.

use serde_json::{Value, json};

use crate::{
    cli::{CliError, Environment, Exit, registries::image_error},
    container::{ContainerRequest, Helper, Started, find_engine},
    execute::chain,
    github::{Client, PackageKind, RunnerContext},
    image::{Depth, ImageFacts, ImageReference, RegistryClient, inspect},
};

/// How long an image is watched after its start: one that cannot run ends at once.
const WATCHED: std::time::Duration = std::time::Duration::from_secs(2);

/// What was seen of one image.
pub(super) struct Seen {
    reference: ImageReference,
    facts: ImageFacts,
    start: Found,
    listed: Found,
}

/// What a look came to.
enum Found {
    Held(String),
    Failed(String),
    NotAsked(String),
}

impl Found {
    fn word(&self) -> &'static str {
        match self {
            Self::Held(_) => "held",
            Self::Failed(_) => "failed",
            Self::NotAsked(_) => "not asked",
        }
    }

    fn words(&self) -> &str {
        match self {
            Self::Held(words) | Self::Failed(words) | Self::NotAsked(words) => words,
        }
    }
}

impl Seen {
    /// Reads an image's manifest and configuration back, starts it where an engine answers, and asks whether its owner's packages
    /// list it.
    ///
    /// # Errors
    ///
    /// It is not there, or the registry refuses or cannot be reached.
    pub(super) async fn of(
        client: &RegistryClient,
        reference: &ImageReference,
        environment: &Environment,
    ) -> Result<Self, CliError> {
        let facts = inspect(client, reference, Depth::Config)
            .await
            .map_err(|error| image_error(&error))?;
        Ok(Self {
            reference: reference.clone(),
            facts,
            start: started(reference, environment).await?,
            listed: listed(reference, environment).await,
        })
    }

    /// Whether nothing that was looked at failed.
    pub(super) fn holds(&self) -> bool {
        let failed = |found: &Found| matches!(found, Found::Failed(_));
        !failed(&self.start) && !failed(&self.listed)
    }

    /// What was seen, a line each.
    pub(super) fn lines(&self) -> String {
        let platforms = self.platforms().join(", ");
        let ports: Vec<String> = self.facts.ports.iter().map(ToString::to_string).collect();
        let user = match self.facts.user.as_str() {
            "" => "root",
            user => user,
        };
        let mut text = format!(
            "{}\n  read back: {} bytes, for {platforms}, user {user}, ports {}\n",
            self.reference,
            self.facts.size,
            if ports.is_empty() {
                "none".to_owned()
            } else {
                ports.join(", ")
            },
        );
        for (what, found) in [("start", &self.start), ("packages", &self.listed)] {
            text.push_str(&format!("  {what}: {} ({})\n", found.word(), found.words()));
        }
        text
    }

    /// The same for programs.
    pub(super) fn as_json(&self) -> Value {
        let found = |found: &Found| json!({ "result": found.word(), "words": found.words() });
        json!({
            "reference": self.reference.to_string(),
            "digest": self.facts.digest.to_string(),
            "platforms": self.platforms(),
            "user": self.facts.user,
            "size": self.facts.size,
            "start": found(&self.start),
            "packages": found(&self.listed),
        })
    }

    fn platforms(&self) -> Vec<String> {
        let platforms = self.facts.platforms.iter();
        platforms.map(ToString::to_string).collect()
    }
}

/// Has an engine fetch and start the image: it fetches with its own login, as those who use the image do.
async fn started(reference: &ImageReference, environment: &Environment) -> Result<Found, CliError> {
    let Some(engine) = find_engine(&environment.variables).await else {
        return Ok(Found::NotAsked(
            "neither docker nor podman answers".to_owned(),
        ));
    };
    let helper = Helper::new(&environment.program);
    let request = ContainerRequest::default();
    let started = Started::by_engine(&engine, &helper, &reference.to_string(), &request).await;
    let mut container = match started {
        Ok(container) => container,
        Err(error) => return Ok(Found::Failed(chain(&error))),
    };
    // Whoever goes on running is what a server does; whoever ends well is what a tool does.
    let ended = tokio::time::timeout(WATCHED, container.wait()).await;
    let how = container.how().to_string();
    container
        .stop()
        .await
        .map_err(|error| CliError::from_error(Exit::Failed, &error))?;
    Ok(match ended {
        Err(_) => Found::Held(format!("it runs, by {how}")),
        Ok(exit) if exit.code == 0 => Found::Held(format!("it ran to its end, by {how}")),
        Ok(exit) => Found::Failed(format!("it ended with {}, by {how}", exit.code)),
    })
}

/// Asks GitHub whether the owner's packages list the image, and who sees it.
async fn listed(reference: &ImageReference, environment: &Environment) -> Found {
    let repository = reference.repository();
    if repository.registry() != "ghcr.io" {
        return Found::NotAsked(format!(
            "`{}` keeps no list of packages",
            repository.registry()
        ));
    }
    let Some((owner, name)) = repository.path().split_once('/') else {
        return Found::Failed(format!("`{}` names no owner", repository.path()));
    };
    let runner = match RunnerContext::read(&environment.variables) {
        Ok(runner) => runner,
        Err(error) => return Found::NotAsked(chain(&error)),
    };
    let (Some(token), Some(own)) = (&runner.token, &runner.repository) else {
        return Found::NotAsked("there is no GITHUB_TOKEN to ask with".to_owned());
    };
    let client = match Client::new(&runner.servers.api_url, own.clone(), token) {
        Ok(client) => client,
        Err(error) => return Found::NotAsked(chain(&error)),
    };
    match client.packages(owner, PackageKind::Container).await {
        Err(error) => Found::NotAsked(chain(&error)),
        Ok(packages) => {
            let package = packages
                .iter()
                .find(|package| package.name.eq_ignore_ascii_case(name));
            package.map_or_else(
                || Found::Failed(format!("{owner} has no package `{name}`")),
                |package| Found::Held(format!("{}, {}", package.visibility, package.url)),
            )
        }
    }
}
