//! What somebody else changed since terraform last looked: a plan that only refreshes.

use std::fmt::Write as _;

use camino::Utf8PathBuf;

use super::call::{Calls, LOCK_TIMEOUT};
use crate::{
    event::FailureKind,
    execute::{ExecuteError, Run},
    terraform::{
        AddressPattern, Changes, Reading,
        arguments::{self, PlanExit, Purpose},
        changes::Entry,
    },
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
        self.with_module(index, async |calls| {
            calls.version().await?;
            calls.initialise().await?;
            look(calls).await
        })
        .await
    }
}

async fn look(calls: &Calls<'_, '_, '_>) -> Result<Drifted, ExecuteError> {
    let unit = calls.unit;
    let var_files = unit.var_files(calls.run);
    let var_files = var_files.iter().map(Utf8PathBuf::as_path);
    let args = arguments::plan(Purpose::Drift, &unit.plan_file(), var_files, LOCK_TIMEOUT);
    let said = calls.direct("plan", args).await?;
    match PlanExit::of(said.code) {
        PlanExit::Unchanged | PlanExit::Changed => {}
        PlanExit::Failed => return Err(calls.failed("plan", &said)),
    }
    let shown = calls
        .direct("show", arguments::show(&unit.plan_file()))
        .await?;
    if shown.code != 0 {
        return Err(calls.failed("show", &shown));
    }
    let sensitive = unit.body.sensitive.iter();
    let sensitive: Vec<AddressPattern> = sensitive.map(AddressPattern::new).collect();
    let reading = Reading {
        sensitive: &sensitive,
        kept: &[],
    };
    let changes = Changes::read(&shown.stdout[..], &reading)
        .map_err(|error| ExecuteError::task(FailureKind::Task, crate::execute::chain(&error)))?;
    Ok(Drifted {
        entries: changes.summary().drift,
    })
}
