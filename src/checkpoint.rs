//! The checkpoint: run state folded into a summary, written within a budget, kept in one comment.
