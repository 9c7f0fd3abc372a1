//! From Markdown to items.

use std::ops::Range;

use pulldown_cmark::{Event, HeadingLevel, Options, Parser, Tag, TagEnd};

use super::{
    Item, ItemKind, MarkKind, StatusMark,
    draft::{Draft, Words, named},
    identify::own_id,
    status,
};
use crate::diagnostic::SourceFile;

/// Returns the items of a document in the order of its text.
pub(super) fn items(source: &SourceFile) -> Vec<Item> {
    let text = source.text();
    let begin = begin_of_markdown(text);
    let options =
        Options::ENABLE_TABLES | Options::ENABLE_TASKLISTS | Options::ENABLE_STRIKETHROUGH;
    let mut walk = Walk::new(text);
    for (event, range) in Parser::new_ext(&text[begin..], options).into_offset_iter() {
        walk.step(event, begin + range.start..begin + range.end);
    }
    named(walk.drafts, source)
}

/// Skips a byte order mark and a front matter, which Markdown would read as a rule and a heading.
fn begin_of_markdown(text: &str) -> usize {
    const MARK: &str = "\u{feff}";
    let begin = if text.starts_with(MARK) {
        MARK.len()
    } else {
        0
    };
    let mut lines = text[begin..].split_inclusive('\n');
    if lines.next().map(str::trim_end) != Some("---") {
        return begin;
    }
    let mut offset = begin + text[begin..].find('\n').map_or(0, |end| end + 1);
    for line in lines {
        offset += line.len();
        match line.trim_end() {
            "---" | "..." => return offset,
            // A rule at the top of a document without front matter: what follows it is Markdown.
            "" => return begin,
            _ => {}
        }
    }
    begin
}

/// A table while it is read.
struct Table {
    status_column: Option<usize>,
    column: usize,
    cell: Words,
    row: Option<Row>,
}

/// A row while it is read.
struct Row {
    range: Range<usize>,
    /// The cell that names it: the first one with more than an id or a number, and before it that id.
    cells: Vec<Words>,
    status: Option<StatusMark>,
}

/// Where the words that come next belong.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sink {
    Nothing,
    Draft(usize),
    Cell,
}

struct Walk<'t> {
    text: &'t str,
    drafts: Vec<Draft>,
    /// Headings above the current place, outermost first.
    headings: Vec<(u8, usize)>,
    /// List items around the current place, outermost first.
    open_items: Vec<usize>,
    /// For each list around the current place the number of its next item; `None` with bullets.
    lists: Vec<Option<u64>>,
    table: Option<Table>,
    emphasis: usize,
    sink: Sink,
}

impl<'t> Walk<'t> {
    fn new(text: &'t str) -> Self {
        Self {
            text,
            drafts: Vec::new(),
            headings: Vec::new(),
            open_items: Vec::new(),
            lists: Vec::new(),
            table: None,
            emphasis: 0,
            sink: Sink::Nothing,
        }
    }

    fn step(&mut self, event: Event<'_>, range: Range<usize>) {
        match event {
            Event::Start(tag) => self.start(tag, range),
            Event::End(tag) => self.end(tag, range),
            Event::Text(text) | Event::Code(text) => self.push(&text, range),
            Event::SoftBreak | Event::HardBreak => self.push(" ", range),
            Event::TaskListMarker(_) => self.check_box(range),
            Event::InlineMath(_)
            | Event::DisplayMath(_)
            | Event::Html(_)
            | Event::InlineHtml(_)
            | Event::FootnoteReference(_)
            | Event::Rule => {}
        }
    }

    fn push(&mut self, text: &str, range: Range<usize>) {
        let emphasis = self.emphasis + usize::from(self.text[range.clone()].starts_with('`'));
        match self.sink {
            Sink::Nothing => {}
            Sink::Draft(index) => self.drafts[index].words.push(text, range, emphasis),
            Sink::Cell => {
                if let Some(table) = &mut self.table {
                    table.cell.push(text, range, emphasis);
                }
            }
        }
    }

