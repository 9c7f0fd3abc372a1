//! What a job is given: secrets by name, permissions of its token, an environment.

use std::collections::{BTreeMap, BTreeSet};

use super::{WorkflowError, model::Permission};
use crate::{
    graph::{Node, TaskGraph},
    ident::{EnvironmentName, Name},
    plan::{
        Plan, Task, connections_of,
        field::Field,
        kind::image::asks_for_signature,
        model::{CheckKind, ConnectionKind, Kind},
    },
};

/// Whether an environment has reviewers.
pub fn has_reviewers(plan: &Plan, environment: Option<&EnvironmentName>) -> bool {
    environment
        .and_then(|name| plan.environments.get(name))
        .is_some_and(|environment| !environment.reviewers.is_empty())
}

/// Whether a task waits for the approval of its phase: it changes something, or a person is to confirm it.
pub fn is_approved(plan: &Plan, node: &Node<'_>) -> bool {
    has_reviewers(plan, node.key.environment.as_ref())
        && (node.task.changes || asks_confirmation(node.task))
}

/// Whether a task is a gate that a person confirms.
pub fn asks_confirmation(task: &Task) -> bool {
    task.kind == Kind::Gate && task.body.get("confirm").is_some()
}

/// Names the secrets that a task reads, also through connections, and the key of what is sealed to it.
///
/// # Errors
///
/// A name that GitHub does not take.
pub fn secrets(graph: &TaskGraph<'_>, node: &Node<'_>) -> Result<BTreeSet<Name>, WorkflowError> {
    let plan = graph.plan();
    let mut found = BTreeSet::new();
    for index in asked_states(graph, node) {
        let maker = &graph.nodes()[index];
        found.extend(own_secrets(plan, maker.task));
        found.extend(keys(graph, maker));
    }
    found.extend(own_secrets(plan, node.task));
    found.extend(keys(graph, node));
    match found.iter().find(|name| !is_secret_name(name.as_str())) {
        Some(name) => Err(WorkflowError::SecretName(name.to_string())),
        None => Ok(found),
    }
}

fn own_secrets<'p>(plan: &'p Plan, task: &'p Task) -> impl Iterator<Item = Name> + 'p {
    let read = task
        .reads
        .iter()
        .filter(|read| read.reference.root == "secrets");
    read.filter_map(|read| read.reference.names().first()?.parse().ok())
        .filter(|name| is_held_by_github(plan, name))
}

/// The terraform tasks into whose states a job looks for a task, directly or for another of them: by a check, or for an output
/// that may be secret and that no key opens.
fn asked_states(graph: &TaskGraph<'_>, node: &Node<'_>) -> BTreeSet<usize> {
    let (mut found, mut open) = (BTreeSet::new(), states_of(graph, node));
    while let Some(index) = open.pop() {
        if found.insert(index) {
            open.extend(states_of(graph, &graph.nodes()[index]));
        }
    }
    found
}

fn states_of(graph: &TaskGraph<'_>, node: &Node<'_>) -> Vec<usize> {
    let plan = graph.plan();
    let environment = node.key.environment.as_ref();
    let looked = node.task.all_checks().filter_map(|check| {
        let task = check.body.get("task").and_then(Field::literal);
        task.filter(|_| check.kind == CheckKind::Terraform)
    });
    let has_key = |index: usize| {
        let environment = graph.nodes()[index].key.environment.as_ref();
        let environment = environment.and_then(|name| plan.environments.get(name));
        environment.is_some_and(|environment| environment.key.is_some())
    };
    let of_task = |id: &str| match id.parse() {
        Ok(id) => graph.resolve(&id, environment),
        Err(_) => Vec::new(),
    };
    let mut found: Vec<usize> = looked.flat_map(|id| of_task(&id)).collect();
    for read in &node.task.reads {
        if let ("tasks", [id, "outputs", ..]) = (
            read.reference.root.as_str(),
            read.reference.names().as_slice(),
        ) {
            found.extend(of_task(id).into_iter().filter(|&index| !has_key(index)));
        }
    }
    found.retain(|&index| graph.nodes()[index].task.kind == Kind::Terraform);
    found
}

/// A secret with a source behind a connection is read from there.
fn is_held_by_github(plan: &Plan, name: &Name) -> bool {
    plan.secrets
        .get(name)
        .is_none_or(|source| source.google.is_none() && source.kubernetes.is_none())
}

/// GitHub's rule for names of secrets.
fn is_secret_name(name: &str) -> bool {
    let starts_well = name.starts_with(|first: char| first.is_ascii_uppercase() || first == '_');
    let known = name
        .bytes()
        .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_');
    starts_well && known && !name.starts_with("GITHUB_")
}

/// The keys that open what the task reads and what may be sealed: declared as sensitive, or of terraform, which alone knows.
fn keys<'g>(graph: &'g TaskGraph<'_>, node: &'g Node<'_>) -> impl Iterator<Item = Name> + 'g {
    let plan = graph.plan();
    let tasks = node
        .task
        .reads
        .iter()
        .filter(|read| read.reference.root == "tasks");
    tasks.filter_map(move |read| {
        let names = read.reference.names();
        let (id, what, output) = (names.first()?.parse().ok()?, names.get(1), names.get(2));
        let producer = *graph.resolve(&id, node.key.environment.as_ref()).first()?;
        let producer = &graph.nodes()[producer];
        let task = producer.task;
        let sealed = match (what.copied(), output) {
            (Some("artifacts"), Some(name)) => task
                .artifacts
                .get(*name)
                .is_some_and(|artifact| artifact.sensitive),
            (_, Some(name)) => task
                .outputs
                .get(*name)
                .map_or(task.kind == Kind::Terraform, |declared| declared.sensitive),
            (_, None) => {
                task.kind == Kind::Terraform
                    || task.outputs.values().any(|declared| declared.sensitive)
            }
        };
        let environment = producer.key.environment.as_ref().filter(|_| sealed)?;
        plan.environments.get(environment)?.key.clone()
    })
}

