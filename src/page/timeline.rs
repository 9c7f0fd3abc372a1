//! A run on a line: one lane a task, its attempts and waits, and long times in which nothing ran cut out.

use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;

use super::history::{AttemptHistory, RunHistory, TaskHistory};
use crate::{
    event::Outcome,
    report::{Tone, words::duration},
};

/// The most runs that are drawn; a page does not grow for ever.
pub(super) const MOST_RUNS: usize = 20;
/// A time in which nothing ran is cut from this length on.
const SHORTEST_CUT: Duration = Duration::from_secs(5);
/// And from this share of the time in which something ran.
const CUT_SHARE: f64 = 0.2;
/// Width of a cut, in percent.
const CUT_WIDTH: f64 = 3.0;
/// The most that all cuts take together, in percent.
const ALL_CUTS: f64 = 30.0;
/// The narrowest bar, in percent.
const NARROWEST: f64 = 0.5;
/// The least distance of two labels, in percent.
const LABELS_APART: f64 = 16.0;

/// A run as it is drawn. Places and widths are in percent.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Timeline {
    pub lanes: Vec<Lane>,
    pub cuts: Vec<Cut>,
    pub labels: Vec<Label>,
    /// Where the run was asked to stop.
    pub cancelled: Option<f64>,
    /// How many tasks were not carried out, by the word for it: `12 up to date`.
    pub others: Vec<String>,
    /// From its first record to its last.
    pub took: String,
}

/// A task.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Lane {
    pub key: String,
    pub bars: Vec<Bar>,
    pub waits: Vec<Bar>,
    /// How long its attempts took together.
    pub took: String,
    /// All of it in words.
    pub words: String,
}

/// A time of a task.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Bar {
    pub left: f64,
    pub width: f64,
    pub tone: Tone,
    /// Whether its end is not known.
    pub open: bool,
}

/// A time in which nothing ran.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Cut {
    pub left: f64,
    pub width: f64,
    pub took: String,
}

/// A label of the axis: time since the run began.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Label {
    pub left: f64,
    pub text: String,
}

impl Timeline {
    /// Draws a run; what has no end lasts until the run's last record. A run in which nothing was carried out has no lanes.
    pub(super) fn of(run: &RunHistory) -> Self {
        let axis = Axis::of(run);
        let carried_out = run
            .tasks
            .iter()
            .filter(|(_, task)| !task.attempts.is_empty() || !task.waits.is_empty());
        let mut lanes: Vec<(Timestamp, Lane)> = carried_out
            .map(|(key, task)| (first_of(task, run), lane(key.to_string(), task, run, &axis)))
            .collect();
        lanes.sort_by_key(|(first, _)| *first);
        Self {
            lanes: lanes.into_iter().map(|(_, lane)| lane).collect(),
            cuts: axis.cuts(),
            labels: axis.labels(),
            cancelled: run.cancelled.as_ref().map(|(at, _)| axis.place(*at)),
            others: others(run),
            took: duration(between(run.started, run.last)),
        }
    }
}

fn others(run: &RunHistory) -> Vec<String> {
    let mut counts: Vec<(&'static str, usize)> = Vec::new();
    for word in run.tasks.values().filter_map(|task| task.word) {
        match counts.iter_mut().find(|(other, _)| *other == word) {
            Some((_, number)) => *number += 1,
            None => counts.push((word, 1)),
        }
    }
    counts
        .into_iter()
        .map(|(word, number)| format!("{number} {word}"))
        .collect()
}

fn first_of(task: &TaskHistory, run: &RunHistory) -> Timestamp {
    let attempts = task.attempts.iter().map(|attempt| attempt.started);
    let waits = task.waits.iter().map(|wait| wait.from);
    attempts.chain(waits).min().unwrap_or(run.started)
}

fn lane(key: String, task: &TaskHistory, run: &RunHistory, axis: &Axis) -> Lane {
    let in_all: Duration = task.attempts.iter().map(|attempt| took(attempt, run)).sum();
    let bars = task.attempts.iter().map(|attempt| Bar {
        tone: tone(attempt, run),
        open: attempt.end.is_none(),
        ..axis.bar(attempt.started, end_of(attempt, run))
    });
    let waits = task.waits.iter().map(|wait| Bar {
        open: wait.to.is_none(),
        ..axis.bar(wait.from, wait.to.unwrap_or(run.last))
    });
    let attempts_in_words = task.attempts.iter().map(|attempt| {
        let number = match (attempt.number, task.attempts.len()) {
            (0 | 1, 1) => String::new(),
            (number, _) => format!("attempt {number} "),
        };
        let took = duration(took(attempt, run));
        format!("{number}{} in {took}", word(attempt, run))
    });
    let waits_in_words = task.waits.iter().map(|wait| {
        let took = duration(between(wait.from, wait.to.unwrap_or(run.last)));
        format!("waited {took} for {}", wait.what)
    });
    Lane {
        key,
        bars: bars.collect(),
        waits: waits.collect(),
        took: match task.attempts.is_empty() {
            true => "waits".to_owned(),
            false => duration(in_all),
        },
        words: attempts_in_words
            .chain(waits_in_words)
            .collect::<Vec<_>>()
            .join(", "),
    }
}

/// How an attempt ended, in a word.
pub(super) fn word(attempt: &AttemptHistory, run: &RunHistory) -> &'static str {
    match attempt.end.as_ref().map(|end| &end.outcome) {
        Some(Outcome::Succeeded) => "succeeded",
        Some(Outcome::Failed(_)) => "failed",
        Some(Outcome::Cancelled) => "cancelled",
        None if run.lives => "runs",
        None => "cut off",
    }
}

