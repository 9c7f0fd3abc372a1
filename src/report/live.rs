//! A run on a terminal: finished lines scroll above, and below them stands a tree of what runs.
//!
//! Nothing here has a clock: [`Live`] is drawn when it is told the time. Nothing changes a mode of the terminal, and the cursor
//! rests below the tree, so that a process that is killed leaves a terminal in order.
mod board;
mod row;
mod screen;
mod tree;

pub use board::PhaseTasks;
pub use screen::{Canvas, Live, Size};