/// What the token of a job may do, with what each is needed for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Permissions(BTreeMap<String, (Level, &'static str)>);

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Level {
    Read,
    Write,
}

impl Permissions {
    /// Reads the repository.
    pub fn reading() -> Self {
        let mut permissions = Self::default();
        permissions.read("contents", "check out the repository");
        permissions
    }

    /// Adds reading.
    pub fn read(&mut self, scope: &str, why: &'static str) {
        self.grant(scope, Level::Read, why);
    }

    /// Adds writing, which reads too.
    pub fn write(&mut self, scope: &str, why: &'static str) {
        self.grant(scope, Level::Write, why);
    }

    fn grant(&mut self, scope: &str, level: Level, why: &'static str) {
        let held = self.0.entry(scope.to_owned()).or_insert((level, why));
        if held.0 < level {
            *held = (level, why);
        }
    }

    /// Adds what the tasks of a job need.
    pub fn add_task(&mut self, plan: &Plan, node: &Node<'_>) {
        let task = node.task;
        self.write("contents", "push the ledger's records to their ref");
        if is_approved(plan, node) {
            self.read("actions", "ask for the approvals of this run");
        }
        let connections = connections_used(plan, task);
        let connected = |kind: ConnectionKind| {
            connections.iter().any(|name| {
                plan.connections
                    .get(name)
                    .is_some_and(|connection| connection.kind == kind)
            })
        };
        if connected(ConnectionKind::Google) {
            self.write("id-token", "log in to Google Cloud without a key");
        }
        // A rendered workflow hands a key to no job, so that the job itself signs.
        if asks_for_signature(task) {
            self.write("id-token", "sign images as this job, without a key");
        }
        if pushes_to(task).iter().any(|name| is_ghcr(plan, name)) {
            self.write("packages", "push to ghcr.io");
        } else if reads_images(task) && plan.connections.keys().any(|name| is_ghcr(plan, name)) {
            self.read("packages", "read images on ghcr.io");
        }
        if task.kind == Kind::Run {
            for (scope, level) in task
                .body
                .get("permissions")
                .and_then(Field::entries)
                .into_iter()
                .flatten()
            {
                match level.literal().as_deref() {
                    Some("write") => self.write(scope, "the task's own `permissions`"),
                    Some("read") => self.read(scope, "the task's own `permissions`"),
                    _ => {}
                }
            }
        }
    }

    /// Returns them by scope.
    pub fn into_list(self) -> Vec<Permission> {
        let list = self.0.into_iter().map(|(scope, (level, why))| Permission {
            scope,
            level: match level {
                Level::Read => "read",
                Level::Write => "write",
            }
            .to_owned(),
            why: why.to_owned(),
        });
        list.collect()
    }
}

fn pushes_to(task: &Task) -> Vec<Name> {
    let fields = task
        .body
        .get("push")
        .filter(|_| task.kind == Kind::Image)
        .map_or(&[][..], Field::items);
    fields
        .iter()
        .filter_map(|field| field.literal()?.parse().ok())
        .collect()
}

fn is_ghcr(plan: &Plan, name: &Name) -> bool {
    let host = plan
        .connections
        .get(name)
        .filter(|connection| connection.kind == ConnectionKind::Registry);
    host.and_then(|connection| connection.body.get("host")?.literal())
        .is_some_and(|host| host == "ghcr.io")
}

fn reads_images(task: &Task) -> bool {
    let copied = task.body.get("copy").is_some()
        || task
            .body
            .get("assemble")
            .is_some_and(|assemble| assemble.get("base").is_some());
    copied
        || task
            .all_checks()
            .any(|check| matches!(check.kind, CheckKind::Image | CheckKind::Container))
}

/// The connections of a task, with those that they and its secrets lead through.
fn connections_used(plan: &Plan, task: &Task) -> BTreeSet<Name> {
    let secrets = task
        .reads
        .iter()
        .filter(|read| read.reference.root == "secrets");
    let through_secrets = secrets.filter_map(|read| {
        plan.secrets
            .get(*read.reference.names().first()?)?
            .connection
            .clone()
    });
    let mut open: Vec<Name> = connections_of(task)
        .into_iter()
        .chain(through_secrets)
        .collect();
    let mut seen = BTreeSet::new();
    while let Some(name) = open.pop() {
        let Some(connection) = plan
            .connections
            .get(&name)
            .filter(|_| seen.insert(name.clone()))
        else {
            continue;
        };
        for key in ["login", "from"] {
            let inner = connection.body.get(key).map_or(&[][..], Field::items);
            open.extend(
                inner
                    .iter()
                    .filter_map(|field| field.literal()?.parse::<Name>().ok()),
            );
        }
    }
    seen
}
