//! Phases and tasks, their checks and effects.

use std::time::Duration;

use super::{Section, reality_text, reality_word, section};
use crate::{
    checkpoint::{
        markdown::escape::{code_within, details, html_code, inline, prose_within, table},
        state::State,
        summary::{CheckLine, CheckWord, Observation, PhaseSummary, Summary, TaskSummary, Times},
    },
    diagnostic::words::count,
    report::{Tone, shortened, words::duration},
};

/// The most outputs of a task that are shown.
const MOST_OUTPUTS: usize = 8;

/// A phase for itself: what needs attention is open, the rest opens by a click.
pub(super) fn phases(summary: &Summary) -> Option<Section> {
    let phases = &summary.phases;
    if phases.is_empty() {
        return None;
    }
    let title = format!("### {}", count(phases.len(), "phase"));
    let write = |write: fn(&PhaseSummary) -> String| {
        let phases: Vec<String> = phases
            .iter()
            .map(write)
            .filter(|text| !text.is_empty())
            .collect();
        format!("{title}\n\n{}", phases.join("\n\n"))
    };
    let lines: Vec<Vec<String>> = phases
        .iter()
        .map(|phase| vec![code_within(phase.id.as_str(), 100), words(phase)])
        .collect();
    let counts = format!("{title}\n\n{}", table(&["Phase", "Tasks"], &lines));
    section(
        "Phases",
        80,
        vec![write(whole), write(open_only), counts, title],
    )
}

fn whole(phase: &PhaseSummary) -> String {
    let rows: Vec<Vec<String>> = phase.tasks.iter().map(row).collect();
    let body = match rows.is_empty() {
        true => "No tasks.".to_owned(),
        false => table(&["Task", "State", "Took", "Outside", "Checks"], &rows),
    };
    let outputs: Vec<String> = phase.tasks.iter().filter_map(outputs).collect();
    let body = match outputs.is_empty() {
        true => body,
        false => format!("{body}\n\n{}", outputs.join("\n")),
    };
    match phase.state.tone() {
        Tone::Good | Tone::Quiet => {
            let summary = format!(
                "Phase {}: {}",
                html_code(phase.id.as_str()),
                inline(&plain_words(phase))
            );
            details(&summary, &body)
        }
        Tone::Bad | Tone::Attention | Tone::Active => {
            format!(
                "**Phase {}: {}**\n\n{body}",
                code_within(phase.id.as_str(), 100),
                words(phase)
            )
        }
    }
}

/// Only the tasks that are neither done nor skipped, and the number of the others.
fn open_only(phase: &PhaseSummary) -> String {
    let is_open = |task: &&TaskSummary| !task.state.is_done() && task.state != State::Skipped;
    let rows: Vec<Vec<String>> = phase
        .tasks
        .iter()
        .filter(is_open)
        .map(|task| {
            vec![
                code_within(&task.key.to_string(), 120),
                short_state(task, 150),
            ]
        })
        .collect();
    let head = format!(
        "**Phase {}: {}**",
        code_within(phase.id.as_str(), 100),
        words(phase)
    );
    match rows.is_empty() {
        true => head,
        false => format!("{head}\n\n{}", table(&["Task", "State"], &rows)),
    }
}

fn plain_words(phase: &PhaseSummary) -> String {
    let words: Vec<String> = phase
        .counts
        .iter()
        .map(|(state, number)| format!("{number} {}", state.words()))
        .collect();
    if words.is_empty() {
        return "no tasks".to_owned();
    }
    format!("{}: {}", count(phase.tasks.len(), "task"), words.join(", "))
}

fn words(phase: &PhaseSummary) -> String {
    inline(&plain_words(phase))
}

fn row(task: &TaskSummary) -> Vec<String> {
    let required = task
        .checks
        .iter()
        .filter(|check| check.word != CheckWord::Recorded);
    let held = task
        .checks
        .iter()
        .filter(|check| check.word == CheckWord::Held)
        .count();
    let checks = match required.count() {
        0 => "–".to_owned(),
        asked => format!("{held} of {asked} held"),
    };
    vec![
        format!(
            "{}<br>{}",
            code_within(&task.key.to_string(), 150),
            name(task)
        ),
        short_state(task, 500),
        took(&task.times),
        reality_word(task.reality.as_ref()).to_owned(),
        checks,
    ]
}

fn name(task: &TaskSummary) -> String {
    match task.name == task.key.task.as_str() {
        true => task.kind.to_owned(),
        false => prose_within(&task.name, 200),
    }
}

fn short_state(task: &TaskSummary, longest: usize) -> String {
    let (symbol, words) = (task.state.symbol(), task.state.words());
    let state = match task.state.tone() {
        Tone::Bad | Tone::Attention => format!("{symbol} **{words}**"),
        Tone::Good | Tone::Active | Tone::Quiet => format!("{symbol} {words}"),
    };
    match &task.why {
        Some(why) => format!("{state}: {}", prose_within(why, longest)),
        None => state,
    }
}

fn took(times: &Times) -> String {
    let Some(took) = times.took_ms else {
        return "–".to_owned();
    };
    let mut text = duration(Duration::from_millis(took));
    if let Some(estimate) = times.estimate_ms {
        text.push_str(&format!(
            " of {} expected",
            duration(Duration::from_millis(estimate))
        ));
    }
    if times.attempt > 1 {
        text.push_str(&format!(", attempt {}", times.attempt));
    }
    text
}

