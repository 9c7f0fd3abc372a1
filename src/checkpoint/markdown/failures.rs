//! What failed, in all of its lengths.

use super::{
    Excerpts,
    escape::{code_within, fence, inline, prose_within},
    sections::Section,
};
use crate::{
    checkpoint::summary::FailureLine,
    diagnostic::words::count,
    report::words::{joined, moment},
};

/// The most lines of a log that are shown.
const MOST_LINES: usize = 20;

/// Returns the section; nothing where nothing failed.
pub(super) fn section(failures: &[FailureLine], excerpts: &Excerpts) -> Option<Section> {
    if failures.is_empty() {
        return None;
    }
    let parts = |excerpts: &Excerpts, longest: usize| {
        let parts = failures.iter().enumerate();
        let parts: Vec<String> = parts
            .map(|(index, failure)| {
                part(failure, index == 0 && failures.len() > 1, excerpts, longest)
            })
            .collect();
        format!("{}\n\n{}", intro(failures), parts.join("\n"))
    };
    let lines = |longest: usize| {
        let lines = failures.iter().map(|failure| line(failure, longest));
        let lines: Vec<String> = lines.collect();
        format!("{}\n\n{}", intro(failures), lines.join("\n"))
    };
    Some(Section {
        title: "Failures",
        weight: 100,
        is_failures: true,
        level: 0,
        levels: vec![
            parts(excerpts, 4_000),
            parts(&Excerpts::new(), 1_000),
            lines(300),
            lines(80),
            names(failures, usize::MAX),
        ],
    })
}

fn intro(failures: &[FailureLine]) -> String {
    format!("### {}", count(failures.len(), "failure"))
}

/// A failure as an item of a list, with its hint, its log and what it blocks.
fn part(failure: &FailureLine, is_first: bool, excerpts: &Excerpts, longest: usize) -> String {
    let first = if is_first { " (first)" } else { "" };
    let mut text = format!("{}{first}", line(failure, longest));
    let mut facts = vec![format!("at {}", moment(failure.at))];
    if failure.attempt > 1 {
        facts.push(format!("attempt {}", failure.attempt));
    }
    facts.extend(failure.exit.map(|exit| format!("exit code {exit}")));
    facts.extend(
        failure
            .log
            .as_ref()
            .map(|log| format!("log {}", code_within(&log.path, 300))),
    );
    if let Some(hint) = &failure.hint {
        text.push_str(&format!("\n  - **Hint:** {}", prose_within(hint, longest)));
    }
    text.push_str(&format!("\n  - {}", facts.join(" · ")));
    if !failure.blocks.is_empty() {
        const MOST: usize = 8;
        let mut blocks: Vec<String> = failure
            .blocks
            .iter()
            .take(MOST)
            .map(|key| code_within(&key.to_string(), 120))
            .collect();
        if failure.blocks.len() > MOST {
            blocks.push(format!("{} more", failure.blocks.len() - MOST));
        }
        text.push_str(&format!("\n  - Blocks {}", joined(&blocks)));
    }
    if let Some(excerpt) = excerpts.get(&failure.task).filter(|_| !failure.of_rollback) {
        let fence = fence(excerpt, MOST_LINES, longest).replace('\n', "\n  ");
        text.push_str(&format!("\n\n  {fence}\n"));
    }
    text
}

fn line(failure: &FailureLine, longest: usize) -> String {
    let doing = if failure.of_rollback {
        "rollback of "
    } else {
        ""
    };
    format!(
        "- **{doing}{}** ({}): {}",
        code_within(&failure.task.to_string(), 120),
        inline(failure.phase.as_str()),
        prose_within(&failure.message, longest)
    )
}

/// Names failed tasks, as many as there is room for and at least the first, and counts the rest.
pub(super) fn names(failures: &[FailureLine], room: usize) -> String {
    const ENDING: usize = 40;
    let mut text = format!("**{}:** ", count(failures.len(), "failure"));
    for (index, failure) in failures.iter().enumerate() {
        let name = code_within(&failure.task.to_string(), 120);
        let parting = if index == 0 { "" } else { ", " };
        if index > 0 && text.len() + parting.len() + name.len() + ENDING > room {
            text.push_str(&format!(" and {} more", failures.len() - index));
            break;
        }
        text.push_str(parting);
        text.push_str(&name);
    }
    text
}
