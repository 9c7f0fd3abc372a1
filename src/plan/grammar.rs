//! The grammar of the plan file as data: every key with its type, whether it must be there, and what it means.
//!
//! One table serves the check of a file, the JSON Schema, the docs and the suggestions; `plan-format.md`, section 2, is its
//! prose. A kind of task keeps its table in its own room, `plan::kind`.
mod check;
mod connection;
mod plan;
mod reference;
mod schema;
pub mod table;
mod task;

pub use check::{CHECK, CHECK_KINDS};
pub use connection::{CONNECTION, CONNECTION_KINDS};
pub use plan::PLAN;
pub use reference::reference;
pub use schema::{SCHEMA_ID, schema};
pub use table::{Exactly, Key, Object, Takes, Type};
pub use task::{PHASE, POLICY, TASK, TASK_KINDS};
