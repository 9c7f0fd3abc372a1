//! What a valid plan means.
//!
//! A [`Plan`] is always valid: names are well formed, every name resolves, every expression parses and stands where it
//! may. Nothing outside `plan` checks that again. Expressions are kept as they are written; they are evaluated when what
//! they read is known.
mod check;
mod data;
mod parts;
mod task;

pub use check::{Check, CheckKind};
pub use data::{
    Audience, Budget, Connection, ConnectionKind, Decision, DecisionAnswer, Environment, Exclusion,
    Goal, Input, InputType, Proof, Risk, SecretSource, Tool, WorkflowDeclaration,
};
pub use parts::{Condition, Covered, Coverer, OnFailure, Parts, Phase, Plan};
pub use task::{Artifact, Kind, OutputDeclaration, OutputType, Read, Retry, Rollback, Task, Way};
