//! The lines that `plan`, `apply` and `init` print with `-json`.

use std::fmt;

use indexmap::IndexMap;
use serde::{Deserialize, de::IgnoredAny};

use super::{Problem, problem::ProblemDocument};

/// What one line tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// Something is wrong.
    Problem(Box<Problem>),
    /// Something is done to a resource, or all has been done.
    Progress(Progress),
    /// Words of terraform.
    Said(String),
    /// Something that nobody has to read here.
    Other,
}

/// How far an apply is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// It began with a resource.
    Started {
        /// The resource.
        address: String,
        /// `create`, `update`, `delete`, …
        action: String,
    },
    /// It is still at it.
    Going {
        /// The resource.
        address: String,
        /// What it does.
        action: String,
        /// For how many seconds.
        seconds: u64,
    },
    /// It is done with it.
    Done {
        /// The resource.
        address: String,
        /// What it did.
        action: String,
        /// In how many seconds.
        seconds: u64,
    },
    /// It failed at it.
    Failed {
        /// The resource.
        address: String,
        /// What it tried.
        action: String,
        /// After how many seconds.
        seconds: u64,
    },
    /// All that is, or was, changed.
    Summary {
        /// `plan`, `apply` or `destroy`.
        operation: String,
        /// Made.
        add: u64,
        /// Changed in place.
        change: u64,
        /// Taken over.
        import: u64,
        /// Destroyed.
        remove: u64,
    },
    /// The outputs that there are, by name. Their values are read elsewhere.
    Outputs {
        /// The names.
        names: Vec<String>,
    },
}

#[derive(Deserialize)]
struct LineDocument {
    #[serde(rename = "@message", default)]
    message: String,
    #[serde(rename = "type", default)]
    kind: String,
    diagnostic: Option<ProblemDocument>,
    hook: Option<HookDocument>,
    changes: Option<SummaryDocument>,
    outputs: Option<IndexMap<String, IgnoredAny>>,
}

#[derive(Deserialize)]
struct HookDocument {
    resource: Option<HookResource>,
    #[serde(default)]
    action: String,
    elapsed_seconds: Option<f64>,
}

#[derive(Deserialize)]
struct HookResource {
    #[serde(default)]
    addr: String,
}

#[derive(Deserialize)]
struct SummaryDocument {
    #[serde(default)]
    operation: String,
    #[serde(default)]
    add: u64,
    #[serde(default)]
    change: u64,
    #[serde(default)]
    import: u64,
    #[serde(default)]
    remove: u64,
}

impl Told {
    /// Reads one line. What is no line of terraform's JSON is words: a crash, or a provider that prints.
    pub fn read(line: &str) -> Self {
        let Ok(document) = serde_json::from_str::<LineDocument>(line) else {
            return Self::Said(line.trim_end().to_owned());
        };
        if let Some(problem) = document.diagnostic {
            return Self::Problem(Box::new(problem.into()));
        }
        match document.kind.as_str() {
            "init_output" | "log" => Self::Said(document.message),
            "change_summary" => document.changes.map_or(Self::Other, |changes| {
                Self::Progress(Progress::Summary {
                    operation: changes.operation,
                    add: changes.add,
                    change: changes.change,
                    import: changes.import,
                    remove: changes.remove,
                })
            }),
            "outputs" => document.outputs.map_or(Self::Other, |outputs| {
                let names = outputs.into_keys().collect();
                Self::Progress(Progress::Outputs { names })
            }),
            kind => document
                .hook
                .and_then(|hook| hook.progress(kind))
                .map_or(Self::Other, Self::Progress),
        }
    }
}

impl HookDocument {
    fn progress(self, kind: &str) -> Option<Progress> {
        let address = self.resource?.addr;
        let action = self.action;
        let seconds = self.elapsed_seconds.unwrap_or_default() as u64;
        Some(match kind {
            "apply_start" => Progress::Started { address, action },
            "apply_progress" => Progress::Going {
                address,
                action,
                seconds,
            },
            "apply_complete" => Progress::Done {
                address,
                action,
                seconds,
            },
            "apply_errored" => Progress::Failed {
                address,
                action,
                seconds,
            },
            _ => return None,
        })
    }
}

impl fmt::Display for Progress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Started { address, action } => write!(formatter, "{address}: {action} begins"),
            Self::Going {
                address,
                action,
                seconds,
            } => write!(formatter, "{address}: {action} goes on, {seconds} s"),
            Self::Done {
                address,
                action,
                seconds,
            } => write!(formatter, "{address}: {action} done in {seconds} s"),
            Self::Failed {
                address,
                action,
                seconds,
            } => write!(formatter, "{address}: {action} failed after {seconds} s"),
            Self::Summary {
                operation,
                add,
                change,
                import,
                remove,
            } => {
                write!(
                    formatter,
                    "{operation}: {add} added, {change} changed, {remove} destroyed"
                )?;
                match import {
                    0 => Ok(()),
                    import => write!(formatter, ", {import} imported"),
                }
            }
            Self::Outputs { names } if names.is_empty() => formatter.write_str("no outputs"),
            Self::Outputs { names } => write!(formatter, "outputs: {}", names.join(", ")),
        }
    }
}
