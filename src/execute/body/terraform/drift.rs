//! What somebody else changed since terraform last looked: a plan that only refreshes.

use std::fmt::Write as _;

use super::plan;
use crate::{
    execute::{ExecuteError, Moment, Run},
    terraform::{arguments::Purpose, changes::Entry},
};

/// What drifted of one module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drifted {
    /// The resources, with what is another now.
    pub entries: Vec<Entry>,
}

impl Drifted {
    /// Whether everything is as it was applied.
    pub fn is_nothing(&self) -> bool {
        self.entries.is_empty()
    }

    /// Writes a line a resource, and below it one an attribute.
    pub fn lines(&self) -> String {
        let mut text = String::new();
        for entry in &self.entries {
            writeln!(text, "  {}", entry.address).expect("a text takes all");
            for change in &entry.attributes {
                let (path, before, after) = (&change.path, &change.before, &change.after);
                writeln!(text, "    {path}: {before} -> {after}").expect("a text takes all");
            }
        }
        text
    }
}

impl Run<'_, '_> {
    /// Looks at what somebody else changed of a terraform task. Nothing is changed, and nothing recorded.
    ///
    /// # Errors
    ///
    /// Terraform cannot look.
    pub async fn drift(&self, index: usize) -> Result<Drifted, ExecuteError> {
        self.with_module(index, Moment::Preview, async |calls| {
            calls.initialise().await?;
            let changes = plan::changes(calls, Purpose::Drift, &[]).await?;
            Ok(Drifted {
                entries: changes.summary().drift,
            })
        })
        .await
    }
}
