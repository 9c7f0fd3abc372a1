//! A document and its items.

use std::collections::HashMap;

use super::parse;
use crate::diagnostic::{SourceFile, Span, nearest};

/// A plan document as its items, in the order of the text.
#[derive(Debug, Clone)]
pub struct Document {
    source: SourceFile,
    items: Vec<Item>,
    index_of: HashMap<String, usize>,
}

/// One thing that a plan document lists: a heading, a list item or a table row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// What it is known by, unique in the document: its own id, else `HEADING/FIRST-SIX-WORDS` (`plan-format.md`, 3.10).
    pub id: String,
    /// Whether the id is written in the document (`1.3`, `A12`, `ADR-001`) and so outlives a change of the words.
    pub has_own_id: bool,
    /// What it is in the text.
    pub kind: ItemKind,
    /// Its words on one line, without markup, ordinal, own id and status symbol.
    pub text: String,
    /// The line on which it begins, from 1.
    pub line: usize,
    /// All of its bytes: of a list item with what is nested in it, of a heading only its own line.
    pub span: Span,
    /// Index of the item that holds it: the list item around it, else the heading above it.
    pub parent: Option<usize>,
    /// Index of the nearest heading above it, of whatever level for a list item or row, of a lower level for a heading.
    pub heading: Option<usize>,
    /// Where its status is written, if it is.
    pub status: Option<StatusMark>,
}

/// What an item is in the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ItemKind {
    /// A heading.
    Heading {
        /// 1 to 6.
        level: u8,
    },
    /// An item of a list with bullets.
    Bullet {
        /// How many list items are around it.
        depth: usize,
    },
    /// An item of a list with numbers.
    Numbered {
        /// How many list items are around it.
        depth: usize,
        /// Its number, counted from that of the first.
        number: u64,
    },
    /// A row of a table, its header aside.
    Row,
}

/// The place where a status is written: to write another one, only these bytes change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusMark {
    /// How it is written.
    pub kind: MarkKind,
    /// The bytes of `span`: `[ ]`, `✅`, `Not Started`; empty for the empty cell of a status column.
    pub text: String,
    /// Where it is.
    pub span: Span,
}

/// How a status is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MarkKind {
    /// A check box: `[ ]`, `[x]`, `[~]`.
    Box,
    /// A symbol before or behind the words.
    Symbol,
    /// Words: the cell of a status column, or what follows `Status:`.
    Words,
}

impl Document {
    /// Reads a document. Every text is one.
    pub fn parse(source: SourceFile) -> Self {
        let items = parse::items(&source);
        let index_of = items
            .iter()
            .enumerate()
            .map(|(index, item)| (item.id.clone(), index))
            .collect();
        Self {
            source,
            items,
            index_of,
        }
    }

    /// Returns the text that was read.
    pub fn source(&self) -> &SourceFile {
        &self.source
    }

    /// Returns all items in the order of the text.
    pub fn items(&self) -> &[Item] {
        &self.items
    }

    /// Returns the item with this id.
    pub fn find(&self, id: &str) -> Option<&Item> {
        self.index_of.get(id).map(|index| &self.items[*index])
    }

    /// Returns the item that was probably meant by an id which no item has: the only one whose part behind the heading it
    /// is, else the one with the nearest id.
    pub fn nearest(&self, id: &str) -> Option<&Item> {
        let tail = id.rsplit('/').next().unwrap_or(id);
        let has_tail = |item: &&Item| {
            let own_tail = item.id.rsplit('/').next();
            own_tail.is_some_and(|own| own.eq_ignore_ascii_case(tail))
        };
        let mut with_tail = self.items.iter().filter(has_tail);
        match (with_tail.next(), with_tail.next()) {
            (Some(only), None) => Some(only),
            _ => nearest(id, self.items.iter().map(|item| item.id.as_str()))
                .and_then(|meant| self.find(meant)),
        }
    }

    /// Returns the first heading of level 1, without markup.
    pub fn title(&self) -> Option<&str> {
        self.items
            .iter()
            .find(|item| item.kind == ItemKind::Heading { level: 1 })
            .map(|item| item.text.as_str())
    }

    /// Returns the heading under which an item stands; that of a heading is the one above it.
    pub fn heading_of(&self, item: &Item) -> Option<&Item> {
        item.heading.map(|index| &self.items[index])
    }
}

impl Item {
    /// Whether it is a heading.
    pub fn is_heading(&self) -> bool {
        matches!(self.kind, ItemKind::Heading { .. })
    }

    /// Whether it carries a check box.
    pub fn is_check_box(&self) -> bool {
        let mark = self.status.as_ref().map(|status| status.kind);
        mark == Some(MarkKind::Box)
    }
}
