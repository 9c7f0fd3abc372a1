//! Workflow commands: lines on the standard output by which a step speaks to its runner.
//!
//! Nothing here writes by itself: the caller hands in a writer, and only `cli` and `report` own the standard output.
mod annotation;
mod escape;
mod read;
mod writer;

pub use annotation::{Annotation, AnnotationLevel, Annotations, LONGEST_MESSAGE, MOST_PER_LEVEL};
pub use read::{LogReader, Seen};
pub use writer::Commands;
