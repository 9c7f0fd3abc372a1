//! What the tasks of a plan need of the machine.

use std::collections::{BTreeMap, BTreeSet};

use super::finding::Needed;
use crate::{
    execute::not_there_yet,
    plan::{
        Plan, Task,
        field::Field,
        model::{Check, CheckKind},
    },
};

/// Who needs something, and whether this version needs it for them.
#[derive(Debug, Clone)]
pub(super) struct Need {
    pub(super) tasks: BTreeSet<String>,
    pub(super) needed: Needed,
}

/// The program by which a kind of task is carried out, where there is one.
const OF_KINDS: &[(&str, &str)] = &[
    ("terraform", "terraform"),
    ("kubernetes", "kubectl"),
    ("helm", "helm"),
    ("swarm", "docker"),
    ("sql", "psql"),
];

/// The program by which a kind of check is asked, where there is one.
const OF_CHECKS: &[(CheckKind, &str)] = &[
    (CheckKind::Kubernetes, "kubectl"),
    (CheckKind::Helm, "helm"),
    (CheckKind::Terraform, "terraform"),
    (CheckKind::Swarm, "docker"),
    (CheckKind::Sql, "psql"),
];

/// Programs by name.
#[derive(Default)]
struct Programs(BTreeMap<String, Need>);

impl Programs {
    fn add(&mut self, program: &str, task: &Task, needed: Needed) {
        let need = self.0.entry(program.to_owned()).or_insert_with(|| Need {
            tasks: BTreeSet::new(),
            needed,
        });
        need.needed = need.needed.max(needed);
        need.tasks.insert(task.id.to_string());
    }

    /// What a `run` calls; in an absolute or relative path it is a file of the repository or nobody's business.
    fn add_run(&mut self, body: &Field, task: &Task, needed: Needed) {
        let literal = |field: &Field| field.literal();
        if body.get("script").is_some() {
            self.add("bash", task, needed);
        }
        if body.get("make").is_some() {
            self.add("make", task, needed);
        }
        let first = body.get("command").map_or(&[][..], Field::items).first();
        let named = body.get("tools").map_or(&[][..], Field::items).iter();
        for program in named.chain(first).filter_map(literal) {
            if !program.contains(['/', '\\']) && !program.is_empty() {
                self.add(&program, task, needed);
            }
        }
    }
}

/// Returns the programs that tasks call, by name.
pub(super) fn programs(plan: &Plan) -> BTreeMap<String, Need> {
    let mut programs = Programs::default();
    for task in &plan.tasks {
        let needed = needed_by(task);
        let kind = task.kind.key();
        if kind == "run" {
            programs.add_run(&task.body, task, needed);
        }
        if let Some((_, program)) = OF_KINDS.iter().find(|(of, _)| *of == kind) {
            let own = task.body.get("binary").and_then(Field::literal);
            programs.add(own.as_deref().unwrap_or(program), task, needed);
        }
        for check in checks(task) {
            if check.kind == CheckKind::Run {
                programs.add_run(&check.body, task, needed);
            }
            if let Some((_, program)) = OF_CHECKS.iter().find(|(of, _)| *of == check.kind) {
                programs.add(program, task, Needed::Later);
            }
        }
    }
    programs.0
}

/// Whether this version carries out a task.
pub(super) fn needed_by(task: &Task) -> Needed {
    if not_there_yet(task.kind).is_some() {
        Needed::Later
    } else {
        Needed::Now
    }
}

/// The checks of a body and after it, with those inside of containers.
fn checks(task: &Task) -> Vec<&Check> {
    let mut all = Vec::new();
    let mut open: Vec<&Check> = task.checks.iter().chain(&task.verify).collect();
    while let Some(check) = open.pop() {
        open.extend(&check.checks);
        all.push(check);
    }
    all
}

/// Returns the tasks that start a container, and whether this version does so for them.
pub(super) fn containers(plan: &Plan) -> Option<Need> {
    let starting = plan.tasks.iter().filter(|task| {
        checks(task)
            .iter()
            .any(|check| check.kind == CheckKind::Container)
    });
    let tasks: Vec<&Task> = starting.collect();
    let needed = tasks.iter().map(|task| needed_by(task)).max()?;
    Some(Need {
        tasks: tasks.iter().map(|task| task.id.to_string()).collect(),
        needed,
    })
}

/// Returns the tasks that build an image from a Dockerfile.
pub(super) fn builds(plan: &Plan) -> BTreeSet<String> {
    let building = plan
        .tasks
        .iter()
        .filter(|task| task.kind.key() == "image" && task.body.get("context").is_some());
    building.map(|task| task.id.to_string()).collect()
}

/// Whether a Dockerfile's build is given secrets.
pub(super) fn gives_build_secrets(plan: &Plan) -> bool {
    plan.tasks.iter().any(|task| {
        let gives = |key: &str| task.body.get(key).is_some();
        task.kind.key() == "image" && gives("context") && gives("secrets")
    })
}

/// Returns the secrets that tasks read, by name.
pub(super) fn secrets(plan: &Plan) -> BTreeMap<String, Need> {
    let mut found: BTreeMap<String, Need> = BTreeMap::new();
    for name in plan.secrets.keys() {
        found.insert(
            name.to_string(),
            Need {
                tasks: BTreeSet::new(),
                needed: Needed::Later,
            },
        );
    }
    for task in &plan.tasks {
        let read = task
            .reads
            .iter()
            .filter(|read| read.reference.root == "secrets");
        for read in read {
            let names = read.reference.names();
            if let Some(need) = names.first().and_then(|name| found.get_mut(*name)) {
                need.tasks.insert(task.id.to_string());
                need.needed = need.needed.max(needed_by(task));
            }
        }
    }
    found
}

/// "task `a`", "tasks `a` and `b`", "5 tasks".
pub(super) fn words(tasks: &BTreeSet<String>) -> String {
    let ticked: Vec<String> = tasks.iter().map(|task| format!("`{task}`")).collect();
    match ticked.as_slice() {
        [] => "no task".to_owned(),
        [one] => format!("task {one}"),
        [one, two] => format!("tasks {one} and {two}"),
        [one, two, three] => format!("tasks {one}, {two} and {three}"),
        many => format!("{} tasks", many.len()),
    }
}
