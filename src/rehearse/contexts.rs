//! What the expressions of a rendered workflow read, and their status functions.
//!
//! The workflow is one that this program rendered, so of GitHub's language only what its template writes is met.

use std::collections::BTreeMap;

use indexmap::IndexMap;

use crate::expression::{
    EvaluationError, Expression, ExpressionError, Map, Reference, Template, Value,
};

/// The result of a job, as GitHub names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobResult {
    /// All of its steps succeeded.
    Success,
    /// A step failed.
    Failure,
    /// The run was cancelled.
    Cancelled,
    /// Its condition was false.
    Skipped,
}

impl JobResult {
    /// Returns GitHub's word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Failure => "failure",
            Self::Cancelled => "cancelled",
            Self::Skipped => "skipped",
        }
    }
}

/// A job that has ended: its result and its outputs.
#[derive(Debug, Clone, PartialEq)]
pub struct EndedJob {
    /// Its result.
    pub result: JobResult,
    /// Its outputs.
    pub outputs: IndexMap<String, String>,
}

/// The contexts of one job.
#[derive(Debug, Clone, Default)]
pub struct Contexts {
    /// `github`, `runner`, `inputs`, `vars`, `secrets` and the like.
    pub roots: BTreeMap<String, Value>,
    /// Whether a job before it failed.
    pub failed_before: bool,
    /// Whether the run was cancelled.
    pub cancelled: bool,
}

/// An expression of a workflow that cannot be evaluated here.
#[derive(Debug, thiserror::Error)]
pub enum ContextsError {
    /// It cannot be read.
    #[error("`{text}` cannot be read")]
    Unreadable {
        /// The text.
        text: String,
        /// Why.
        #[source]
        source: ExpressionError,
    },
    /// It has no value.
    #[error("`{text}` has no value")]
    NoValue {
        /// The text.
        text: String,
        /// Why.
        #[source]
        source: EvaluationError,
    },
}

impl Contexts {
    /// Adds the jobs that a job needs, as the context `needs`.
    pub fn add_needs(&mut self, needs: &[(String, EndedJob)]) {
        let entry = |ended: &EndedJob| -> Value {
            let outputs: Map = ended
                .outputs
                .iter()
                .map(|(name, value)| (name.clone(), Value::from(value.as_str())))
                .collect();
            let entries = [
                ("result".to_owned(), Value::from(ended.result.word())),
                ("outputs".to_owned(), Value::Map(outputs)),
            ];
            Value::Map(entries.into_iter().collect())
        };
        let needs: Map = needs
            .iter()
            .map(|(id, ended)| (id.clone(), entry(ended)))
            .collect();
        self.roots.insert("needs".to_owned(), Value::Map(needs));
    }

    /// Evaluates the condition of a job or a step; without one, everything before must have succeeded.
    ///
    /// # Errors
    ///
    /// It is none of what our template writes.
    pub fn condition(&self, condition: Option<&str>) -> Result<bool, ContextsError> {
        let Some(text) = condition else {
            return Ok(!self.failed_before && !self.cancelled);
        };
        let has_status_function = STATUS_FUNCTIONS
            .iter()
            .any(|name| text.contains(&format!("{name}()")));
        let plain = self.without_status_functions(text);
        let unreadable = |source| ContextsError::Unreadable {
            text: text.to_owned(),
            source,
        };
        let expression = Expression::parse_condition(&plain, 0).map_err(unreadable)?;
        let holds = expression
            .evaluate_condition(&|reference| Ok(self.read(reference)), &|_| {
                Err("files are not hashed in workflows".to_owned())
            })
            .map_err(|source| ContextsError::NoValue {
                text: text.to_owned(),
                source,
            })?;
        // As on GitHub: a condition without a status function means `success() && …`.
        Ok(holds && (has_status_function || (!self.failed_before && !self.cancelled)))
    }

    /// Evaluates a text of the workflow.
    ///
    /// # Errors
    ///
    /// As [`Contexts::condition`].
    pub fn text(&self, text: &str) -> Result<String, ContextsError> {
        let unreadable = |mut errors: Vec<ExpressionError>| ContextsError::Unreadable {
            text: text.to_owned(),
            source: errors.remove(0),
        };
        let template = Template::parse(text, 0).map_err(unreadable)?;
        let mut result = String::new();
        for part in template.parts() {
            match part {
                crate::expression::Part::Text(plain) => result.push_str(plain),
                crate::expression::Part::Expression(expression) => {
                    let value = expression
                        .evaluate(&|reference| Ok(self.read(reference)), &|_| {
                            Err("files are not hashed in workflows".to_owned())
                        })
                        .map_err(|source| ContextsError::NoValue {
                            text: text.to_owned(),
                            source,
                        })?;
                    result.push_str(&as_github_writes(&value));
                }
            }
        }
        Ok(result)
    }

    fn read(&self, reference: &Reference) -> Value {
        let root = self.roots.get(&reference.root).cloned().unwrap_or_default();
        match reference.names().first() {
            Some(name) => root.get(name).cloned().unwrap_or_default(),
            None => root,
        }
    }

    fn without_status_functions(&self, text: &str) -> String {
        let succeeded = !self.failed_before && !self.cancelled;
        text.replace("always()", "true")
            .replace("success()", if succeeded { "true" } else { "false" })
            .replace(
                "failure()",
                if self.failed_before { "true" } else { "false" },
            )
            .replace("cancelled()", if self.cancelled { "true" } else { "false" })
    }
}

const STATUS_FUNCTIONS: &[&str] = &["always", "success", "failure", "cancelled"];

/// GitHub writes nothing for null, where a plan has an error.
fn as_github_writes(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::Secret(secret) => secret.expose().to_owned(),
        other => other.as_plain_text().unwrap_or_else(|| other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contexts() -> Contexts {
        let mut contexts = Contexts::default();
        let outputs = [("jobs".to_owned(), "[\"one--a\"]".to_owned())]
            .into_iter()
            .collect();
        contexts.add_needs(&[(
            "plan".to_owned(),
            EndedJob {
                result: JobResult::Success,
                outputs,
            },
        )]);
        contexts
    }

    #[test]
    fn a_job_runs_when_the_plan_job_lists_it() {
        let condition = |job: &str| {
            format!(
                "${{{{ !cancelled() && needs.plan.result == 'success' && contains(fromJSON(needs.plan.outputs.jobs), '{job}') }}}}"
            )
        };
        let contexts = contexts();
        assert!(
            contexts
                .condition(Some(&condition("one--a")))
                .expect("it is readable")
        );
        assert!(
            !contexts
                .condition(Some(&condition("one--b")))
                .expect("it is readable")
        );
    }

    #[test]
    fn without_a_status_function_a_failure_before_keeps_a_step_from_running() {
        let failed = Contexts {
            failed_before: true,
            ..contexts()
        };
        assert!(!failed.condition(None).expect("nothing to read"));
        assert!(!failed.condition(Some("true")).expect("it is readable"));
        assert!(
            failed
                .condition(Some("${{ always() }}"))
                .expect("it is readable")
        );
    }

    #[test]
    fn what_is_not_there_is_written_as_nothing() {
        assert_eq!(
            contexts()
                .text("a${{ inputs.none }}b")
                .expect("it is readable"),
            "ab"
        );
    }
}
