//! What GitHub has to hold: environments, reviewers, secrets, variables; with the commands that set it up.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Patient,
    finding::{Area, Finding, Report},
};
use crate::{
    graph::TaskGraph,
    ident::{EnvironmentName, Name},
    plan::{Plan, field::Field},
    workflow::{Permissions, approval_environment, secrets},
};

/// Names what has to be there, with the commands that make it.
pub(super) fn examine(patient: &Patient<'_>, report: &mut Report, online: bool) {
    let Some(graph) = patient.graph else {
        return;
    };
    let repository = repository(patient);
    if patient.runner.repository.is_none() {
        report.add(
            Finding::note(
                Area::GitHub,
                "repository",
                "no remote `origin` tells which it is",
            )
            .expected("a clone of a repository on GitHub; the commands below say OWNER/REPOSITORY")
            .next("git remote add origin https://github.com/OWNER/REPOSITORY"),
        );
    }
    report.add(permissions(graph));
    if online && patient.runner.token.is_some() && patient.runner.repository.is_some() {
        return;
    }
    let wanted = Wanted::of(graph);
    let ask = "not asked; these commands set it up";
    for name in graph.plan().environments.keys() {
        let mut finding = Finding::not_asked(Area::GitHub, format!("environment {name}"), ask);
        for command in environment_commands(graph.plan(), name, &repository) {
            finding = finding.next(command);
        }
        report.add(finding);
        if let Some(commands) = approval_commands(graph.plan(), name, &repository) {
            let what = format!("environment {}", approval_environment(name));
            let mut finding = Finding::not_asked(Area::GitHub, what, ask);
            for command in commands {
                finding = finding.next(command);
            }
            report.add(finding);
        }
    }
    for (environment, name) in &wanted.secrets {
        let what = secret_what(environment.as_ref(), name);
        let command = secret_command(graph.plan(), environment.as_ref(), name, &repository);
        report.add(Finding::not_asked(Area::GitHub, what, ask).next(command));
    }
    for name in &wanted.variables {
        let command = format!(
            "gh api --method POST repos/{repository}/actions/variables -f name={name} -f value=VALUE"
        );
        report.add(Finding::not_asked(Area::GitHub, format!("variable {name}"), ask).next(command));
    }
}

/// The repository as commands name it.
pub(super) fn repository(patient: &Patient<'_>) -> String {
    match &patient.runner.repository {
        Some(repository) => repository.to_string(),
        None => "OWNER/REPOSITORY".to_owned(),
    }
}

pub(super) fn secret_what(environment: Option<&EnvironmentName>, name: &Name) -> String {
    match environment {
        Some(environment) => format!("secret {name} of environment {environment}"),
        None => format!("secret {name} of the repository"),
    }
}

/// What the jobs of the plan read on GitHub.
#[derive(Debug, Default)]
pub(super) struct Wanted {
    /// Secrets, by the environment that holds them; those of shared tasks by none.
    pub(super) secrets: BTreeSet<(Option<EnvironmentName>, Name)>,
    /// Variables of the repository.
    variables: BTreeSet<String>,
}

impl Wanted {
    pub(super) fn of(graph: &TaskGraph<'_>) -> Self {
        let mut wanted = Self::default();
        for node in graph.nodes() {
            // A name that GitHub does not take is an error of `render`, which says so.
            for name in secrets(graph, node).unwrap_or_default() {
                wanted.secrets.insert((node.key.environment.clone(), name));
            }
        }
        let plan = graph.plan();
        let defaults = plan
            .inputs
            .values()
            .filter_map(|input| input.default.as_ref());
        let overridden = plan
            .environments
            .values()
            .flat_map(|environment| environment.inputs.values());
        for field in defaults.chain(overridden) {
            wanted.variables.extend(variables(field));
        }
        wanted
    }
}

fn variables(field: &Field) -> Vec<String> {
    let mut found = Vec::new();
    field.expressions(&mut |expression| {
        for reference in expression.references() {
            if reference.root == "vars" {
                found.extend(reference.names().first().map(|name| (*name).to_owned()));
            }
        }
    });
    found
}

/// What the tokens of the rendered jobs are given; the files ask for it job by job.
fn permissions(graph: &TaskGraph<'_>) -> Finding {
    let mut union: BTreeMap<String, String> = BTreeMap::new();
    for node in graph.nodes() {
        let mut permissions = Permissions::reading();
        permissions.add_task(graph.plan(), node);
        for permission in permissions.into_list() {
            let level = union.entry(permission.scope).or_default();
            if permission.level == "write" || level.is_empty() {
                *level = permission.level;
            }
        }
    }
    let list: Vec<String> = union
        .iter()
        .map(|(scope, level)| format!("{scope}: {level}"))
        .collect();
    Finding::ok(
        Area::GitHub,
        "permissions",
        format!("the rendered jobs ask for {}", list.join(", ")),
    )
}

/// Makes the environment that holds the secrets: only the default branch, and tags where a workflow runs on them.
pub(super) fn environment_commands(
    plan: &Plan,
    name: &EnvironmentName,
    repository: &str,
) -> Vec<String> {
    let route = format!("repos/{repository}/environments/{name}");
    let policies = format!("gh api --method POST {route}/deployment-branch-policies");
    let mut commands = vec![
        format!(
            "echo '{{\"deployment_branch_policy\":{{\"protected_branches\":false,\"custom_branch_policies\":true}}}}' \
             | gh api --method PUT {route} --input -"
        ),
        format!(
            "{policies} -f type=branch -f name=\"$(gh api repos/{repository} --jq .default_branch)\""
        ),
    ];
    let on_tags = plan.workflows.values().any(|workflow| {
        workflow.on.pointer("/push/tags").is_some() || workflow.on.get("release").is_some()
    });
    if on_tags {
        commands.push(format!("{policies} -f type=tag -f name='*'"));
    }
    commands
}

/// Makes the environment that only the gate job uses, where the plan names reviewers.
pub(super) fn approval_commands(
    plan: &Plan,
    name: &EnvironmentName,
    repository: &str,
) -> Option<Vec<String>> {
    let reviewers = &plan.environments.get(name)?.reviewers;
    if reviewers.is_empty() {
        return None;
    }
    let (mut entries, mut ids) = (Vec::new(), String::new());
    for reviewer in reviewers {
        let name = reviewer.trim_start_matches('@');
        let (kind, route) = match name.split_once('/') {
            Some((organisation, team)) => ("Team", format!("orgs/{organisation}/teams/{team}")),
            None => ("User", format!("users/{name}")),
        };
        entries.push(format!("{{\"type\":\"{kind}\",\"id\":%s}}"));
        ids.push_str(&format!(" \"$(gh api {route} --jq .id)\""));
    }
    let approval = approval_environment(name);
    Some(vec![format!(
        "printf '{{\"reviewers\":[{}]}}'{ids} | gh api --method PUT repos/{repository}/environments/{approval} --input -",
        entries.join(",")
    )])
}

/// Sets a secret: from its file where the plan names one, else `gh` asks for it.
pub(super) fn secret_command(
    plan: &Plan,
    environment: Option<&EnvironmentName>,
    name: &Name,
    repository: &str,
) -> String {
    let of = environment
        .map(|name| format!(" --env {name}"))
        .unwrap_or_default();
    let from = plan
        .secrets
        .get(name)
        .and_then(|source| source.file.as_ref())
        .map(|file| format!(" < '{}'", file.as_str().replace('\'', r"'\''")))
        .unwrap_or_default();
    format!("gh secret set {name}{of} --repo {repository}{from}")
}
