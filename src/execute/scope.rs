//! What the expressions of a task read while the plan runs.

use std::collections::BTreeMap;

use camino::Utf8PathBuf;

use super::{Reads, error::chain, files::Listing, outputs, recorder::Known, secrets::Secrets};
use crate::{
    event::OutputValue,
    expression::{Map, ReadError, Reference, Value},
    graph::{Node, TaskGraph},
    ident::TaskId,
    ledger::{Attempt, TaskRecord, TaskState},
    plan::{
        Plan,
        field::{Field, Scope},
        model::DecisionAnswer,
        values::{PlanningScope, Values},
    },
    secret::Secret,
};

/// How artifacts are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Artifacts<'a> {
    /// By content: for a fingerprint, in which no path of a machine may stand.
    ByContent,
    /// As files of this job, by task and name.
    AsFiles(&'a BTreeMap<(String, String), Utf8PathBuf>),
}

/// Everything that a task can read.
pub struct RunScope<'s, 'p> {
    /// The graph.
    pub graph: &'s TaskGraph<'p>,
    /// What was known before anything ran.
    pub values: &'s Values,
    /// What has happened.
    pub known: &'s Known,
    /// Secrets with a value.
    pub secrets: &'s Secrets,
    /// The task that reads.
    pub reader: &'s Node<'p>,
    /// How artifacts are read.
    pub artifacts: Artifacts<'s>,
    /// The files, for `hashFiles`.
    pub files: &'s Listing,
    /// Outputs of the reader itself, for its checks.
    pub own: Option<&'s Map>,
    /// Which successes give outputs.
    pub reads: Reads,
    /// What is read of a secret that cannot be opened here.
    pub unopened: Unopened,
}

/// What is read of a secret output that cannot be opened here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unopened {
    /// Nothing: reading it is an error.
    Refused,
    /// Some secret: a fingerprint counts that it is one, and never its value.
    Supposed,
}

/// What stands for a secret in a fingerprint.
const SUPPOSED: &str = "a secret that cannot be opened here";

