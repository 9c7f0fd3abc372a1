//! The kinds of tasks, each in a room of its own: its keys, and what they mean once their expressions are evaluated.
mod body;
pub mod gate;
pub mod image;
pub mod kubernetes;
mod observation;
pub mod render;
pub mod run;
pub mod terraform;

pub use body::{BodyError, Reader, artifacts, check_body, outputs};
pub use observation::{
    Observable, check_expectations, check_image_expectations, check_policies, observable,
};
