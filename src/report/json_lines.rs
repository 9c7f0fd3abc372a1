//! Each record as one line of JSON.

use std::io::{self, Write};

use super::Reporter;
use crate::{event::Record, ident::TaskKey};

/// Writes each record as one line of JSON, as the ledger has it. Output of tasks is in their logs and is not repeated.
pub struct JsonLines {
    writer: Box<dyn Write>,
    /// The first error; nothing is written after it.
    failed: Option<io::Error>,
}

impl JsonLines {
    /// Writes to the given stream.
    pub fn new(writer: Box<dyn Write>) -> Self {
        Self {
            writer,
            failed: None,
        }
    }

    /// Returns the error after which nothing was written any more.
    pub fn failed(&self) -> Option<&io::Error> {
        self.failed.as_ref()
    }

    fn write(&mut self, line: &serde_json::Value) {
        if self.failed.is_none() {
            // A runner reads `##[…]` anywhere in a line as a command; in JSON a sign can be written as its number.
            let line = line.to_string().replace("##[", "##\\u005b");
            let written = writeln!(self.writer, "{line}").and_then(|()| self.writer.flush());
            self.failed = written.err();
        }
    }
}

impl Reporter for JsonLines {
    fn record(&mut self, record: &Record) {
        let line = serde_json::to_value(record)
            .expect("records have texts as keys: the ledger writes the same");
        self.write(&line);
    }

    fn output(&mut self, _: &TaskKey, _: &str) {}

    fn notice(&mut self, text: &str) {
        self.write(&serde_json::json!({ "notice": text }));
    }
}
