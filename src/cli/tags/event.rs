//! The event, the commit and the repository: from the run of a workflow, from git, from GitHub.

use camino::Utf8Path;
use jiff::Timestamp;

use super::{EventSource, TagsArgs, in_words};
use crate::{
    cli::{CliError, Environment, Exit, session},
    github::{Client, ClientError, RepositoryAbout, RunnerContext},
    image::{Dialect, GitFacts, ImageTitle, PullRequestCommit, ToldEvent, short_sha_length},
    probe::Git,
    secret::{Masker, Secret},
};

/// Variables by which a run tells its event. Where one is set there is a run, also where it is empty.
const OF_A_RUN: [&str; 5] = [
    "GITHUB_ACTIONS",
    "GITHUB_EVENT_NAME",
    "GITHUB_EVENT_PATH",
    "GITHUB_REF",
    "GITHUB_SHA",
];

/// Everything that was asked before rules are applied.
pub(super) struct Asked {
    pub(super) facts: GitFacts,
    pub(super) title: ImageTitle,
    pub(super) now: Timestamp,
}

impl Asked {
    pub(super) async fn gather(
        args: &TagsArgs,
        environment: &Environment,
        warnings: &mut Vec<String>,
    ) -> Result<Self, CliError> {
        let is_run = OF_A_RUN
            .iter()
            .any(|name| environment.variables.contains_key(*name));
        let source = args.context.unwrap_or(match is_run {
            true => EventSource::Workflow,
            false => EventSource::Git,
        });
        let runner = match source {
            EventSource::Workflow => RunnerContext::read(&environment.variables)
                .map_err(|error| CliError::from_error(Exit::Usage, &error))?,
            EventSource::Git => {
                let mut without_run = environment.clone();
                for name in OF_A_RUN {
                    without_run.variables.remove(name);
                }
                session::local_github(&without_run, Utf8Path::new(".")).await?
            }
        };
        let mut facts = told(args, environment, &runner)?;
        if source == EventSource::Git {
            of_git(args.dialect(), environment, &mut facts).await?;
        }
        let about = about(args, &runner, warnings).await?;
        facts.edge_branch = about.default_branch.clone();
        if args.dialect() == Dialect::Ours {
            facts.branches = branches(environment).await?;
        }
        facts.commit_date = commit_date(args, environment, &runner, &facts, warnings).await?;
        Ok(Self {
            title: title(about, &runner),
            now: args.now.unwrap_or_else(Timestamp::now),
            facts,
        })
    }

    /// Says in words what the tags are of.
    pub(super) fn shown(&self) -> String {
        let or = |text: &str, other: &str| match text {
            "" => other.to_owned(),
            text => format!("`{text}`"),
        };
        format!(
            "ref {}, event {}, commit {}",
            or(&self.facts.git_ref, "none"),
            or(&self.facts.event_name, "none"),
            or(&self.facts.sha, "none")
        )
    }
}

/// What the variables and the file of the event tell.
fn told(
    args: &TagsArgs,
    environment: &Environment,
    runner: &RunnerContext,
) -> Result<GitFacts, CliError> {
    let wants_head = environment
        .get("DOCKER_METADATA_PR_HEAD_SHA")
        .is_some_and(|value| value.to_lowercase().contains("true"));
    let mut facts = GitFacts::of_event(&ToldEvent {
        name: runner.event.name.as_deref().unwrap_or_default(),
        git_ref: runner.revision.full_ref.as_deref().unwrap_or_default(),
        sha: runner.revision.sha.as_deref().unwrap_or_default(),
        base_ref: runner.revision.base_ref.as_deref(),
        payload: &runner.event.payload,
        commit: match wants_head {
            true => PullRequestCommit::Head,
            false => PullRequestCommit::Merge,
        },
    });
    let length = environment.get("DOCKER_METADATA_SHORT_SHA_LENGTH");
    facts.short_sha = length
        .map(|text| short_sha_length(args.dialect(), text))
        .transpose()
        .map_err(|because| {
            CliError::new(
                Exit::Usage,
                format!("`DOCKER_METADATA_SHORT_SHA_LENGTH` is wrong: {because}"),
            )
        })?;
    Ok(facts)
}

/// What git tells in place of an event. The original knows neither an event nor a default branch then.
async fn of_git(
    dialect: Dialect,
    environment: &Environment,
    facts: &mut GitFacts,
) -> Result<(), CliError> {
    if dialect == Dialect::Docker {
        return Ok(());
    }
    facts.event_name = "push".to_owned();
    let head = ["symbolic-ref", "--short", "refs/remotes/origin/HEAD"];
    let head = git_lines(environment, Utf8Path::new("."), &head).await?;
    let head = head.first().and_then(|head| head.strip_prefix("origin/"));
    facts.default_branch = head.unwrap_or("main").to_owned();
    Ok(())
}

