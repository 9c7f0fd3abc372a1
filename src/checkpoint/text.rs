//! The summary for a terminal: what `status` prints.

use std::time::Duration;

use unicode_width::UnicodeWidthStr as _;

use super::{
    state::State,
    summary::{AnswerSource, PhaseSummary, Summary, TaskSummary},
};
use crate::{
    diagnostic::words::count,
    event::Reality,
    report::{Colours, Tone, shortened, words::duration},
};

/// The narrowest terminal that is written for.
const NARROWEST: usize = 40;

/// Writes the summary as a table for each phase, at most `width` columns wide where words allow it.
pub fn to_text(summary: &Summary, width: usize, colours: Colours) -> String {
    let width = width.max(NARROWEST);
    let mut lines = head(summary, colours);
    for phase in &summary.phases {
        lines.push(String::new());
        lines.extend(phase_lines(phase, width, colours));
    }
    lines.extend(people(summary));
    lines.push(String::new());
    for (index, action) in summary.overall.next.iter().enumerate() {
        let label = if index == 0 { "next: " } else { "      " };
        lines.push(format!("{label}{}", visible(action)));
    }
    let mut text = lines.join("\n");
    text.push('\n');
    text
}

fn head(summary: &Summary, colours: Colours) -> Vec<String> {
    let state = summary.overall.state;
    let run = summary.title.run.as_ref();
    let rehearsal = if run.is_some_and(|run| run.rehearsal) {
        " (rehearsal)"
    } else {
        ""
    };
    let word = colours.paint(state.tone(), state.words());
    let mut lines = vec![format!(
        "{}{rehearsal}: {word}",
        visible(&summary.title.plan)
    )];
    lines.push(visible(&summary.overall.headline));
    if let Some(run) = run {
        let commit = run.commit.as_ref().map_or(String::new(), |commit| {
            format!(", commit {}", visible(commit))
        });
        let actor = run
            .actor
            .as_ref()
            .map_or(String::new(), |actor| format!(", by {}", visible(actor)));
        lines.push(format!("run {}{commit}{actor}", visible(run.id.as_str())));
    }
    lines
}

fn phase_lines(phase: &PhaseSummary, width: usize, colours: Colours) -> Vec<String> {
    let mut lines = vec![format!("phase {}: {}", phase.id, phase.state.words())];
    let rows: Vec<[String; 4]> = phase.tasks.iter().map(row).collect();
    let widest = |column: usize| {
        rows.iter()
            .map(|row| row[column].width())
            .max()
            .unwrap_or_default()
    };
    let widths = [widest(0).min(width / 2), widest(1), widest(2), 0];
    for (task, row) in phase.tasks.iter().zip(&rows) {
        let state = padded(&row[1], widths[1]);
        let start = format!("  {}  ", padded(&row[0], widths[0]));
        let end = format!("  {}", padded(&row[2], widths[2]));
        let used = start.width() + state.width() + end.width() + 2;
        let why = match width.saturating_sub(used) {
            0..10 => String::new(),
            room => format!("  {}", shortened(&row[3], room)),
        };
        let line = format!(
            "{start}{}{end}{why}",
            colours.paint(task.state.tone(), &state)
        );
        lines.push(line.trim_end().to_owned());
        let needs_more = matches!(task.state.tone(), Tone::Bad | Tone::Attention);
        if needs_more && row[3].width() + used > width {
            lines.push(format!("    {}", row[3]));
        }
    }
    lines
}

/// Task, state, time, and the rest of the sentence.
fn row(task: &TaskSummary) -> [String; 4] {
    let took = match task.times.took_ms {
        Some(took) => duration(Duration::from_millis(took)),
        None => String::new(),
    };
    let reality = match &task.reality {
        Some(Reality::StandIn { who }) => Some(format!("stand-in: {}", visible(who))),
        Some(Reality::NotRun { .. } | Reality::Real) | None => None,
    };
    let attempt = (task.times.attempt > 1 && task.state != State::Skipped)
        .then(|| format!("attempt {}", task.times.attempt));
    let why = task.why.as_ref().map(|why| visible(why));
    let rest: Vec<String> = [why, attempt, reality].into_iter().flatten().collect();
    [
        visible(&task.key.to_string()),
        task.state.words().to_owned(),
        took,
        rest.join("; "),
    ]
}

