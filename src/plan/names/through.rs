//! What a task reads through the connections, secrets and decisions that it uses.

use std::collections::{HashMap, HashSet};

use crate::{
    diagnostic::{Diagnostic, Diagnostics, Span},
    ident::Name,
    plan::{
        field::Field,
        model::{Check, Parts, Read, Task},
    },
};

/// Adds to each task what it reads through others, and reports shared tasks that so come to depend on an environment.
pub fn follow(parts: &mut Parts, problems: &mut Diagnostics) {
    let overridden: HashSet<String> = parts
        .environments
        .values()
        .flat_map(|environment| {
            environment
                .inputs
                .keys()
                .map(|name| name.as_str().to_owned())
        })
        .collect();
    let mut known: HashMap<Name, Vec<Read>> = HashMap::new();
    for index in 0..parts.tasks.len() {
        let mut found = Vec::new();
        for name in connections_of(&parts.tasks[index]) {
            let reads = known
                .entry(name.clone())
                .or_insert_with(|| through_connection(parts, &name, &mut HashSet::new()));
            found.extend(reads.iter().cloned());
        }
        for secret in secrets_of(
            &parts.tasks[index]
                .reads
                .iter()
                .chain(&found)
                .cloned()
                .collect::<Vec<_>>(),
        ) {
            found.extend(through_secret(parts, &secret));
        }
        let direct: Vec<Read> = parts.tasks[index]
            .reads
            .iter()
            .chain(&found)
            .cloned()
            .collect();
        found.extend(through_decisions(parts, &direct));
        let task = &mut parts.tasks[index];
        if task.environments.is_empty() {
            problems.extend(
                found
                    .iter()
                    .filter(|read| depends_on_environment(read, &overridden))
                    .map(|read| shared_reads(task, read)),
            );
        }
        task.reads.append(&mut found);
    }
}

/// Names the connections that a task uses, in its body, its checks and its logins.
pub fn connections_of(task: &Task) -> Vec<Name> {
    let mut found = task.login.clone();
    for key in ["connection", "push", "preview-push"] {
        found.extend(names_in(task.body.get(key)));
    }
    task.all_checks()
        .for_each(|check| connections_of_check(check, &mut found));
    let mut seen = HashSet::new();
    found.retain(|name| seen.insert(name.clone()));
    found
}

fn connections_of_check(check: &Check, found: &mut Vec<Name>) {
    found.extend(names_in(check.body.get("connection")));
    found.extend(check.from.clone());
    check
        .checks
        .iter()
        .for_each(|check| connections_of_check(check, found));
}

fn names_in(field: Option<&Field>) -> Vec<Name> {
    field
        .map_or(&[][..], Field::items)
        .iter()
        .filter_map(|field| field.literal()?.parse().ok())
        .collect()
}

fn through_connection(parts: &Parts, name: &Name, seen: &mut HashSet<Name>) -> Vec<Read> {
    let Some(connection) = parts
        .connections
        .get(name)
        .filter(|_| seen.insert(name.clone()))
    else {
        return Vec::new();
    };
    let mut found: Vec<Read> = connection
        .reads
        .iter()
        .map(|reference| Read {
            reference: reference.clone(),
            through: Some(format!("connection `{name}`")),
            after_body: false,
        })
        .collect();
    for key in ["login", "from"] {
        for inner in names_in(connection.body.get(key)) {
            found.extend(through_connection(parts, &inner, seen));
        }
    }
    found
}

fn secrets_of(reads: &[Read]) -> HashSet<Name> {
    let secrets = reads.iter().filter(|read| read.reference.root == "secrets");
    secrets
        .filter_map(|read| read.reference.names().first()?.parse().ok())
        .collect()
}

fn through_secret(parts: &Parts, name: &Name) -> Vec<Read> {
    let Some(secret) = parts.secrets.get(name) else {
        return Vec::new();
    };
    let mut found: Vec<Read> = secret
        .reads
        .iter()
        .map(|reference| Read {
            reference: reference.clone(),
            through: Some(format!("secret `{name}`")),
            after_body: false,
        })
        .collect();
    if let Some(connection) = &secret.connection {
        found.extend(through_connection(parts, connection, &mut HashSet::new()));
    }
    found
}

fn through_decisions(parts: &Parts, reads: &[Read]) -> Vec<Read> {
    let mut found = Vec::new();
    let mut seen = HashSet::new();
    for read in reads
        .iter()
        .filter(|read| read.reference.root == "decisions")
    {
        let Some(name) = read
            .reference
            .names()
            .first()
            .and_then(|name| name.parse::<Name>().ok())
        else {
            continue;
        };
        let Some(decision) = parts
            .decisions
            .get(&name)
            .filter(|_| seen.insert(name.clone()))
        else {
            continue;
        };
        found.extend(decision.reads.iter().map(|reference| Read {
            reference: reference.clone(),
            through: Some(format!("decision `{name}`")),
            after_body: read.after_body,
        }));
    }
    found
}

fn depends_on_environment(read: &Read, overridden: &HashSet<String>) -> bool {
    match read.reference.root.as_str() {
        "environment" => true,
        "inputs" => read
            .reference
            .names()
            .first()
            .is_some_and(|name| overridden.contains(*name)),
        _ => false,
    }
}

fn shared_reads(task: &Task, read: &Read) -> Diagnostic {
    let through = read.through.as_deref().unwrap_or("it");
    let span = Span::from(read.reference.span.clone());
    Diagnostic::error(
        "shared-reads",
        format!(
            "`{}` differs by environment, and task `{}`, which uses {through}, belongs to none",
            read.reference, task.id
        ),
    )
    .at(span)
    .also(task.span, "the task is here")
    .help("put `environment: …` on the task or its phase")
}
