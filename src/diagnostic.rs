//! Source texts, places in them, and problems that can be shown there.
//!
//! A [`Diagnostic`] says what was found, what was expected and what to do next; [`render()`] shows it in its source for
//! people, [`to_json`] for programs. This module performs no I/O and decides nothing about exit codes.
mod excerpt;
mod json;
mod problem;
mod render;
mod source;
pub mod words;

pub use json::to_json;
pub use problem::{Diagnostic, Diagnostics, Label, Severity};
pub use render::{Style, closing_line, render};
pub use source::{SourceFile, Span};
pub use words::nearest;
