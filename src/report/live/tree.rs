//! The rows of the tree: phases, what runs in them, and all tasks counted.

use std::time::Duration;

use jiff::Timestamp;

use super::{
    board::{Board, Phase, Standing, Task},
    row::{Row, padded},
};
use crate::{
    diagnostic::words::count,
    report::{Colours, Tone, visible::columns, words::duration},
};

/// The most columns of a row that a name takes.
const LONGEST_NAME: usize = 40;
/// Of a line of output nothing is shown in fewer columns than these.
const SHORTEST_OUTPUT: usize = 12;

/// Whether a task is one of those that are counted.
type Is = fn(&Standing) -> bool;

/// What the rows depend on besides the facts.
#[derive(Debug)]
pub(super) struct View {
    /// Columns that may be used.
    pub width: usize,
    /// Rows that may be used.
    pub most: usize,
    /// The time.
    pub now: Timestamp,
    /// How often time has passed, for the spinner.
    pub step: usize,
    /// What the rows are adorned with.
    pub glyphs: &'static Glyphs,
}

/// Returns the rows, at most as many as the view has: what runs goes before what has ended or is to come.
pub(super) fn rows(board: &Board, view: &View) -> Vec<Row> {
    let last = footer(board, view);
    let mut rows = phases(board, view, |_| true);
    if rows.len() >= view.most {
        rows = phases(board, view, |phase| board.is_active(phase));
    }
    if rows.len() >= view.most {
        let n_shown = view.most.saturating_sub(2);
        let n_hidden = rows.len() - n_shown;
        rows.truncate(n_shown);
        if view.most > 1 {
            let words = format!("  {} {n_hidden} more", view.glyphs.missing);
            rows.push(Row::default().painted(Tone::Quiet, words));
        }
    }
    rows.push(last);
    rows
}

fn phases(board: &Board, view: &View, is_shown: impl Fn(&Phase) -> bool) -> Vec<Row> {
    let shown: Vec<&Phase> = board
        .phases
        .iter()
        .filter(|phase| is_shown(phase))
        .collect();
    let widths = shown.iter().flat_map(|phase| {
        let active = board.of_phase(phase).iter();
        let active = active.filter(|task| task.standing.is_active());
        // What is below its phase stands two columns behind it.
        let of_tasks = active.map(|task| columns(&task.key.to_string()) + 2);
        of_tasks.chain([columns(&phase.name)])
    });
    let widest = widths.max().unwrap_or_default();
    let name_width = widest.min(LONGEST_NAME).min(view.width / 2);
    let mut rows = Vec::new();
    for phase in shown {
        rows.push(phase_row(board, phase, name_width, view));
        let tasks = board.of_phase(phase).iter();
        rows.extend(tasks.filter_map(|task| task_row(task, name_width, view)));
    }
    rows
}

fn phase_row(board: &Board, phase: &Phase, name_width: usize, view: &View) -> Row {
    let tasks = board.of_phase(phase);
    let number = |is_meant: Is| {
        let meant = tasks.iter().filter(|task| is_meant(&task.standing));
        meant.count()
    };
    let n_failed = number(|standing| *standing == Standing::Failed);
    let n_waiting = number(|standing| *standing == Standing::Waits);
    let (tone, symbol) = match (n_failed, n_waiting, phase.ended) {
        _ if board.is_active(phase) => (Tone::Active, view.glyphs.spinner(view.step)),
        (1.., _, _) => (Tone::Bad, view.glyphs.bad),
        (_, 1.., _) => (Tone::Attention, view.glyphs.waits),
        (_, _, Some(_)) => (Tone::Good, view.glyphs.good),
        (_, _, None) => (Tone::Quiet, view.glyphs.to_come),
    };
    let mut facts = format!("  {} of {}", number(Standing::is_over), tasks.len());
    for (number, word) in [(n_failed, "failed"), (n_waiting, "waiting")] {
        if number > 0 {
            facts.push_str(&format!(", {number} {word}"));
        }
    }
    if let Some(began) = phase.began {
        let took = clock(began, phase.ended.unwrap_or(view.now));
        facts.push_str(&format!(", {took}"));
    }
    Row::default()
        .painted(tone, symbol)
        .text(format!(" {}", padded(&phase.name, name_width)))
        .painted(Tone::Quiet, facts)
}

fn task_row(task: &Task, name_width: usize, view: &View) -> Option<Row> {
    let (since, said) = match &task.standing {
        Standing::Running { since, last } => (*since, last.as_str()),
        Standing::Retries { since } => (*since, "waits before the next attempt"),
        Standing::ToCome
        | Standing::Done
        | Standing::Failed
        | Standing::Waits
        | Standing::LeftOut => return None,
    };
    let name = padded(&task.key.to_string(), name_width.saturating_sub(2));
    let took = format!("  {:>8}", clock(since, view.now));
    let taken = 4 + columns(&name) + columns(&took) + 2;
    let row = Row::default()
        .text("  ")
        .painted(Tone::Active, view.glyphs.spinner(view.step))
        .text(format!(" {name}{took}"));
    if said.is_empty() || taken + SHORTEST_OUTPUT > view.width {
        return Some(row);
    }
    Some(row.text("  ").painted(Tone::Quiet, said))
}

fn footer(board: &Board, view: &View) -> Row {
    let counted: [(&str, Is); 6] = [
        ("failed", |standing| *standing == Standing::Failed),
        ("running", Standing::is_active),
        ("waiting", |standing| *standing == Standing::Waits),
        ("left out", |standing| *standing == Standing::LeftOut),
        ("done", |standing| *standing == Standing::Done),
        ("to come", |standing| *standing == Standing::ToCome),
    ];
    let words = counted.iter().filter_map(|(word, is_meant)| {
        let meant = board.tasks.iter().filter(|task| is_meant(&task.standing));
        Some(meant.count())
            .filter(|number| *number > 0)
            .map(|number| format!("{number} {word}"))
    });
    let words: Vec<String> = words.collect();
    let mut text = format!("{}: {}", count(board.tasks.len(), "task"), words.join(", "));
    if let Some(began) = board.began {
        text.push_str(&format!("; {}", clock(began, view.now)));
    }
    let row = Row::default();
    match &board.stopping {
        Some(signal) => row.painted(Tone::Attention, format!("stopping after {signal}; ")),
        None => row,
    }
    .text(text)
}

/// Signs at the beginning of rows.
#[derive(Debug)]
pub(super) struct Glyphs {
    spinner: &'static [&'static str],
    good: &'static str,
    bad: &'static str,
    waits: &'static str,
    to_come: &'static str,
    missing: &'static str,
}

impl Glyphs {
    /// Where there are no colours, there are no signs beyond ASCII either.
    pub fn of(colours: Colours) -> &'static Self {
        match colours {
            Colours::Plain => &Self {
                spinner: &["-", "\\", "|", "/"],
                good: "+",
                bad: "x",
                waits: "!",
                to_come: ".",
                missing: "...",
            },
            Colours::Ansi => &Self {
                spinner: &["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"],
                good: "✓",
                bad: "✗",
                waits: "‖",
                to_come: "·",
                missing: "…",
            },
        }
    }

    fn spinner(&self, step: usize) -> &'static str {
        self.spinner[step % self.spinner.len()]
    }
}

/// Writes how long something goes on, in whole seconds.
fn clock(since: Timestamp, now: Timestamp) -> String {
    let seconds = u64::try_from(now.duration_since(since).as_secs()).unwrap_or_default();
    match seconds {
        0..10 => format!("{seconds} s"),
        _ => duration(Duration::from_secs(seconds)),
    }
}
