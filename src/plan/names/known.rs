//! What a plan declares, by the names that stand in its file.

use std::cell::Cell;

use indexmap::IndexSet;

use crate::{
    diagnostic::{Diagnostic, nearest},
    plan::{
        build::Named,
        grammar::PLAN,
        node::{Content, Map, Node},
    },
};

/// The names that a plan declares, also of what could not be read: a name that stands in the file is not unknown.
pub struct Known<'n> {
    tasks: Names<'n>,
    phases: Names<'n>,
    environments: Names<'n>,
    inputs: Names<'n>,
    secrets: Names<'n>,
    decisions: Names<'n>,
    connections: Names<'n>,
    in_doubt: Vec<bool>,
    suggestions: Cell<usize>,
}

/// How many unknown names are compared with all known ones: a plan may have thousands of both.
const MOST_SUGGESTIONS: usize = 100;

/// `None` where a mistake may have hidden names.
type Names<'n> = Option<IndexSet<&'n str>>;

impl<'n> Known<'n> {
    /// Gathers the names. `in_doubt` says of each task of the plan whether it may not have been read as it was meant.
    pub fn of(root: &'n Node, in_doubt: Vec<bool>) -> Self {
        let Some(map) = root.as_map() else {
            return Self::nothing(in_doubt);
        };
        let strange = map
            .entries
            .iter()
            .any(|entry| PLAN.key(&entry.key).is_none() && !entry.key.starts_with("x-"));
        let section = |key: &str| keys_of(map.get(key), strange);
        let mut known = Self {
            tasks: Some(IndexSet::new()),
            phases: Some(IndexSet::new()),
            environments: section("environments"),
            inputs: section("inputs"),
            secrets: section("secrets"),
            decisions: section("decisions"),
            connections: section("connections"),
            in_doubt,
            suggestions: Cell::new(0),
        };
        match map.get("phases").map(|node| &node.content) {
            Some(Content::List(phases)) => phases.iter().for_each(|phase| known.phase(phase)),
            Some(Content::Scalar(_) | Content::Map(_)) | None => {
                known.phases = None;
                known.tasks = None;
            }
        }
        known
    }

    fn nothing(in_doubt: Vec<bool>) -> Self {
        Self {
            tasks: None,
            phases: None,
            environments: None,
            inputs: None,
            secrets: None,
            decisions: None,
            connections: None,
            in_doubt,
            suggestions: Cell::new(0),
        }
    }

    fn phase(&mut self, node: &'n Node) {
        let map = node.as_map();
        add(&mut self.phases, map);
        match map
            .and_then(|map| map.get("tasks"))
            .map(|node| &node.content)
        {
            Some(Content::List(tasks)) => {
                tasks
                    .iter()
                    .for_each(|task| add(&mut self.tasks, task.as_map()));
            }
            Some(Content::Scalar(_) | Content::Map(_)) | None => self.tasks = None,
        }
    }

    /// Returns the names of things of one sort, in the order of the file; `None` where some may be hidden.
    pub fn names(&self, named: Named) -> Option<&IndexSet<&'n str>> {
        match named {
            Named::Task | Named::Proof => self.tasks.as_ref(),
            Named::Phase => self.phases.as_ref(),
            Named::Environment => self.environments.as_ref(),
            Named::Input => self.inputs.as_ref(),
            Named::Secret => self.secrets.as_ref(),
            Named::Decision => self.decisions.as_ref(),
            Named::Connection(_) => self.connections.as_ref(),
        }
    }

    /// Returns the problem of a name that nothing declares; nothing where the name may be hidden.
    pub fn unknown(&self, name: &str, named: Named) -> Option<Diagnostic> {
        let known = self.names(named)?;
        if known.contains(name) {
            return None;
        }
        let what = word(named);
        let problem = Diagnostic::error("unknown-name", format!("there is no {what} `{name}`"));
        let compared = self.suggestions.replace(self.suggestions.get() + 1) < MOST_SUGGESTIONS;
        let nearest = nearest(name, known.iter().copied().filter(|_| compared));
        Some(match nearest {
            Some(nearest) => problem.help(format!("did you mean `{nearest}`?")),
            None if known.is_empty() => {
                let home = home_of(named);
                problem.help(format!(
                    "the plan declares no {what}; declare it in `{home}`"
                ))
            }
            None => problem.help(format!("the plan has {}", some_of(known.iter().copied()))),
        })
    }

    /// Whether a mistake may have hidden the kind, outputs, checks, matrix or environments of a task.
    pub fn doubts(&self, task: usize) -> bool {
        self.in_doubt.get(task).copied().unwrap_or(true)
    }
}

fn keys_of(section: Option<&Node>, strange: bool) -> Names<'_> {
    match section {
        None if strange => None,
        None => Some(IndexSet::new()),
        Some(node) => Some(
            node.as_map()?
                .entries
                .iter()
                .map(|entry| entry.key.as_str())
                .collect(),
        ),
    }
}

fn add<'n>(names: &mut Names<'n>, map: Option<&'n Map>) {
    let id = map.and_then(|map| map.get("id")).and_then(Node::as_scalar);
    match (names.as_mut(), id) {
        (Some(names), Some(id)) => {
            names.insert(id.text.as_str());
        }
        (_, None) => *names = None,
        (None, Some(_)) => {}
    }
}

/// The word for what a name is the name of.
fn word(named: Named) -> &'static str {
    match named {
        Named::Task | Named::Proof => "task",
        Named::Phase => "phase",
        Named::Environment => "environment",
        Named::Input => "input",
        Named::Secret => "secret",
        Named::Decision => "decision",
        Named::Connection(_) => "connection",
    }
}

/// The key of the plan in which such things are declared.
fn home_of(named: Named) -> &'static str {
    match named {
        Named::Task | Named::Proof | Named::Phase => "phases",
        Named::Environment => "environments",
        Named::Input => "inputs",
        Named::Secret => "secrets",
        Named::Decision => "decisions",
        Named::Connection(_) => "connections",
    }
}

/// Lists the first of some names.
pub(super) fn some_of<'k>(known: impl ExactSizeIterator<Item = &'k str>) -> String {
    const MOST: usize = 8;
    let more = known.len().saturating_sub(MOST);
    let shown: Vec<String> = known.take(MOST).map(|name| format!("`{name}`")).collect();
    if more == 0 {
        shown.join(", ")
    } else {
        format!("{} and {more} more", shown.join(", "))
    }
}
