//! Markdown plan documents: the ids of their items, and where their statuses stand.
//!
//! A [`Document`] is any text: what is not Markdown simply has no items. Places are kept in bytes, so that a status can be
//! written back without touching anything else. This module performs no I/O and does not judge what a status means.
mod draft;
mod identify;
mod item;
mod parse;
mod status;
#[cfg(test)]
mod tests;

pub use item::{Document, Item, ItemKind, MarkKind, StatusMark};
