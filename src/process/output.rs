//! Where the output of a child goes.

use std::path::Path;

use tokio::sync::mpsc;

use crate::secret::Masker;

/// Where the masked output of a child goes. It is read to the end in any case.
#[derive(Debug, Clone)]
pub struct Output<'o> {
    /// The mask. Secrets of the child's own environment are masked even where it does not know them.
    pub masker: &'o Masker,
    /// The log file, appended to; made, with its folder, when there is something to write. It gets everything.
    pub log: Option<&'o Path>,
    /// Takes lines as they come. A line that it has no room for is not shown, and counted: it never stalls the child.
    pub live: Option<mpsc::Sender<OutputLine>>,
}

/// A masked line of output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutputLine {
    /// Where it came from.
    pub from: Source,
    /// The line, without its end.
    pub text: String,
}

/// Where a line came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
    /// The log of a kept child, in which both are.
    Log,
    /// This module: how many lines were not shown.
    Note,
}
