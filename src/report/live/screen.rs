//! The terminal: what is written once, and what is drawn over and over below it.

use std::io::{self, Write};

use jiff::Timestamp;

use super::{
    board::{Board, PhaseTasks},
    tree::{Glyphs, View, rows},
};
use crate::{
    event::{Event, Record},
    ident::TaskKey,
    report::{Colours, Reporter, terminal::Story},
};

/// The size of a terminal, in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// Its columns.
    pub columns: usize,
    /// Its rows.
    pub rows: usize,
}

/// A terminal that can be drawn on.
pub struct Canvas {
    /// Its stream.
    pub writer: Box<dyn Write>,
    /// Says its size, which is asked for each time it is drawn on.
    pub size: Box<dyn Fn() -> Size>,
    /// What is written on it may look like this.
    pub colours: Colours,
}

/// Shows a run on a terminal. Lines that are written once wait for the next tick, and are written with the tree in one piece.
pub struct Live {
    canvas: Canvas,
    story: Story,
    board: Board,
    /// Lines that are to be written above the tree.
    pending: Vec<String>,
    /// Columns of the rows that stand on the terminal.
    drawn: Vec<usize>,
    step: usize,
    is_over: bool,
    /// The first error; nothing is written after it.
    failed: Option<io::Error>,
}

impl Live {
    /// Shows these phases on a terminal, and tells the story above them.
    pub fn new(canvas: Canvas, story: Story, phases: Vec<PhaseTasks>) -> Self {
        Self {
            canvas,
            story,
            board: Board::new(phases),
            pending: Vec::new(),
            drawn: Vec::new(),
            step: 0,
            is_over: false,
            failed: None,
        }
    }

    /// Takes the tree away, and writes what is pending in its place.
    fn settle(&mut self) {
        let size = (self.canvas.size)();
        let mut text = self.erased(size);
        self.write_pending(&mut text);
        self.send(&text);
    }

    fn draw(&mut self, now: Timestamp) {
        let size = (self.canvas.size)();
        let mut text = self.erased(size);
        self.write_pending(&mut text);
        let view = View {
            // The last column is left alone: terminals differ in where the cursor goes on from there.
            width: size.columns.saturating_sub(1),
            most: size.rows.saturating_sub(1).max(1),
            now,
            step: self.step,
            glyphs: Glyphs::of(self.canvas.colours),
        };
        for row in rows(&self.board, &view) {
            let (row, columns) = row.written(self.canvas.colours, view.width);
            text.push_str(&row);
            text.push('\n');
            self.drawn.push(columns);
        }
        self.send(&text);
    }

    /// Returns what takes the tree away that was drawn last; the cursor rests at the beginning of the row below it.
    ///
    /// A terminal that became narrower has broken its rows, so that they take more of them than they did.
    fn erased(&mut self, size: Size) -> String {
        let columns = size.columns.max(1);
        let rows = self.drawn.drain(..);
        match rows.map(|taken| taken.div_ceil(columns).max(1)).sum() {
            0_usize => String::new(),
            rows => format!("\r\u{1b}[{rows}A\u{1b}[J"),
        }
    }

    fn write_pending(&mut self, text: &mut String) {
        for line in self.pending.drain(..) {
            text.push_str(&line);
            text.push('\n');
        }
    }

    fn send(&mut self, text: &str) {
        if self.failed.is_none() && !text.is_empty() {
            let written = self.canvas.writer.write_all(text.as_bytes());
            self.failed = written.and_then(|()| self.canvas.writer.flush()).err();
        }
    }
}

impl Reporter for Live {
    fn record(&mut self, record: &Record) {
        self.board.take(&record.event, record.at);
        self.pending.extend(self.story.record(record));
        if let Event::RunFinished(_) = &record.event {
            self.is_over = true;
            self.settle();
        }
    }

    fn output(&mut self, task: &TaskKey, line: &str) {
        self.board.said(task, line);
        self.pending.extend(self.story.output(task, line));
    }

    fn notice(&mut self, text: &str) {
        self.pending.push(Story::notice(text));
    }

    fn tick(&mut self, at: Timestamp) {
        if !self.is_over {
            self.step += 1;
            self.draw(at);
        }
    }
}

impl Drop for Live {
    /// A run that ends by an error leaves no tree behind. Where the program panics, words about it stand below the tree already.
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.settle();
        }
    }
}