fn people(summary: &Summary) -> Vec<String> {
    let open: Vec<&str> = summary
        .people
        .decisions
        .iter()
        .filter(|line| line.source == AnswerSource::Open)
        .map(|line| line.name.as_str())
        .collect();
    if open.is_empty() {
        return Vec::new();
    }
    vec![
        String::new(),
        format!(
            "{}: {}",
            count(open.len(), "open decision"),
            open.join(", ")
        ),
    ]
}

/// Fills a text up with spaces, or shortens it.
fn padded(text: &str, width: usize) -> String {
    let mut text = match text.width() > width {
        true => shortened(text, width),
        false => text.to_owned(),
    };
    let missing = width.saturating_sub(text.width());
    text.push_str(&" ".repeat(missing));
    text
}

/// Drops what would move the cursor or change the terminal, and joins lines.
fn visible(text: &str) -> String {
    let characters = text
        .chars()
        .map(|character| match character.is_whitespace() {
            true => ' ',
            false => character,
        });
    characters
        .filter(|character| !character.is_control())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkpoint::fixture;

    #[test]
    fn a_phase_is_a_table() {
        insta::assert_snapshot!(to_text(&fixture::failed_run().summary(), 100, Colours::Plain), @r"
        relay: failed
        5 tasks: 1 failed, 1 waiting, 1 blocked, 1 done but not proved, 1 done and verified
        run 4711, commit 4f2a9c1d, by octocat

        phase publish: done but not proved
          build   done but not proved  1 min 12 s  attempt 2
          server  done and verified    12 s        stand-in: registry at 127.0.0.1:5000

        phase release: failed
          app@production     failed   1 min  check `http` did not hold: `status` is 503, required 200
          page@production    blocked         on `app@production`
          signed@production  waiting         for decision `tls`

        1 open decision: tls

        next: Repair task `app@production`: look at the log of the server.
              Answer decision `tls` in `deploy.yaml` (advised: `letsencrypt`): `signed@production` waits for it.
        ");
    }

    #[test]
    fn a_narrow_terminal_still_tells_why() {
        insta::assert_snapshot!(to_text(&fixture::failed_run().summary(), 60, Colours::Plain), @r"
        relay: failed
        5 tasks: 1 failed, 1 waiting, 1 blocked, 1 done but not proved, 1 done and verified
        run 4711, commit 4f2a9c1d, by octocat

        phase publish: done but not proved
          build   done but not proved  1 min 12 s  attempt 2
          server  done and verified    12 s        stand-in: regist…

        phase release: failed
          app@production     failed   1 min  check `http` did not h…
            check `http` did not hold: `status` is 503, required 200
          page@production    blocked         on `app@production`
          signed@production  waiting         for decision `tls`

        1 open decision: tls

        next: Repair task `app@production`: look at the log of the server.
              Answer decision `tls` in `deploy.yaml` (advised: `letsencrypt`): `signed@production` waits for it.
        ");
    }

    #[test]
    fn no_text_of_others_reaches_the_terminal_as_a_code() {
        let mut summary = fixture::failed_run().summary();
        summary.title.plan = "\u{1b}]0;x\u{7}relay".to_owned();
        summary.phases[1].tasks[0].why = Some("a\u{1b}[2Jb".to_owned());
        assert!(!to_text(&summary, 100, Colours::Plain).contains('\u{1b}'));
        assert!(to_text(&summary, 100, Colours::Ansi).contains("\u{1b}[1;31mfailed"));
    }
}
