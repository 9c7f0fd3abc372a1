//! The seam between what happens and how it is shown.

use jiff::Timestamp;

use crate::{event::Record, ident::TaskKey, secret::Secret};

/// Shows a run while it goes on. A reporter that fails says so once and never stops the run.
pub trait Reporter {
    /// Shows a fact. It is in the ledger already.
    fn record(&mut self, record: &Record);

    /// Shows a masked line of a task's output.
    fn output(&mut self, task: &TaskKey, line: &str);

    /// Shows what the run wants a person to know besides its facts: a torn ledger, a name that cannot be masked.
    fn notice(&mut self, text: &str);

    /// Shows that time passes. No reporter has a clock or a timer of its own.
    fn tick(&mut self, _at: Timestamp) {}

    /// Learns of secrets before anything that holds them is shown.
    fn secrets(&mut self, _secrets: &[Secret]) {}
}
