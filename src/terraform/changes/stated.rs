//! What a state holds, as a check asks for it.

use super::Mode;
use crate::{expression::Value, secret::Secret};

/// The resources of a state that were asked for.
#[derive(Debug)]
pub struct Resources {
    /// Those, in the order of the state.
    pub found: Vec<Stated>,
    /// What is secret in the state, each with its first place, for the mask of the log.
    pub secrets: Vec<(String, Secret)>,
}

/// One instance of a resource.
#[derive(Debug, Clone, PartialEq)]
pub struct Stated {
    /// Its address.
    pub address: String,
    /// What it is.
    pub mode: Mode,
    /// Its attributes; what is sensitive is a secret, or, of a list or map, one secret as a whole.
    pub values: Value,
}
