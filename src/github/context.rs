//! What a runner tells a job by its environment, read once.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use camino::Utf8PathBuf;

use super::{GitFacts, InvalidRepository, Repository, TriggerEvent, git};
use crate::{event::FailureKind, expression::Value, ident::RunId, secret::Secret};

/// Everything that is read of the environment of a job; outside of a runner what git knows takes its place.
///
/// A variable that is set to nothing counts as not set, as GitHub sets `GITHUB_HEAD_REF` where there is none.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RunnerContext {
    /// `GITHUB_ACTIONS`: `true` on a runner and nowhere else.
    pub on_actions: bool,
    /// `GITHUB_REPOSITORY`: the repository whose workflow runs.
    pub repository: Option<Repository>,
    /// What is deployed.
    pub revision: Revision,
    /// The event that started the workflow.
    pub event: TriggerEvent,
    /// The run of the workflow; `None` outside of a runner.
    pub run: Option<WorkflowRun>,
    /// Where GitHub is.
    pub servers: Servers,
    /// The files by which a step speaks to its runner.
    pub files: RunnerFiles,
    /// Folders of the runner.
    pub folders: Folders,
    /// `RUNNER_DEBUG`: `1` where somebody repeats a job with debug logging.
    pub debug: bool,
    /// `GITHUB_TOKEN`, else `GH_TOKEN`: the token for the REST API.
    pub token: Option<Secret>,
}

/// What is deployed, by git.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Revision {
    /// `GITHUB_SHA`: the commit; for a pull request the merge commit that was made for the check.
    pub sha: Option<String>,
    /// `GITHUB_REF`: the full name, as `refs/heads/main`.
    pub full_ref: Option<String>,
    /// `GITHUB_REF_NAME`: the short name, as `main`.
    pub ref_name: Option<String>,
    /// `GITHUB_REF_TYPE`: what the name names.
    pub ref_type: Option<RefType>,
    /// `GITHUB_HEAD_REF`: the branch of a pull request.
    pub head_ref: Option<String>,
    /// `GITHUB_BASE_REF`: the branch that it would be merged into.
    pub base_ref: Option<String>,
}

/// What a ref names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RefType {
    /// A branch.
    Branch,
    /// A tag.
    Tag,
}

/// A run of a workflow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkflowRun {
    /// `GITHUB_RUN_ID`: the same for all attempts.
    pub id: u64,
    /// `GITHUB_RUN_ATTEMPT`: 1, and one more with each repetition.
    pub attempt: u32,
    /// `GITHUB_JOB`: the id of the job in the workflow file.
    pub job: Option<String>,
}

/// Where GitHub is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Servers {
    /// `GITHUB_SERVER_URL`: for people, without a slash at its end.
    pub server_url: String,
    /// `GITHUB_API_URL`: for programs, without a slash at its end.
    pub api_url: String,
}

/// The files by which a step speaks to its runner.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RunnerFiles {
    /// `GITHUB_OUTPUT`: receives outputs of the step.
    pub output: Option<Utf8PathBuf>,
    /// `GITHUB_ENV`: receives variables for the steps that follow.
    pub env: Option<Utf8PathBuf>,
    /// `GITHUB_STEP_SUMMARY`: receives the Markdown summary of the step.
    pub step_summary: Option<Utf8PathBuf>,
}

/// Folders of the runner.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Folders {
    /// `GITHUB_WORKSPACE`: the work tree.
    pub workspace: Option<Utf8PathBuf>,
    /// `RUNNER_TEMP`: emptied before and after each job.
    pub temp: Option<Utf8PathBuf>,
    /// `RUNNER_TOOL_CACHE`: where tools are kept between jobs.
    pub tool_cache: Option<Utf8PathBuf>,
}

