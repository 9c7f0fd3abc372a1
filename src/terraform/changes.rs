//! What a saved plan would do, read from `terraform show -json`.
//!
//! [`Changes::read`] goes through the document once and keeps what changes, not the document. No value that terraform or the
//! caller calls sensitive is kept in clear, nor any text in which such a value stands.
mod attributes;
mod compare;
mod document;
mod kept;
mod model;
mod read;
mod rules;
mod shown;
mod stated;
mod summary;
mod take;
#[cfg(test)]
mod tests;

pub use compare::{Difference, Differing};
pub use kept::Kept;
pub use model::{
    Action, AttributeChange, Changes, Counts, Deferred, Importing, Mode, OutputChange,
    ResourceChange, Standing, StandingStatus,
};
pub use read::{ChangesError, Reading, resources_of_state, secrets_of_state};
pub use rules::{Allowed, JudgedPolicy, Judgement, NotAllowed, Policy, PolicyError, Violation};
pub use shown::Shown;
pub use stated::{Resources, Stated};
pub use summary::{Entry, Group, Summary};
