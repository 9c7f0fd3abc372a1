//! Which manifests of a repository may go, and why each of the others stays.
//!
//! [`inventory`] asks a registry what it holds; [`judge`] decides without asking anybody. A registry tells its tags and what is
//! attached, and nothing else: what no tag leads to is known only where the caller lists it.

mod inventory;
mod judge;
#[cfg(test)]
mod tests;

pub use inventory::{Listed, inventory};
pub use judge::{Held, Reason, Rules, Verdict, judge, order_of_deletion};
