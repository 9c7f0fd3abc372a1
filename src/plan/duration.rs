//! Durations.
#[derive(Debug, thiserror::Error)]
#[error("a duration needs a unit")]
pub struct DurationError;
impl DurationError {
    pub fn help(&self) -> String {
        String::new()
    }
}
pub fn parse(_: &str) -> Result<std::time::Duration, DurationError> {
    Ok(std::time::Duration::ZERO)
}
