//! Whose answer is wanted: ours, or the original's to the last detail.

/// How rules are read and answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Dialect {
    /// Tags that every registry takes, and warnings where docker/metadata-action answers otherwise.
    #[default]
    Ours,
    /// What docker/metadata-action answers, its mistakes with it.
    Docker,
}
