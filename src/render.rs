//! Tera templates of plans.
use crate::expression::Value;
/// x
#[derive(Debug, thiserror::Error)]
#[error("x")]
pub struct RenderError;
/// x
pub fn file(_template: &str, _values: &Value) -> Result<String, RenderError> {
    Err(RenderError)
}