fn outputs(task: &TaskSummary) -> Option<String> {
    if task.outputs.is_empty() {
        return None;
    }
    let outputs = task.outputs.iter().take(MOST_OUTPUTS);
    let mut outputs: Vec<String> = outputs
        .map(|(name, value)| format!("{} = {}", inline(name.as_str()), code_within(value, 300)))
        .collect();
    if task.outputs.len() > MOST_OUTPUTS {
        outputs.push(format!("{} more", task.outputs.len() - MOST_OUTPUTS));
    }
    Some(format!(
        "- Outputs of {}: {}",
        code_within(&task.key.to_string(), 150),
        outputs.join(", ")
    ))
}

/// Checks with what they required and saw.
pub(super) fn checks(summary: &Summary) -> Option<Section> {
    let all: Vec<(&TaskSummary, &CheckLine)> = summary
        .tasks()
        .flat_map(|task| task.checks.iter().map(move |check| (task, check)))
        .collect();
    if all.is_empty() {
        return None;
    }
    let number = |word: CheckWord| all.iter().filter(|(_, check)| check.word == word).count();
    let words: Vec<String> = [
        CheckWord::Failed,
        CheckWord::Held,
        CheckWord::Recorded,
        CheckWord::NotAsked,
        CheckWord::NotYet,
    ]
    .into_iter()
    .filter(|word| number(*word) > 0)
    .map(|word| format!("{} {}", number(word), word.words()))
    .collect();
    let title = format!("### {}: {}", count(all.len(), "check"), words.join(", "));
    let heads = ["Check", "Verdict", "Required", "Observed", "When"];
    let concerning = |(_, check): &&(&TaskSummary, &CheckLine)| {
        matches!(check.word, CheckWord::Failed | CheckWord::NotAsked)
    };
    let rows = |longest: usize, open: bool| -> Vec<Vec<String>> {
        let checks = all.iter().filter(|check| concerning(check) == open);
        checks
            .map(|(task, check)| check_row(task, check, longest))
            .collect()
    };
    let tables = |longest: usize| {
        let mut text = title.clone();
        let (open, others) = (rows(longest, true), rows(longest, false));
        if !open.is_empty() {
            text.push_str(&format!("\n\n{}", table(&heads, &open)));
        }
        if !others.is_empty() {
            let summary = format!(
                "{} with what was required and observed",
                count(others.len(), "check")
            );
            text.push_str(&format!(
                "\n\n{}",
                details(&summary, &table(&heads, &others))
            ));
        }
        text
    };
    let concerning_rows = rows(100, true);
    let short = match concerning_rows.is_empty() {
        true => title.clone(),
        false => format!("{title}\n\n{}", table(&heads, &concerning_rows)),
    };
    section("Checks", 10, vec![tables(400), tables(80), short, title])
}

fn check_row(task: &TaskSummary, check: &CheckLine, longest: usize) -> Vec<String> {
    let list = |write: &dyn Fn(&Observation) -> Option<String>| {
        let texts: Vec<String> = check
            .observations
            .iter()
            .take(20)
            .filter_map(write)
            .collect();
        if texts.is_empty() {
            "–".to_owned()
        } else {
            texts.join("<br>")
        }
    };
    let name = format!("{}/{}", task.key, check.id);
    let verdict = match check.word {
        CheckWord::Failed | CheckWord::NotAsked => format!("**{}**", check.word.words()),
        CheckWord::Held | CheckWord::Recorded | CheckWord::NotYet => check.word.words().to_owned(),
    };
    let verdict = match &check.message {
        Some(message) => format!("{verdict}: {}", prose_within(message, longest)),
        None => verdict,
    };
    let when = check.answered.as_ref().map_or("–".to_owned(), |answered| {
        let asked = if answered.asked > 1 {
            format!(
                ", asked {} times in {}",
                answered.asked,
                duration(Duration::from_millis(answered.took_ms))
            )
        } else {
            String::new()
        };
        let at = answered.at.strftime("%H:%M:%S UTC");
        let by = reality_word(Some(&answered.reality));
        format!("{at} ({by}{asked})")
    });
    vec![
        code_within(&name, 200),
        verdict,
        list(&|seen| {
            Some(format!(
                "{} {}",
                inline(&seen.name),
                code_within(seen.required.as_ref()?, longest)
            ))
        }),
        list(&|seen| {
            let unit = seen.unit.as_ref().map_or(String::new(), |unit| {
                format!(" {}", inline(&shortened(unit, 40)))
            });
            Some(format!(
                "{} {}{unit}",
                inline(&seen.name),
                code_within(seen.observed.as_ref()?, longest)
            ))
        }),
        when,
    ]
}

/// What was done to the outside, and whether that was real.
pub(super) fn effects(summary: &Summary) -> Option<Section> {
    let tasks: Vec<&TaskSummary> = summary
        .tasks()
        .filter(|task| task.reality.is_some())
        .collect();
    if tasks.is_empty() {
        return None;
    }
    let of = |word: &str| {
        tasks
            .iter()
            .filter(|task| reality_word(task.reality.as_ref()) == word)
            .count()
    };
    let words: Vec<String> = ["not run", "stand-in", "real"]
        .into_iter()
        .filter(|word| of(word) > 0)
        .map(|word| format!("{} {word}", of(word)))
        .collect();
    let title = format!(
        "### Effects of {}: {}",
        count(tasks.len(), "task"),
        words.join(", ")
    );
    let rows: Vec<Vec<String>> = tasks
        .iter()
        .flat_map(|task| {
            task.effects.iter().map(|effect| {
                let key = code_within(&task.key.to_string(), 150);
                vec![
                    key,
                    prose_within(&effect.what, 400),
                    reality_text(&effect.reality),
                ]
            })
        })
        .collect();
    let full = match rows.is_empty() {
        true => title.clone(),
        false => {
            let summary = count(rows.len(), "effect");
            format!(
                "{title}\n\n{}",
                details(&summary, &table(&["Task", "Effect", "Other side"], &rows))
            )
        }
    };
    section("Effects", 20, vec![full, title])
}
