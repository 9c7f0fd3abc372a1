//! What is wrong with an environment file, or with what should go into one.

use camino::Utf8PathBuf;

use crate::event::FailureKind;

/// An environment file cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// A line is neither `NAME=VALUE` nor `NAME<<DELIMITER`.
    #[error("line {line}: invalid format `{text}`: expected `NAME=VALUE` or `NAME<<DELIMITER`")]
    Format {
        /// The line, from 1.
        line: usize,
        /// What stands there.
        text: String,
    },
    /// A line has no name, or no delimiter behind `<<`.
    #[error("line {line}: invalid format `{text}`: name and delimiter must not be empty")]
    Empty {
        /// The line, from 1.
        line: usize,
        /// What stands there.
        text: String,
    },
    /// The value does not end.
    #[error("line {line}: matching delimiter `{delimiter}` not found")]
    NoDelimiter {
        /// The line that opens the value, from 1.
        line: usize,
        /// What should close it.
        delimiter: String,
    },
    /// The last line of a value is the last of the file, without a line end.
    #[error("line {line}: the delimiter `{delimiter}` does not stand on a line of its own")]
    NoNewLine {
        /// The line that opens the value, from 1.
        line: usize,
        /// What should close it.
        delimiter: String,
    },
    /// The name cannot be written so that it is read back.
    #[error("`{name}` is not a name that a runner takes: {because}")]
    Name {
        /// The name.
        name: String,
        /// What is wrong with it.
        because: &'static str,
    },
    /// The value cannot be written so that it is read back.
    #[error("the value of `{name}` cannot be handed to the runner: {because}")]
    Value {
        /// The name of the value.
        name: String,
        /// What is wrong with it.
        because: &'static str,
    },
    /// The value is longer than GitHub keeps.
    #[error("the outputs take {found} bytes, {limit} are allowed; `{name}` does not fit")]
    TooLong {
        /// The name of the value that does not fit.
        name: String,
        /// Bytes of all outputs up to it, in UTF-16.
        found: usize,
        /// How many there may be.
        limit: usize,
    },
    /// The file cannot be written.
    #[error("the runner's file `{path}` cannot be written")]
    Unwritable {
        /// The file.
        path: Utf8PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

impl FileError {
    /// Returns the class of the failure.
    pub fn kind(&self) -> FailureKind {
        FailureKind::Task
    }
}
