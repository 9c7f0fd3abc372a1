//! What terraform tells while it works (`-json`), and what it says of a configuration (`validate -json`).
mod boxed;
mod problem;
mod progress;
#[cfg(test)]
mod tests;

pub use boxed::problems_in_text;
pub use problem::{Place, Position, Problem, Snippet, Validation, ValidationError};
pub use progress::{Progress, Told};