/// The environment says something that cannot be.
#[derive(Debug, thiserror::Error)]
pub enum ContextError {
    /// The repository is not `OWNER/NAME`.
    #[error("`GITHUB_REPOSITORY` is wrong")]
    Repository(#[source] InvalidRepository),
    /// A number is none.
    #[error("`{variable}` is `{value}`, which is not a number")]
    Number {
        /// The variable.
        variable: &'static str,
        /// What it holds.
        value: String,
    },
    /// The file of the event cannot be read.
    #[error("the event file `{path}` cannot be read")]
    EventUnreadable {
        /// The file that `GITHUB_EVENT_PATH` names.
        path: Utf8PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The file of the event holds no JSON.
    #[error("the event file `{path}` is not JSON")]
    EventMalformed {
        /// The file that `GITHUB_EVENT_PATH` names.
        path: Utf8PathBuf,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
}

impl ContextError {
    /// Returns the class of the failure.
    pub fn kind(&self) -> FailureKind {
        FailureKind::Invalid
    }
}

impl Default for Servers {
    fn default() -> Self {
        Self {
            server_url: "https://github.com".to_owned(),
            api_url: "https://api.github.com".to_owned(),
        }
    }
}

impl Servers {
    /// Returns the addresses of the GitHub that lives at a host: `github.com`, or a GitHub Enterprise Server.
    pub(super) fn of_host(host: &str) -> Self {
        if host.eq_ignore_ascii_case("github.com") || host.eq_ignore_ascii_case("ssh.github.com") {
            return Self::default();
        }
        Self {
            server_url: format!("https://{host}"),
            api_url: format!("https://{host}/api/v3"),
        }
    }
}

impl RunnerContext {
    /// Reads the variables of a runner, and the event file that they name.
    ///
    /// # Errors
    ///
    /// Fails where a variable holds what it cannot, and where the event file is missing or no JSON.
    pub fn read(variables: &BTreeMap<String, String>) -> Result<Self, ContextError> {
        let variables = Variables(variables);
        let repository = variables.text("GITHUB_REPOSITORY").map(|text| text.parse());
        Ok(Self {
            on_actions: variables.get("GITHUB_ACTIONS") == Some("true"),
            repository: repository.transpose().map_err(ContextError::Repository)?,
            revision: variables.revision(),
            event: TriggerEvent {
                actor: variables.text("GITHUB_ACTOR"),
                ..variables.event()?
            },
            run: variables.run()?,
            servers: variables.servers(),
            files: RunnerFiles {
                output: variables.path("GITHUB_OUTPUT"),
                env: variables.path("GITHUB_ENV"),
                step_summary: variables.path("GITHUB_STEP_SUMMARY"),
            },
            folders: Folders {
                workspace: variables.path("GITHUB_WORKSPACE"),
                temp: variables.path("RUNNER_TEMP"),
                tool_cache: variables.path("RUNNER_TOOL_CACHE"),
            },
            debug: variables.get("RUNNER_DEBUG") == Some("1"),
            token: variables
                .get("GITHUB_TOKEN")
                .or_else(|| variables.get("GH_TOKEN"))
                .map(Secret::new),
        })
    }

    /// Fills what no variable told with what git knows. On a runner nothing is changed.
    #[must_use]
    pub fn or_from_git(mut self, facts: GitFacts) -> Self {
        if self.on_actions {
            return self;
        }
        if let Some(remote) = facts.remote.as_deref().and_then(git::remote)
            && self.repository.is_none()
        {
            self.repository = Some(remote.repository);
            // Only a remote at another host contradicts the addresses that everybody has.
            if self.servers == Servers::default() {
                self.servers = remote.servers;
            }
        }
        let revision = &mut self.revision;
        if revision.sha.is_none() {
            revision.sha = facts.commit;
        }
        if revision.full_ref.is_none() {
            let named = facts.branch.map(|name| (RefType::Branch, name));
            if let Some((ref_type, name)) = named.or(facts.tag.map(|name| (RefType::Tag, name))) {
                revision.full_ref = Some(ref_type.full_ref(&name));
                revision.ref_type = Some(ref_type);
                revision.ref_name = Some(name);
            }
        }
        if self.folders.workspace.is_none() {
            self.folders.workspace = facts.top.map(Utf8PathBuf::from);
        }
        self
    }

    /// Returns the owner of the repository (`GITHUB_REPOSITORY_OWNER` is the same).
    pub fn repository_owner(&self) -> Option<&str> {
        self.repository.as_ref().map(Repository::owner)
    }

    /// Returns the page of the run, of this very attempt if it is a repetition.
    pub fn run_url(&self) -> Option<String> {
        let run = self.run.as_ref()?;
        let repository = self.repository.as_ref()?;
        let server = &self.servers.server_url;
        let mut url = format!("{server}/{repository}/actions/runs/{}", run.id);
        if run.attempt > 1 {
            url.push_str(&format!("/attempts/{}", run.attempt));
        }
        Some(url)
    }

    /// Returns the identifier that all jobs of the run share, the same for all attempts; `None` outside of a runner.
    pub fn run_id(&self) -> Option<RunId> {
        self.run.as_ref().map(|run| RunId::new(run.id.to_string()))
    }

    /// Returns the commit that people look at: the newest one of a pull request rather than the merge commit that was made to
    /// check it. A status on any other commit is seen by nobody.
    pub fn visible_sha(&self) -> Option<&str> {
        let pull_request = self.event.pull_request.as_ref();
        pull_request
            .and_then(|pull_request| pull_request.head_sha.as_deref())
            .or(self.revision.sha.as_deref())
    }
}

impl RefType {
    /// Returns the word that GitHub uses.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Branch => "branch",
            Self::Tag => "tag",
        }
    }

    fn full_ref(self, name: &str) -> String {
        match self {
            Self::Branch => format!("refs/heads/{name}"),
            Self::Tag => format!("refs/tags/{name}"),
        }
    }
}

/// Variables by name; an empty one does not exist.
struct Variables<'v>(&'v BTreeMap<String, String>);

