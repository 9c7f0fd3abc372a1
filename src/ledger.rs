//! The append-only record of what happened, its lease, and the state that is folded from it.
