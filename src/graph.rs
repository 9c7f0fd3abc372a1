//! The acyclic graph of tasks, and selections of it.
