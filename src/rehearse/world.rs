//! The GitHub world of a rehearsed run: what a runner would set, and what expressions would read.

use std::collections::BTreeMap;

use camino::Utf8Path;

use super::{Stage, contexts::Contexts};
use crate::{
    execute::{StandIns, stand_in},
    expression::{Map, Value},
};

/// An event that can be rehearsed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum RehearsedEvent {
    /// A push to the default branch, of merged pull request 1
    Push,
    /// A push of a tag
    Tag,
    /// What is started by hand
    Dispatch,
    /// Pull request 1, of this repository: a preview
    #[value(name = "pull_request")]
    PullRequest,
}

impl RehearsedEvent {
    /// Says what happened.
    pub fn words(self) -> &'static str {
        match self {
            Self::Push => "push to main, of merged pull request 1",
            Self::Tag => "push of tag v1.0.0",
            Self::Dispatch => "started by hand",
            Self::PullRequest => "pull request 1",
        }
    }
}

/// The branch of pull request 1.
pub(super) const HEAD_BRANCH: &str = "change";

/// The GitHub world of one run.
#[derive(Debug)]
pub struct GithubWorld<'g> {
    /// The stage.
    pub stage: &'g Stage,
    /// `OWNER/NAME`.
    pub repository: &'g str,
    /// The commit.
    pub sha: &'g str,
    /// The default branch.
    pub branch: &'g str,
    /// Address of the server, for links.
    pub server_url: &'g str,
    /// What happened.
    pub event: RehearsedEvent,
    /// Number of the run.
    pub run: u64,
    /// Name of the workflow.
    pub workflow: &'g str,
}

impl GithubWorld<'_> {
    fn event_name(&self) -> &'static str {
        match self.event {
            RehearsedEvent::Push | RehearsedEvent::Tag => "push",
            RehearsedEvent::Dispatch => "workflow_dispatch",
            RehearsedEvent::PullRequest => "pull_request",
        }
    }

    fn reference(&self) -> (String, &'static str, String) {
        match self.event {
            RehearsedEvent::Tag => ("refs/tags/v1.0.0".to_owned(), "tag", "v1.0.0".to_owned()),
            RehearsedEvent::PullRequest => (
                "refs/pull/1/merge".to_owned(),
                "branch",
                "1/merge".to_owned(),
            ),
            RehearsedEvent::Push | RehearsedEvent::Dispatch => (
                format!("refs/heads/{}", self.branch),
                "branch",
                self.branch.to_owned(),
            ),
        }
    }

    fn owner(&self) -> &str {
        self.repository.split('/').next().unwrap_or_default()
    }

    /// Returns the variables that a runner sets for every job.
    pub fn variables(&self, payload: &Utf8Path) -> BTreeMap<String, String> {
        let (reference, ref_type, ref_name) = self.reference();
        let pairs = [
            ("CI", "true".to_owned()),
            ("GITHUB_ACTIONS", "true".to_owned()),
            ("GITHUB_REPOSITORY", self.repository.to_owned()),
            ("GITHUB_REPOSITORY_OWNER", self.owner().to_owned()),
            ("GITHUB_SHA", self.sha.to_owned()),
            ("GITHUB_REF", reference),
            ("GITHUB_REF_TYPE", ref_type.to_owned()),
            ("GITHUB_REF_NAME", ref_name),
            ("GITHUB_EVENT_NAME", self.event_name().to_owned()),
            ("GITHUB_EVENT_PATH", payload.to_string()),
            ("GITHUB_RUN_ID", self.run.to_string()),
            ("GITHUB_RUN_NUMBER", "1".to_owned()),
            ("GITHUB_RUN_ATTEMPT", "1".to_owned()),
            ("GITHUB_WORKFLOW", self.workflow.to_owned()),
            ("GITHUB_ACTOR", "rehearsal".to_owned()),
            ("GITHUB_SERVER_URL", self.server_url.to_owned()),
            ("GITHUB_API_URL", self.stage.hub().api_url()),
            ("RUNNER_OS", "Linux".to_owned()),
            ("DEPLOY_ACTION_STATE", self.stage.state().to_string()),
            (stand_in::VARIABLE, self.stage.stand_ins_file().to_string()),
        ];
        let of_pull_request = [
            ("GITHUB_HEAD_REF", HEAD_BRANCH.to_owned()),
            ("GITHUB_BASE_REF", self.branch.to_owned()),
        ];
        let is_pull_request = self.event == RehearsedEvent::PullRequest;
        let of_pull_request = of_pull_request.into_iter().filter(|_| is_pull_request);
        pairs
            .into_iter()
            .chain(of_pull_request)
            .map(|(name, value)| (name.to_owned(), value))
            .collect()
    }

    /// Returns what the expressions of the workflow read. Inputs are there whatever the event: a person who rehearses
    /// gives them to the plan, and does not start a workflow by hand.
    pub fn contexts(&self, stand_ins: &StandIns, inputs: &BTreeMap<String, String>) -> Contexts {
        let (reference, ref_type, ref_name) = self.reference();
        let text = |value: &str| Value::from(value);
        let github: Map = [
            ("repository", text(self.repository)),
            ("repository_owner", text(self.owner())),
            ("sha", text(self.sha)),
            ("ref", text(&reference)),
            ("ref_type", text(ref_type)),
            ("ref_name", text(&ref_name)),
            ("event_name", text(self.event_name())),
            ("run_id", text(&self.run.to_string())),
            ("run_attempt", text("1")),
            ("actor", text("rehearsal")),
            ("token", Value::from(self.stage.token().expose())),
        ]
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect();
        let secrets: Map = stand_ins
            .secrets
            .iter()
            .map(|(name, value)| (name.clone(), Value::from(value.as_str())))
            .collect();
        let inputs: Map = inputs
            .iter()
            .map(|(name, value)| (name.clone(), Value::from(value.as_str())))
            .collect();
        let roots = [
            ("github", Value::Map(github)),
            ("secrets", Value::Map(secrets)),
            ("inputs", Value::Map(inputs)),
            ("vars", Value::Map(Map::new())),
        ];
        Contexts {
            roots: roots
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value))
                .collect(),
            ..Contexts::default()
        }
    }

    /// Returns the payload of the event, with the inputs that a person gave.
    pub fn payload(&self, inputs: &BTreeMap<String, String>) -> serde_json::Value {
        let repository =
            serde_json::json!({ "full_name": self.repository, "default_branch": self.branch });
        match self.event {
            RehearsedEvent::Push | RehearsedEvent::Tag => {
                serde_json::json!({ "repository": repository, "after": self.sha, "inputs": inputs })
            }
            RehearsedEvent::Dispatch => {
                serde_json::json!({ "repository": repository, "inputs": inputs })
            }
            RehearsedEvent::PullRequest => {
                let side = |name: &str| serde_json::json!({ "ref": name, "sha": self.sha, "repo": repository });
                serde_json::json!({
                    "repository": repository,
                    "action": "synchronize",
                    "number": 1,
                    "pull_request": {
                        "number": 1,
                        "title": "Deploy",
                        "state": "open",
                        "head": side(HEAD_BRANCH),
                        "base": side(self.branch),
                    },
                    "inputs": inputs,
                })
            }
        }
    }
}