impl Variables<'_> {
    fn get(&self, name: &str) -> Option<&str> {
        let value = self.0.get(name).map(String::as_str);
        value.filter(|value| !value.is_empty())
    }

    fn text(&self, name: &str) -> Option<String> {
        self.get(name).map(str::to_owned)
    }

    fn path(&self, name: &str) -> Option<Utf8PathBuf> {
        self.get(name).map(Utf8PathBuf::from)
    }

    fn number<N: std::str::FromStr>(
        &self,
        variable: &'static str,
    ) -> Result<Option<N>, ContextError> {
        let parse = |value: &str| match value.parse() {
            Ok(number) => Ok(number),
            Err(_) => Err(ContextError::Number {
                variable,
                value: value.to_owned(),
            }),
        };
        self.get(variable).map(parse).transpose()
    }

    fn revision(&self) -> Revision {
        Revision {
            sha: self.text("GITHUB_SHA"),
            full_ref: self.text("GITHUB_REF"),
            ref_name: self.text("GITHUB_REF_NAME"),
            ref_type: match self.get("GITHUB_REF_TYPE") {
                Some("branch") => Some(RefType::Branch),
                Some("tag") => Some(RefType::Tag),
                Some(_) | None => None,
            },
            head_ref: self.text("GITHUB_HEAD_REF"),
            base_ref: self.text("GITHUB_BASE_REF"),
        }
    }

    fn run(&self) -> Result<Option<WorkflowRun>, ContextError> {
        let Some(id) = self.number("GITHUB_RUN_ID")? else {
            return Ok(None);
        };
        Ok(Some(WorkflowRun {
            id,
            attempt: self.number("GITHUB_RUN_ATTEMPT")?.unwrap_or(1),
            job: self.text("GITHUB_JOB"),
        }))
    }

    fn servers(&self) -> Servers {
        let usual = Servers::default();
        let address = |name: &str, usual: String| match self.get(name) {
            Some(address) => address.trim_end_matches('/').to_owned(),
            None => usual,
        };
        Servers {
            server_url: address("GITHUB_SERVER_URL", usual.server_url),
            api_url: address("GITHUB_API_URL", usual.api_url),
        }
    }

    fn event(&self) -> Result<TriggerEvent, ContextError> {
        let Some(name) = self.get("GITHUB_EVENT_NAME") else {
            return Ok(TriggerEvent::default());
        };
        let Some(path) = self.path("GITHUB_EVENT_PATH") else {
            return Ok(TriggerEvent::new(name, Value::Null));
        };
        let bytes = match std::fs::read(&path) {
            Ok(bytes) => bytes,
            Err(source) => return Err(ContextError::EventUnreadable { path, source }),
        };
        match serde_json::from_slice(&bytes) {
            Ok(payload) => Ok(TriggerEvent::new(name, payload)),
            Err(source) => Err(ContextError::EventMalformed { path, source }),
        }
    }
}