/// The branches that are known here; a shallow clone knows one.
async fn branches(environment: &Environment) -> Result<Vec<String>, CliError> {
    let ask = [
        "for-each-ref",
        "--format=%(refname)",
        "refs/heads",
        "refs/remotes/origin",
    ];
    let refs = git_lines(environment, Utf8Path::new("."), &ask).await?;
    let names = refs.iter().filter_map(|name| {
        name.strip_prefix("refs/heads/")
            .or_else(|| name.strip_prefix("refs/remotes/origin/"))
    });
    let mut names: Vec<String> = names
        .filter(|name| *name != "HEAD")
        .map(str::to_owned)
        .collect();
    names.sort_unstable();
    names.dedup();
    Ok(names)
}

/// Returns the lines that git prints; none where it refuses, or is not there.
pub(super) async fn git_lines(
    environment: &Environment,
    folder: &Utf8Path,
    args: &[&str],
) -> Result<Vec<String>, CliError> {
    let masker = Masker::new(Vec::<(String, Secret)>::new())
        .map_err(|error| CliError::from_error(Exit::Bug, &error))?;
    let git = Git {
        variables: &environment.variables,
        masker: &masker,
    };
    let printed = git
        .line(folder, args)
        .await
        .map_err(|error| CliError::from_error(Exit::Failed, &error))?;
    let printed = printed.unwrap_or_default();
    Ok(printed.lines().map(|line| line.trim().to_owned()).collect())
}

/// What is known of the repository: by the stored answer, by GitHub where there is a token, else by the event.
async fn about(
    args: &TagsArgs,
    runner: &RunnerContext,
    warnings: &mut Vec<String>,
) -> Result<RepositoryAbout, CliError> {
    if let Some(path) = &args.repository_json {
        let text =
            std::fs::read_to_string(path).map_err(|error| CliError::file("read", path, &error))?;
        return serde_json::from_str(&text).map_err(|error| {
            CliError::new(
                Exit::Usage,
                format!("`{path}` is no answer of GET /repos/OWNER/NAME: {error}"),
            )
        });
    }
    let told = RepositoryAbout::of_payload(&runner.event.payload);
    let Some(client) = client(runner) else {
        return Ok(told);
    };
    let asked = match client {
        Ok(client) => client.about().await,
        Err(error) => Err(error),
    };
    Ok(asked.unwrap_or_else(|error| {
        warnings.push(format!(
            "labels say of the repository only what the event tells: {}",
            in_words(&error)
        ));
        told
    }))
}

/// GitHub can be asked with a token and a repository.
fn client(runner: &RunnerContext) -> Option<Result<Client, ClientError>> {
    let (Some(token), Some(repository)) = (&runner.token, &runner.repository) else {
        return None;
    };
    Some(Client::new(
        &runner.servers.api_url,
        repository.clone(),
        token,
    ))
}

fn title(about: RepositoryAbout, runner: &RunnerContext) -> ImageTitle {
    let repository = runner.repository.as_ref();
    let name = repository.map(|repository| repository.name().to_owned());
    let url = repository.map(|repository| format!("{}/{repository}", runner.servers.server_url));
    let license = about.license.and_then(|license| license.spdx_id);
    ImageTitle {
        name: about.name.or(name).unwrap_or_default(),
        description: about.description.unwrap_or_default(),
        url: about.html_url.or(url).unwrap_or_default(),
        license: license.unwrap_or_default(),
    }
}

/// When the commit was made: as told, else by the event, by git, by GitHub; asked only where somebody reads it.
async fn commit_date(
    args: &TagsArgs,
    environment: &Environment,
    runner: &RunnerContext,
    facts: &GitFacts,
    warnings: &mut Vec<String>,
) -> Result<Option<Timestamp>, CliError> {
    if args.commit_date.is_some() {
        return Ok(args.commit_date);
    }
    if facts.commit_date.is_some() || facts.sha.is_empty() || !args.reads_commit_date() {
        return Ok(facts.commit_date);
    }
    let ask = [
        "show",
        "--no-patch",
        "--format=%cI",
        facts.sha.as_str(),
        "--",
    ];
    let shown = git_lines(environment, Utf8Path::new("."), &ask).await?;
    if let Some(date) = shown.last().and_then(|line| line.parse().ok()) {
        return Ok(Some(date));
    }
    let asked = match client(runner) {
        None => Ok(None),
        Some(Ok(client)) => client.commit_date(&facts.sha).await,
        Some(Err(error)) => Err(error),
    };
    let because = match asked {
        Ok(Some(date)) => return Ok(Some(date)),
        Ok(None) => String::new(),
        Err(error) => format!(": {}", in_words(&error)),
    };
    if args.dialect() == Dialect::Ours {
        warnings.push(format!(
            "nobody here knows when the commit was made, so `{{{{commit_date}}}}` is the time now{because}"
        ));
    }
    Ok(None)
}