    fn start(&mut self, tag: Tag<'_>, range: Range<usize>) {
        match tag {
            Tag::Heading { level, .. } => self.start_heading(level, range),
            Tag::List(first) => {
                self.lists.push(first);
                self.sink = Sink::Nothing;
            }
            Tag::Item => self.start_item(range),
            Tag::Paragraph => self.start_paragraph(range),
            Tag::Table(_) => {
                self.sink = Sink::Nothing;
                self.table = Some(Table {
                    status_column: None,
                    column: 0,
                    cell: Words::default(),
                    row: None,
                });
            }
            Tag::TableRow => self.start_row(range),
            Tag::TableCell => {
                if let Some(table) = &mut self.table {
                    table.cell = Words::default();
                    self.sink = Sink::Cell;
                }
            }
            Tag::Strong | Tag::Emphasis => self.emphasis += 1,
            Tag::CodeBlock(_) | Tag::HtmlBlock | Tag::BlockQuote(_) => self.sink = Sink::Nothing,
            _ => {}
        }
    }

    fn end(&mut self, tag: TagEnd, range: Range<usize>) {
        match tag {
            TagEnd::Heading(_) | TagEnd::CodeBlock | TagEnd::HtmlBlock => self.sink = Sink::Nothing,
            TagEnd::Paragraph => self.sink = Sink::Nothing,
            TagEnd::Item => {
                self.sink = Sink::Nothing;
                self.open_items.pop();
            }
            TagEnd::List(_) => {
                self.lists.pop();
            }
            TagEnd::TableCell => self.end_cell(range),
            TagEnd::TableRow => self.end_row(),
            TagEnd::TableHead => {
                if let Some(table) = &mut self.table {
                    table.column = 0;
                }
            }
            TagEnd::Table => self.table = None,
            TagEnd::Strong | TagEnd::Emphasis => {
                self.emphasis = self.emphasis.saturating_sub(1);
                if let Sink::Draft(index) = self.sink {
                    self.drafts[index].words.end_emphasis();
                }
            }
            _ => {}
        }
    }

    fn start_heading(&mut self, level: HeadingLevel, range: Range<usize>) {
        let level = level as u8;
        while self
            .headings
            .last()
            .is_some_and(|(above, _)| *above >= level)
        {
            self.headings.pop();
        }
        let parent = self.headings.last().map(|(_, index)| *index);
        let index = self.add(ItemKind::Heading { level }, range.clone(), parent);
        self.drafts[index].status = status::of_heading(self.text, range);
        self.headings.push((level, index));
    }

    fn start_item(&mut self, range: Range<usize>) {
        let depth = self.open_items.len();
        let kind = match self.lists.last_mut() {
            Some(Some(next)) => {
                let number = *next;
                *next = next.saturating_add(1);
                ItemKind::Numbered { depth, number }
            }
            Some(None) | None => ItemKind::Bullet { depth },
        };
        let around = self.open_items.last().copied();
        let parent = around.or(self.headings.last().map(|(_, index)| *index));
        if let Some(end) = end_of_status_line(self.text, range.start) {
            self.status_line(range.start..end.min(range.end));
        }
        let index = self.add(kind, range, parent);
        self.open_items.push(index);
    }

    fn start_paragraph(&mut self, range: Range<usize>) {
        match self.open_items.last() {
            // Only the first paragraph of a list item names it.
            Some(index) if self.drafts[*index].words.range.is_none() => {
                self.sink = Sink::Draft(*index);
            }
            Some(_) | None => self.status_line(range),
        }
    }