/// Its tone.
pub(super) fn tone(attempt: &AttemptHistory, run: &RunHistory) -> Tone {
    match attempt.end.as_ref().map(|end| &end.outcome) {
        Some(Outcome::Succeeded) => Tone::Good,
        Some(Outcome::Failed(_)) => Tone::Bad,
        Some(Outcome::Cancelled) => Tone::Attention,
        None if run.lives => Tone::Active,
        None => Tone::Attention,
    }
}

fn end_of(attempt: &AttemptHistory, run: &RunHistory) -> Timestamp {
    // The end may have been recorded by a later run, long after the attempt was over by its own measure.
    match &attempt.end {
        Some(end) => end.at.min(run.last).max(attempt.started),
        None => run.last,
    }
}

/// How long an attempt took, by its own measure where it has one.
pub(super) fn took(attempt: &AttemptHistory, run: &RunHistory) -> Duration {
    match &attempt.end {
        Some(end) => Duration::from_millis(end.took_ms),
        None => between(attempt.started, run.last),
    }
}

fn between(from: Timestamp, to: Timestamp) -> Duration {
    Duration::try_from(to.duration_since(from)).unwrap_or_default()
}

/// Time on the way from 0 to 100 percent: pieces in which it passes evenly, and cuts between them.
#[derive(Debug)]
struct Axis {
    begin: Timestamp,
    pieces: Vec<Piece>,
}

/// A piece of time, in seconds since the beginning, and its place.
#[derive(Debug, Clone, Copy)]
struct Piece {
    from: f64,
    to: f64,
    left: f64,
    width: f64,
    is_cut: bool,
}

impl Axis {
    fn of(run: &RunHistory) -> Self {
        let begin = run.started;
        let seconds = |at: Timestamp| between(begin, at).as_secs_f64();
        let attempts = run.tasks.values().flat_map(|task| &task.attempts);
        let mut busy: Vec<(f64, f64)> = attempts
            .map(|attempt| (seconds(attempt.started), seconds(end_of(attempt, run))))
            .chain([(0.0, 0.0), (seconds(run.last), seconds(run.last))])
            .collect();
        busy.sort_by(|one, other| one.0.total_cmp(&other.0));
        let mut joined: Vec<(f64, f64)> = Vec::new();
        for (from, to) in busy {
            match joined.last_mut().filter(|last| from <= last.1) {
                Some(last) => last.1 = last.1.max(to),
                None => joined.push((from, to)),
            }
        }
        let n_busy: f64 = joined.iter().map(|(from, to)| to - from).sum();
        let shortest = (CUT_SHARE * n_busy).max(SHORTEST_CUT.as_secs_f64());
        let mut pieces: Vec<(f64, f64, bool)> = Vec::new();
        let mut at = 0.0;
        for (from, to) in joined {
            if from - at >= shortest {
                pieces.push((at, from, true));
                pieces.push((from, to, false));
            } else {
                match pieces.last_mut().filter(|(_, _, is_cut)| !is_cut) {
                    Some(last) => last.1 = to,
                    None => pieces.push((at, to, false)),
                }
            }
            at = to;
        }
        Self {
            begin,
            pieces: spread(&pieces),
        }
    }

    fn place(&self, at: Timestamp) -> f64 {
        let seconds = between(self.begin, at).as_secs_f64();
        let piece = self.pieces.iter().find(|piece| seconds <= piece.to);
        let Some(piece) = piece.or(self.pieces.last()) else {
            return 0.0;
        };
        let length = piece.to - piece.from;
        let share = if length > 0.0 {
            (seconds - piece.from) / length
        } else {
            0.0
        };
        rounded(piece.left + piece.width * share.clamp(0.0, 1.0))
    }

    fn bar(&self, from: Timestamp, to: Timestamp) -> Bar {
        let left = self.place(from).min(100.0 - NARROWEST);
        Bar {
            left,
            width: rounded((self.place(to) - left).max(NARROWEST)),
            tone: Tone::Quiet,
            open: false,
        }
    }

    fn cuts(&self) -> Vec<Cut> {
        let cuts = self.pieces.iter().filter(|piece| piece.is_cut);
        cuts.map(|piece| Cut {
            left: rounded(piece.left),
            width: rounded(piece.width),
            took: duration(Duration::from_secs_f64(piece.to - piece.from)),
        })
        .collect()
    }