/// What jobs get of this machine's environment: where programs are and how the network is reached, and nothing that could
/// be a credential.
pub fn inherited(variables: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    const NAMES: &[&str] = &[
        "PATH",
        "HOME",
        "USER",
        "LOGNAME",
        "LANG",
        "TZ",
        "TMPDIR",
        "CARGO_HOME",
        "RUSTUP_HOME",
        "RUSTUP_TOOLCHAIN",
        "XDG_CACHE_HOME",
        "XDG_CONFIG_HOME",
        "XDG_RUNTIME_DIR",
        "DOCKER_HOST",
        "SSL_CERT_FILE",
        "SSL_CERT_DIR",
        "http_proxy",
        "https_proxy",
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "GOPROXY",
        "GOMODCACHE",
        "CARGO_NET_GIT_FETCH_WITH_CLI",
        "CARGO_HTTP_CAINFO",
        "GIT_CONFIG_GLOBAL",
        "GIT_CONFIG_NOSYSTEM",
    ];
    let is_cargo_source = |name: &str| {
        name.starts_with("CARGO_REGISTRIES_") && name.ends_with("_INDEX")
            || name.starts_with("CARGO_SOURCE_")
    };
    let kept = variables
        .iter()
        .filter(|(name, _)| NAMES.contains(&name.as_str()) || is_cargo_source(name));
    let mut kept: BTreeMap<String, String> = kept
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    // The stand-ins are on this machine, and no proxy leads there.
    let direct = variables.get("NO_PROXY").or(variables.get("no_proxy"));
    let direct = direct.filter(|list| !list.is_empty());
    let direct = direct.map(|list| format!("{list},")).unwrap_or_default();
    kept.insert(
        "NO_PROXY".to_owned(),
        format!("{direct}127.0.0.1,localhost"),
    );
    kept
}
