//! What each kind of check observes.
pub struct Observable;
pub fn observable() {}
pub fn check_expectations(_: &crate::plan::model::Check, _: &mut crate::diagnostic::Diagnostics) {}