    /// A line `Status: …` tells the status of what it stands in, the list item or else the section, unless that tells
    /// it by itself.
    fn status_line(&mut self, range: Range<usize>) {
        let heading = self.headings.last().map(|(_, index)| *index);
        let Some(index) = self.open_items.last().copied().or(heading) else {
            return;
        };
        let draft = &mut self.drafts[index];
        if draft.status.is_none() {
            draft.status = status::of_lines(self.text, range);
        }
    }

    fn check_box(&mut self, range: Range<usize>) {
        if let Some(index) = self.open_items.last() {
            self.drafts[*index].status = Some(status::mark(MarkKind::Box, self.text, range));
        }
    }

    fn add(&mut self, kind: ItemKind, span: Range<usize>, parent: Option<usize>) -> usize {
        let index = self.drafts.len();
        self.drafts.push(Draft {
            kind,
            span,
            parent,
            heading: self.headings.last().map(|(_, index)| *index),
            words: Words::default(),
            status: None,
        });
        self.sink = Sink::Draft(index);
        index
    }

    fn start_row(&mut self, range: Range<usize>) {
        if let Some(table) = &mut self.table {
            table.column = 0;
            table.row = Some(Row {
                range,
                cells: Vec::new(),
                status: None,
            });
        }
    }

    fn end_cell(&mut self, range: Range<usize>) {
        self.sink = Sink::Nothing;
        let Some(table) = &mut self.table else {
            return;
        };
        let cell = std::mem::take(&mut table.cell);
        let column = table.column;
        table.column += 1;
        let Some(row) = &mut table.row else {
            if table.status_column.is_none() && status::is_status_column(&cell.text) {
                table.status_column = Some(column);
            }
            return;
        };
        if table.status_column == Some(column) {
            let range = status::inner(self.text, without_bars(self.text, range));
            row.status = Some(status::mark(MarkKind::Words, self.text, range));
        } else {
            row.cells.push(cell);
        }
    }

    fn end_row(&mut self) {
        let Some(row) = self.table.as_mut().and_then(|table| table.row.take()) else {
            return;
        };
        let around = self.open_items.last().copied();
        let parent = around.or(self.headings.last().map(|(_, index)| *index));
        let index = self.add(ItemKind::Row, row.range, parent);
        self.sink = Sink::Nothing;
        self.drafts[index].words = row_words(row.cells);
        self.drafts[index].status = row.status;
    }
}

/// The words of a row are its first cell; where that is only an id or a number, the second one follows it.
fn row_words(cells: Vec<Words>) -> Words {
    let mut cells = cells.into_iter();
    let mut first = cells.next().unwrap_or_default();
    let names_itself = match own_id(first.text.trim(), first.emphasised) {
        Some(own) => !own.rest.is_empty(),
        None => first.text.contains(char::is_alphabetic),
    };
    if !names_itself && let Some(second) = cells.next() {
        let is_id = own_id(first.text.trim(), first.emphasised).is_some();
        first.text = match is_id {
            true => format!("{}: {}", first.text.trim(), second.text),
            false => second.text,
        };
        first.emphasised = if is_id { 0 } else { second.emphasised };
        first.range = second.range;
    }
    first
}

/// Returns the end of a line that is short enough to be a status line. Looking further would read a line with thousands of
/// nested list items as often as it has items.
fn end_of_status_line(text: &str, start: usize) -> Option<usize> {
    const LONGEST: usize = 1_000;
    let end = text.floor_char_boundary(start.saturating_add(LONGEST));
    match text[start..end].find('\n') {
        Some(length) => Some(start + length),
        None => (end == text.len()).then_some(end),
    }
}

/// The range of a cell may hold the bar behind it.
fn without_bars(text: &str, range: Range<usize>) -> Range<usize> {
    let cell = &text[range.clone()];
    let without_start = cell.trim_start_matches(['|', ' ', '\t']);
    let start = range.start + (cell.len() - without_start.len());
    let end = start
        + without_start
            .trim_end_matches(['|', ' ', '\t', '\r', '\n'])
            .len();
    start..end
}
