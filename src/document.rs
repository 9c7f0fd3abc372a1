//! Markdown plan documents: the ids of their items.
