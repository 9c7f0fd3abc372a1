//! The deployment plan: what the file says, and what it means.
pub mod duration;
pub mod requirement;
