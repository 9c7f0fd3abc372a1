//! Items as they are read, and how they get their names.

use std::{collections::HashMap, ops::Range};

use super::{
    Item, ItemKind, MarkKind, StatusMark,
    identify::{Ids, OwnId, Strength, heading_id, own_id, without_ordinal, words_id},
    status,
};
use crate::diagnostic::{SourceFile, Span};

/// An item before it has its id.
pub(super) struct Draft {
    pub(super) kind: ItemKind,
    pub(super) span: Range<usize>,
    pub(super) parent: Option<usize>,
    pub(super) heading: Option<usize>,
    pub(super) words: Words,
    pub(super) status: Option<StatusMark>,
}

/// The words of an item as they are read.
#[derive(Default)]
pub(super) struct Words {
    pub(super) text: String,
    /// Length of a first part of `text` that is emphasised, once something else follows.
    pub(super) emphasised: usize,
    first_part_ended: bool,
    /// The bytes they come from.
    pub(super) range: Option<Range<usize>>,
}

impl Words {
    pub(super) fn push(&mut self, text: &str, range: Range<usize>, emphasis: usize) {
        // White space of any kind, and the end of a line, is one space.
        for character in text.chars() {
            if !character.is_whitespace() {
                self.text.push(character);
            } else if !self.text.is_empty() && !self.text.ends_with(' ') {
                self.text.push(' ');
            }
        }
        if emphasis == 0 && !self.text.is_empty() {
            self.first_part_ended = true;
        } else if !self.first_part_ended {
            self.emphasised = self.text.len();
        }
        let start = self.range.as_ref().map_or(range.start, |old| old.start);
        self.range = Some(start..range.end);
    }

    pub(super) fn end_emphasis(&mut self) {
        self.first_part_ended |= !self.text.is_empty();
    }
}

/// Gives each draft its id.
pub(super) fn named(drafts: Vec<Draft>, source: &SourceFile) -> Vec<Item> {
    let mut drafts = drafts;
    for draft in &mut drafts {
        take_symbol(draft, source.text());
    }
    let read: Vec<_> = drafts.iter().map(read_words).collect();
    let mut bare: HashMap<&str, usize> = HashMap::new();
    for own in read.iter().filter_map(|read| read.own.as_ref()) {
        *bare.entry(own.id).or_default() += 1;
    }
    let mut ids = Ids::default();
    let mut items: Vec<Item> = Vec::with_capacity(drafts.len());
    for (draft, read) in drafts.iter().zip(&read) {
        let own = read
            .own
            .as_ref()
            .filter(|own| own.strength == Strength::Marked || bare.get(own.id) == Some(&1));
        let text = own.map_or(read.text, |own| own.rest);
        let id = match own {
            Some(own) => own.id.to_owned(),
            None => made_id(draft, text, &items),
        };
        items.push(Item {
            id: ids.unique(id),
            has_own_id: own.is_some(),
            kind: draft.kind,
            text: text.to_owned(),
            line: source.line_of(draft.span.start),
            span: Span::from(draft.span.clone()),
            parent: draft.parent,
            heading: draft.heading,
            status: draft.status.clone(),
        });
    }
    items
}

/// What the words of an item say.
struct ReadWords<'d> {
    /// The words without ordinal.
    text: &'d str,
    own: Option<OwnId<'d>>,
}

fn read_words(draft: &Draft) -> ReadWords<'_> {
    let whole = draft.words.text.trim();
    let text = without_ordinal(whole);
    let taken = whole.len() - text.len();
    let own = own_id(text, draft.words.emphasised.saturating_sub(taken));
    ReadWords { text, own }
}

fn made_id(draft: &Draft, text: &str, items: &[Item]) -> String {
    let text = status::without_value(text);
    if matches!(draft.kind, ItemKind::Heading { .. }) {
        return heading_id(text);
    }
    match draft.heading {
        Some(heading) => format!("{}/{}", items[heading].id, words_id(text)),
        None => words_id(text),
    }
}

/// Takes a status symbol, or an unusual check box, off the words and keeps its place.
fn take_symbol(draft: &mut Draft, text: &str) {
    let Some(range) = draft.words.range.clone() else {
        return;
    };
    let words = draft.words.text.trim().to_owned();
    let found = if let Some(length) = status::leading_other_box(&words) {
        Some((MarkKind::Box, length, Side::Leading))
    } else if let Some(length) = status::leading_symbol(&words) {
        Some((MarkKind::Symbol, length, Side::Leading))
    } else {
        status::trailing_symbol(&words).map(|length| (MarkKind::Symbol, length, Side::Trailing))
    };
    let Some((kind, length, side)) = found else {
        return;
    };
    let (symbol, rest) = match side {
        Side::Leading => (&words[..length], &words[length..]),
        Side::Trailing => (
            &words[words.len() - length..],
            &words[..words.len() - length],
        ),
    };
    let place = match side {
        Side::Leading => text[range.clone()].find(symbol),
        Side::Trailing => text[range.clone()].rfind(symbol),
    };
    if let Some(place) = place
        && draft.status.is_none()
    {
        let start = range.start + place;
        draft.status = Some(status::mark(kind, text, start..start + symbol.len()));
    }
    if side == Side::Leading {
        let without = rest.trim_start().len();
        let taken = draft.words.text.len() - without;
        draft.words.emphasised = draft.words.emphasised.saturating_sub(taken);
    }
    draft.words.text = rest.trim().to_owned();
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Leading,
    Trailing,
}
