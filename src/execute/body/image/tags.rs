//! What the rules of a plan call an image: tags, labels, annotations; and which of the tags may move.

use std::collections::BTreeMap;

use super::{ExecuteError, Run};
use crate::{
    bundle,
    event::FailureKind,
    execute::{error::chain, registry::Registry},
    image::{
        Access, ComputedTags, Dialect, GitFacts, ImageError, KnownTags, LabelLines, PublishTarget,
        PullRequestCommit, RegistryClient, RegistryTags, RepositoryName, RetryPolicy, Tag,
        TagInput, TagRules, TagRulesError, ToldEvent,
    },
    plan::kind::image::Image,
    probe::Git,
};

/// A registry that is silent this often stays so for as long as anybody wants to wait for names of tags.
const TRIES: u32 = 2;

/// Returns what rules ask about the event and the commit.
pub(super) async fn facts(run: &Run<'_, '_>) -> Result<GitFacts, ExecuteError> {
    let runner = &run.world.runner;
    let told = GitFacts::of_event(&ToldEvent {
        name: runner.event.name.as_deref().unwrap_or("push"),
        git_ref: runner.revision.full_ref.as_deref().unwrap_or_default(),
        sha: runner.revision.sha.as_deref().unwrap_or_default(),
        base_ref: runner.revision.base_ref.as_deref(),
        payload: &runner.event.payload,
        commit: PullRequestCommit::Merge,
    });
    let pull_request = runner.event.pull_request.as_ref();
    let committed = match (&told.commit_date, told.sha.as_str()) {
        (Some(date), _) => Some(*date),
        (None, "") => None,
        (None, sha) => {
            let shown = ["show", "--no-patch", "--format=%cI", sha, "--"];
            let shown = git_lines(run, &shown).await?;
            shown.last().and_then(|line| line.parse().ok())
        }
    };
    Ok(GitFacts {
        default_branch: run.default_branch(),
        pull_request: told
            .pull_request
            .or(pull_request.map(|pull_request| pull_request.number)),
        commit_date: committed,
        ..told
    })
}

/// Returns the lines that git prints; none where it refuses, or is not there.
async fn git_lines(run: &Run<'_, '_>, args: &[&str]) -> Result<Vec<String>, ExecuteError> {
    let masker = run.masker.borrow().clone();
    let git = Git {
        variables: &run.world.variables,
        masker: &masker,
    };
    let printed = git.line(&run.world.folder, args).await?;
    let printed = printed.unwrap_or_default();
    Ok(printed.lines().map(|line| line.trim().to_owned()).collect())
}

/// Applies the rules of an image.
pub(super) fn tags(
    run: &Run<'_, '_>,
    image: &Image,
    facts: &GitFacts,
) -> Result<ComputedTags, ExecuteError> {
    let rules = TagRules::parse(
        image.tags.as_deref().unwrap_or_default(),
        image.flavor.as_deref().unwrap_or_default(),
    );
    rules
        .and_then(|rules| rules.compute(facts, run.world.now()))
        .map_err(|error| refused(&error))
}

fn refused(error: &TagRulesError) -> ExecuteError {
    let failure = ExecuteError::task(error.kind(), error.to_string());
    match error.hint() {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}

/// Leaves each target the tags that may move there: `latest`, `1`, `1.2` only where no higher version is known to git or to the
/// registry. A registry that does not say its tags leaves them where they are.
pub(super) async fn settle(
    run: &Run<'_, '_>,
    registries: &[Registry],
    computed: &ComputedTags,
    targets: &mut [PublishTarget],
) -> Result<(), ExecuteError> {
    if targets.is_empty() || !computed.floats() {
        return Ok(());
    }
    let git = git_lines(run, &["tag", "--list"]).await?;
    let client = run.registry_client(registries)?.with_retries(RetryPolicy {
        attempts: TRIES,
        ..RetryPolicy::default()
    });
    for target in targets {
        let settled = computed.settle(&KnownTags {
            git: git.clone(),
            registry: listed(&client, &target.repository).await,
        });
        for left in settled.left {
            run.recorder.notice(&format!(
                "`{}:{}` stays where it is: {}",
                target.repository, left.tag, left.because
            ));
        }
        target.tags = settled.moves;
    }
    Ok(())
}

async fn listed(client: &RegistryClient, repository: &RepositoryName) -> RegistryTags {
    // With the right to push, as the push that follows asks for.
    let listed = match client.repository(repository, Access::Push) {
        Ok(repository) => repository.tags().await,
        Err(error) => Err(error),
    };
    match listed {
        Ok(tags) => RegistryTags::Listed(tags),
        // Nothing was pushed there yet.
        Err(ImageError::Missing { .. }) => RegistryTags::Listed(Vec::new()),
        Err(error) => RegistryTags::Silent {
            because: chain(&error),
        },
    }
}

/// Returns the tags that some target takes, in their order; all of them where nothing is pushed.
pub(super) fn taken(computed: &ComputedTags, targets: &[PublishTarget]) -> Vec<Tag> {
    let is_taken =
        |tag: &&Tag| targets.is_empty() || targets.iter().any(|target| target.tags.contains(tag));
    computed.tags.iter().filter(is_taken).cloned().collect()
}

/// What an image says of itself besides what it is made of.
pub(super) struct Words {
    pub(super) labels: BTreeMap<String, String>,
    pub(super) annotations: BTreeMap<String, String>,
}

impl From<bundle::Words> for Words {
    fn from(reviewed: bundle::Words) -> Self {
        Self {
            labels: reviewed.labels,
            annotations: reviewed.annotations,
        }
    }
}

impl Words {
    /// Reads the labels and annotations of an image.
    pub(super) fn of(
        run: &Run<'_, '_>,
        image: &Image,
        facts: &GitFacts,
    ) -> Result<Self, ExecuteError> {
        let (labels, annotations) = (image.labels.as_deref(), image.annotations.as_deref());
        Ok(Self {
            labels: lines(run, facts, TagInput::Labels, labels)?,
            annotations: lines(run, facts, TagInput::Annotations, annotations)?,
        })
    }
}

/// Reads lines `NAME=VALUE` with `{{…}}` in them, as docker/metadata-action does for labels and annotations. A line that is none
/// is an error: a plan is not silently less than it says.
fn lines(
    run: &Run<'_, '_>,
    facts: &GitFacts,
    input: TagInput,
    text: Option<&str>,
) -> Result<BTreeMap<String, String>, ExecuteError> {
    let text = text.unwrap_or_default();
    let labels = LabelLines::parse_as(Dialect::Ours, input, text)
        .and_then(|lines| lines.labels(&[], facts, run.world.now()))
        .map_err(|error| refused(&error))?;
    match labels.warnings.first() {
        None => Ok(labels.pairs().iter().cloned().collect()),
        Some(wrong) => Err(ExecuteError::task(FailureKind::Invalid, wrong.clone())
            .hint("write `NAME=VALUE`, one a line")),
    }
}