    /// Labels at both ends of each piece and at the quarters, as far apart as reading them needs.
    fn labels(&self) -> Vec<Label> {
        let Some(last) = self.pieces.last() else {
            return Vec::new();
        };
        let mut wanted = vec![(0.0, 0.0), (100.0, last.to)];
        let whole = self
            .pieces
            .iter()
            .filter(|piece| !piece.is_cut && piece.width > 0.0);
        for piece in whole {
            wanted.push((piece.left, piece.from));
            wanted.push((piece.left + piece.width, piece.to));
        }
        for quarter in [25.0, 50.0, 75.0] {
            let piece = self
                .pieces
                .iter()
                .find(|piece| quarter <= piece.left + piece.width);
            if let Some(piece) = piece.filter(|piece| !piece.is_cut && piece.width > 0.0) {
                let share = (quarter - piece.left) / piece.width;
                wanted.push((quarter, piece.from + share * (piece.to - piece.from)));
            }
        }
        let mut labels: Vec<Label> = Vec::new();
        for (left, seconds) in wanted {
            if labels
                .iter()
                .all(|other| (other.left - left).abs() >= LABELS_APART)
            {
                labels.push(Label {
                    left: rounded(left),
                    text: match seconds {
                        0.0 => "0 s".to_owned(),
                        _ => duration(Duration::from_secs_f64(seconds)),
                    },
                });
            }
        }
        labels.sort_by(|one, other| one.left.total_cmp(&other.left));
        labels
    }
}

/// Gives each piece its place: cuts the same width each, the rest by their length.
fn spread(pieces: &[(f64, f64, bool)]) -> Vec<Piece> {
    let n_cuts = pieces.iter().filter(|(_, _, is_cut)| *is_cut).count();
    let cut = CUT_WIDTH.min(ALL_CUTS / n_cuts.max(1) as f64);
    let whole: f64 = pieces
        .iter()
        .filter(|(_, _, is_cut)| !is_cut)
        .map(|(from, to, _)| to - from)
        .sum();
    let room = 100.0 - cut * n_cuts as f64;
    let mut left = 0.0;
    pieces
        .iter()
        .map(|&(from, to, is_cut)| {
            let width = match (is_cut, whole > 0.0) {
                (true, _) => cut,
                (false, true) => room * (to - from) / whole,
                (false, false) => 0.0,
            };
            let piece = Piece {
                from,
                to,
                left,
                width,
                is_cut,
            };
            left += width;
            piece
        })
        .collect()
}

fn rounded(percent: f64) -> f64 {
    (percent * 100.0).round() / 100.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        page::History,
        report::fixture::{End, Records, failed_run, good_run},
    };

    fn drawn(records: Records) -> Timeline {
        Timeline::of(&History::of([records.0.as_slice()], |_| false).runs[0])
    }

    #[test]
    fn bars_begin_where_their_tasks_began() {
        let timeline = drawn(good_run());
        let bars: Vec<String> = timeline
            .lanes
            .iter()
            .map(|lane| {
                format!(
                    "{} {:.0} {:.0}",
                    lane.key, lane.bars[0].left, lane.bars[0].width
                )
            })
            .collect();
        assert_eq!(
            bars,
            [
                "build 1 64",
                "server 66 10",
                "app@production 77 10",
                "page@production 88 10"
            ]
        );
        assert_eq!(timeline.others, ["1 skipped"]);
        assert!(timeline.cuts.is_empty());
    }

    #[test]
    fn attempts_and_waits_of_a_task_share_its_lane() {
        let timeline = drawn(failed_run());
        let build = &timeline.lanes[0];
        assert_eq!(
            build.words,
            "attempt 1 failed in 4.0 s, attempt 2 succeeded in 1 min 12 s"
        );
        assert_eq!(
            build.bars.iter().map(|bar| bar.tone).collect::<Vec<_>>(),
            [Tone::Bad, Tone::Good]
        );
        let waiting = timeline.lanes.last().expect("a lane");
        assert_eq!(waiting.words, "waited 1.0 s for decision tls");
        assert_eq!((waiting.bars.len(), waiting.waits.len()), (0, 1));
    }

    #[test]
    fn a_night_in_which_nothing_ran_is_cut_out() {
        let records = Records::begun(false)
            .started(0, "build", 1, false)
            .ended(10, "build", 1, End::good(10_000))
            .started(40_000, "app", 1, true)
            .ended(40_010, "app", 1, End::good(10_000));
        let timeline = drawn(records);
        assert_eq!(timeline.cuts.len(), 1);
        assert_eq!(timeline.cuts[0].took, "11 h 06 min");
        assert!(
            (timeline.lanes[0].bars[0].width - 48.5).abs() < 0.1,
            "{timeline:?}"
        );
        assert!(
            (timeline.lanes[1].bars[0].left - 51.5).abs() < 0.1,
            "{timeline:?}"
        );
    }

    #[test]
    fn a_run_that_did_nothing_has_no_lanes_and_no_width_to_divide_by() {
        let timeline = drawn(Records::begun(false));
        assert!(timeline.lanes.is_empty());
        assert_eq!(timeline.labels.len(), 2);
    }
}