impl RunScope<'_, '_> {
    fn planning(&self) -> PlanningScope<'_> {
        self.values.planning(
            self.graph.plan(),
            self.reader.key.environment.as_ref(),
            self.reader.leg.as_ref(),
        )
    }

    fn plan(&self) -> &Plan {
        self.graph.plan()
    }

    /// Returns the answer of a decision.
    ///
    /// # Errors
    ///
    /// It is open, or the task that answers it has not ended.
    pub fn answer(&self, name: &str) -> Result<Value, ReadError> {
        if let Some(answer) = self.values.answer(name) {
            return Ok(answer.into());
        }
        let Some(DecisionAnswer::ByTask(field)) = self
            .plan()
            .decisions
            .get(name)
            .map(|decision| &decision.answer)
        else {
            return Err(ReadError::Open {
                decision: name.to_owned(),
            });
        };
        answered(field, self, name)
    }

    fn task(&self, reference: &Reference) -> Result<Value, ReadError> {
        let names = reference.names();
        let (Some(task), Some(part), Some(name)) = (names.first(), names.get(1), names.get(2))
        else {
            return Err(ReadError::Refused {
                because: format!("`{reference}` names neither an output nor an artifact"),
            });
        };
        if let Some(own) = self
            .own
            .filter(|_| *task == self.reader.key.task.as_str() && *part == "outputs")
        {
            return Ok(own.get(*name).cloned().unwrap_or_default());
        }
        let Ok(id) = task.parse::<TaskId>() else {
            return Err(not_yet(task));
        };
        let nodes = self
            .graph
            .resolve(&id, self.reader.key.environment.as_ref());
        let mut legs = Map::new();
        for &index in &nodes {
            let node = &self.graph.nodes()[index];
            let value = if *part == "outputs" {
                self.output(node, name)?
            } else {
                self.artifact(node, name)?
            };
            match &node.key.leg {
                Some(leg) => {
                    legs.insert(leg.to_string(), value);
                }
                None => return Ok(value),
            }
        }
        if nodes.is_empty() {
            Err(not_yet(task))
        } else {
            Ok(Value::Map(legs))
        }
    }

    fn output(&self, node: &Node<'_>, name: &str) -> Result<Value, ReadError> {
        let Some(record) = self.record_of(node)? else {
            return Ok(Value::Null);
        };
        match self.output_of(record, name) {
            Some(OutputValue::Clear { value }) => Ok(value.clone()),
            Some(kept @ (OutputValue::Sealed { .. } | OutputValue::Withheld)) => {
                match (self.secret_output(node, name, kept), self.unopened) {
                    (Some(value), _) => Ok(value),
                    (None, Unopened::Supposed) => Ok(Value::Secret(Secret::new(SUPPOSED))),
                    (None, Unopened::Refused) => Err(ReadError::Refused {
                        because: format!(
                            "output `{name}` of `{}` is a secret, and nothing here can open it",
                            node.key
                        ),
                    }),
                }
            }
            None => Ok(Value::Null),
        }
    }

    fn output_of<'t>(&self, record: &'t TaskRecord, name: &str) -> Option<&'t OutputValue> {
        let ended = self.success_of(record)?.ended.as_ref()?;
        ended.outputs.get(name)
    }

    /// Returns an output of a task as the ledger keeps it.
    pub fn kept_output(&self, node: &Node<'_>, name: &str) -> Option<&OutputValue> {
        self.output_of(self.record_of(node).ok()??, name)
    }

    /// Returns the value of a secret output: of a task of this process, or opened by the key of its environment.
    pub fn secret_output(&self, node: &Node<'_>, name: &str, kept: &OutputValue) -> Option<Value> {
        let withheld = self.known.withheld(&node.key, name);
        withheld.or_else(|| self.opened(node, kept))
    }

    /// Opens a sealed output with the key of its environment, where that secret has a value here.
    fn opened(&self, node: &Node<'_>, sealed: &OutputValue) -> Option<Value> {
        let OutputValue::Sealed { armor } = sealed else {
            return None;
        };
        let environment = self
            .plan()
            .environments
            .get(node.key.environment.as_ref()?)?;
        let key = self.secrets.get(environment.key.as_ref()?.as_str()).ok()?;
        outputs::open(armor, key).ok().map(Value::Secret)
    }

    fn artifact(&self, node: &Node<'_>, name: &str) -> Result<Value, ReadError> {
        let Some(record) = self.record_of(node)? else {
            return Ok(Value::Null);
        };
        let ended = self.success_of(record);
        let ended = ended.and_then(|attempt| attempt.ended.as_ref());
        let Some(path) = ended.and_then(|ended| ended.artifacts.get(name)) else {
            return Ok(Value::Null);
        };
        match self.artifacts {
            Artifacts::ByContent => Ok(Value::from(path.as_str())),
            Artifacts::AsFiles(files) => {
                match files.get(&(node.key.to_string(), name.to_owned())) {
                    Some(file) => Ok(Value::from(file.as_str())),
                    None => Err(ReadError::Refused {
                        because: format!("artifact `{name}` of `{}` was not handed over", node.key),
                    }),
                }
            }
        }
    }

    fn success_of<'t>(&self, record: &'t TaskRecord) -> Option<&'t Attempt> {
        match self.reads {
            Reads::Standing => record.success(),
            Reads::LastKnown => record.last_success(),
        }
    }

    /// Returns the record of a task that has succeeded; `None` for one that is skipped, whose outputs are null.
    fn record_of(&self, node: &Node<'_>) -> Result<Option<&TaskRecord>, ReadError> {
        if matches!(node.standing, crate::graph::Standing::Skipped { .. }) {
            return Ok(None);
        }
        match self.known.state().task(&node.key) {
            Some(record) => match record.state {
                TaskState::Succeeded | TaskState::UpToDate { .. } => Ok(Some(record)),
                TaskState::Skipped { .. } => Ok(None),
                _ if self.success_of(record).is_some() && self.reads == Reads::LastKnown => {
                    Ok(Some(record))
                }
                _ => Err(not_yet(&node.key.to_string())),
            },
            None => Err(not_yet(&node.key.to_string())),
        }
    }
}

/// Evaluates the answer that a task gives; one that is none of the options is an error of its reader.
fn answered(field: &Field, scope: &RunScope<'_, '_>, decision: &str) -> Result<Value, ReadError> {
    let value = field
        .evaluate(scope)
        .map_err(|error| match error.read_error() {
            Some(read) => read.clone(),
            None => ReadError::Refused {
                because: error.to_string(),
            },
        })?;
    let text = value.as_plain_text().unwrap_or_default();
    let options = &scope.plan().decisions[decision].options;
    if options.is_empty() || options.contains(&text) {
        return Ok(Value::Text(text));
    }
    Err(ReadError::Refused {
        because: format!(
            "the answer `{text}` is no option of `{decision}`: {}",
            options.join(", ")
        ),
    })
}

fn not_yet(task: &str) -> ReadError {
    ReadError::NotYet {
        task: task.to_owned(),
    }
}

impl Scope for RunScope<'_, '_> {
    fn read(&self, reference: &Reference) -> Result<Value, ReadError> {
        match reference.root.as_str() {
            "tasks" => self.task(reference),
            "decisions" => self.answer(reference.names().first().copied().unwrap_or_default()),
            "secrets" => {
                let name = reference.names().first().copied().unwrap_or_default();
                match self.secrets.get(name) {
                    Ok(secret) => Ok(Value::Secret(secret.clone())),
                    Err(_) => Err(ReadError::NoValue {
                        what: "secret".to_owned(),
                        name: name.to_owned(),
                    }),
                }
            }
            _ => self.planning().read(reference),
        }
    }

    fn hash_files(&self, patterns: &[String]) -> Result<String, String> {
        self.files.hash(patterns).map_err(|error| chain(&error))
    }
}
