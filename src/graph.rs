//! The acyclic graph of tasks, and selections of it.
//!
//! Graph, ledger and reports know only tasks: one for each leg of a matrix in each environment. A [`TaskGraph`] never
//! holds a cycle. Order has the four sources of `plan-format.md`, 3.2; phases are kept as barriers, so that two phases of
//! 5,000 tasks cost 10,000 entries and not 25 million edges.
mod barriers;
mod budget;
mod build;
mod cycle;
mod late;
mod legs;
mod model;
mod nulls;
mod selection;
mod show;

pub use build::build;
pub use model::{Barrier, Edge, EdgeSource, Node, Standing, TaskGraph};
pub use selection::{Selection, SelectionError, select};
pub use show::{to_dot, to_json, to_mermaid, to_text};
