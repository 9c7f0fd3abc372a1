//! How an image was made (SLSA provenance v1).

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

use super::{AttestationError, Statement, Subject};
use crate::digest::Digest;

/// The kind of claim.
pub const PREDICATE: &str = "https://slsa.dev/provenance/v1";
/// How the parameters are to be read: `docs/attestations.md`.
const BUILD_TYPE: &str =
    "https://github.com/org/deploy-action/blob/main/docs/attestations.md#build-v1";

/// A run, as far as a provenance tells of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunFacts {
    /// Who ran it.
    pub builder: Builder,
    /// The workflow: repository, path of its file and ref, as the event named them.
    pub workflow: Option<(String, String, String)>,
    /// The plan's file, from the top of the repository.
    pub plan: String,
    /// The task that made the image.
    pub task: String,
    /// For which environment, where it was for one.
    pub environment: Option<String>,
    /// The event that started the run.
    pub event: Option<String>,
    /// Address of the repository and commit.
    pub source: Option<(String, String)>,
    /// What else went into the image.
    pub inputs: Vec<Input>,
    /// Names the run, and the try of it.
    pub invocation: String,
    /// When the task began.
    pub started: Timestamp,
    /// When the image was made.
    pub finished: Timestamp,
}

/// Who ran it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Builder {
    /// The workflow, as GitHub signs it for its jobs; or that it was no job.
    pub id: String,
}

/// Something that went into an image, by its content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Input {
    /// What it is called.
    pub name: String,
    /// Its digest.
    pub digest: Digest,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Provenance<'a> {
    build_definition: BuildDefinition<'a>,
    run_details: RunDetails<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct BuildDefinition<'a> {
    build_type: &'static str,
    external_parameters: Parameters<'a>,
    internal_parameters: BTreeMap<&'static str, &'a str>,
    resolved_dependencies: Vec<Resource<'a>>,
}

#[derive(Serialize)]
struct Parameters<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    workflow: Option<Workflow<'a>>,
    plan: &'a str,
    task: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    environment: Option<&'a str>,
}

#[derive(Serialize)]
struct Workflow<'a> {
    repository: &'a str,
    path: &'a str,
    r#ref: &'a str,
}

#[derive(Serialize)]
struct Resource<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    uri: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    digest: BTreeMap<&'static str, String>,
}

#[derive(Serialize)]
struct RunDetails<'a> {
    builder: BuilderEntry<'a>,
    metadata: Metadata<'a>,
}

#[derive(Serialize)]
struct BuilderEntry<'a> {
    id: &'a str,
    version: BTreeMap<&'static str, &'static str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Metadata<'a> {
    invocation_id: &'a str,
    started_on: String,
    finished_on: String,
}

/// States how the subjects were made.
///
/// # Errors
/// If a value cannot be written as JSON.
pub fn provenance(subjects: &[Subject], facts: &RunFacts) -> Result<Statement, AttestationError> {
    let event = facts.event.as_deref().map(|event| ("event", event));
    let provenance = Provenance {
        build_definition: BuildDefinition {
            build_type: BUILD_TYPE,
            external_parameters: Parameters {
                workflow: facts
                    .workflow
                    .as_ref()
                    .map(|(repository, path, reference)| Workflow {
                        repository,
                        path,
                        r#ref: reference,
                    }),
                plan: &facts.plan,
                task: &facts.task,
                environment: facts.environment.as_deref(),
            },
            internal_parameters: event.into_iter().collect(),
            resolved_dependencies: resources(facts),
        },
        run_details: RunDetails {
            builder: BuilderEntry {
                id: &facts.builder.id,
                version: BTreeMap::from([("deploy-action", env!("CARGO_PKG_VERSION"))]),
            },
            metadata: Metadata {
                invocation_id: &facts.invocation,
                started_on: time(facts.started),
                finished_on: time(facts.finished),
            },
        },
    };
    Statement::write(subjects, PREDICATE, &provenance)
}

fn resources(facts: &RunFacts) -> Vec<Resource<'_>> {
    let source = facts.source.iter().map(|(uri, commit)| Resource {
        uri: Some(uri.clone()),
        name: None,
        digest: BTreeMap::from([("gitCommit", commit.clone())]),
    });
    let inputs = facts.inputs.iter().map(|input| Resource {
        uri: None,
        name: Some(&input.name),
        digest: BTreeMap::from([("sha256", input.digest.hex())]),
    });
    source.chain(inputs).collect()
}

fn time(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
