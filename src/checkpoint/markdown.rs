//! The summary as Markdown, within a budget.
//!
//! Each section is written in several lengths beforehand, each of them whole: nothing is ever cut afterwards. Where the
//! whole is too long, sections give way in a fixed order, first to a shorter form, then to counts, at last to a word in the
//! closing line. What failed gives way last, and is always named.
mod escape;
mod failures;
mod preview;
mod sections;

#[cfg(test)]
mod properties;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

pub use self::preview::preview_to_markdown;
use self::{
    escape::{code, code_within, inline, link, prose, prose_within},
    sections::Section,
};
use super::summary::Summary;
use crate::{
    event::Reality,
    ident::TaskKey,
    report::words::{joined, moment},
};

/// The last lines of tasks' logs, masked.
pub type Excerpts = BTreeMap<TaskKey, String>;

/// How long the Markdown may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Budget {
    /// In characters, as GitHub counts comments.
    Characters(usize),
    /// In bytes, as GitHub counts job summaries.
    Bytes(usize),
}

impl Budget {
    /// Of a comment: 65,536 characters are allowed, and some are left to a marker.
    pub const COMMENT: Self = Self::Characters(65_000);
    /// Of a job summary: 1 MiB is allowed for all that a step writes.
    pub const JOB_SUMMARY: Self = Self::Bytes(1_000_000);
    /// The smallest budget that is kept, whatever the summary holds.
    pub const SMALLEST: usize = 2_000;

    fn limit(self) -> usize {
        match self {
            Self::Characters(limit) | Self::Bytes(limit) => limit,
        }
    }

    fn length(self, text: &str) -> usize {
        match self {
            Self::Characters(_) => text.chars().count(),
            Self::Bytes(_) => text.len(),
        }
    }
}

/// What stands beside the summary.
#[derive(Debug, Clone, Copy)]
pub struct Beside<'b> {
    /// The line by which the comment is found again; it comes first.
    pub marker: Option<&'b str>,
    /// Last lines of the logs of tasks that failed.
    pub excerpts: &'b Excerpts,
}

/// Writes the summary as Markdown of at most the budget, if that is at least [`Budget::SMALLEST`] and the marker is shorter
/// than 200 characters.
pub fn to_markdown(summary: &Summary, beside: &Beside<'_>, budget: Budget) -> String {
    let mut parts = Parts {
        budget,
        marker: beside.marker,
        heads: vec![head(summary), short_head(summary)],
        sections: sections::all(summary, beside.excerpts),
        foot: foot(summary),
    };
    parts.shrink();
    parts.write(&summary.failures)
}

/// The parts of the text, each in several lengths.
struct Parts<'p> {
    budget: Budget,
    marker: Option<&'p str>,
    /// The longest first; the shorter one takes its place when everything else is as short as it can be.
    heads: Vec<String>,
    sections: Vec<Section>,
    foot: String,
}

impl Parts<'_> {
    /// Shortens sections until the whole fits, or all are as short as they can be.
    fn shrink(&mut self) {
        let n_levels = self
            .sections
            .iter()
            .map(|section| section.levels.len())
            .max();
        let mut order: Vec<usize> = (0..self.sections.len()).collect();
        order.sort_by_key(|index| self.sections[*index].weight);
        for level in 1..n_levels.unwrap_or_default() {
            for &index in &order {
                if self.fits() {
                    return;
                }
                self.sections[index].shorten_to(level);
            }
        }
        if !self.fits() {
            self.heads.truncate(2);
            self.heads.rotate_left(1);
        }
    }

    fn fits(&self) -> bool {
        let texts = self.texts();
        let lengths = texts.iter().map(|text| self.budget.length(text) + 2);
        lengths.sum::<usize>() <= self.budget.limit()
    }

    fn texts(&self) -> Vec<String> {
        let mut texts: Vec<String> = self.marker.map(one_comment).into_iter().collect();
        texts.push(self.heads[0].clone());
        let written = self.sections.iter().filter_map(Section::text);
        texts.extend(written);
        texts.extend(self.left_out());
        texts.push(self.foot.clone());
        texts
    }

    /// Names the sections that are shorter than they could be.
    fn left_out(&self) -> Option<String> {
        let short: Vec<String> = self
            .sections
            .iter()
            .filter(|section| section.level > 0)
            .map(|section| section.title.to_lowercase())
            .collect();
        (!short.is_empty()).then(|| format!("_Shortened to fit: {}._", joined(&short)))
    }

    /// Joins the parts. Where even the shortest ones are too long, names of failed tasks take what room there is.
    fn write(mut self, failures: &[super::summary::FailureLine]) -> String {
        if !self.fits() && !failures.is_empty() {
            let section = self.sections.iter().position(|section| section.is_failures);
            if let Some(index) = section {
                self.sections[index].levels = vec![String::new()];
                self.sections[index].level = 0;
                let used: usize = self
                    .texts()
                    .iter()
                    .map(|text| self.budget.length(text) + 2)
                    .sum();
                let room = self.budget.limit().saturating_sub(used + 2);
                self.sections[index].levels = vec![failures::names(failures, room)];
            }
        }
        let mut text = self.texts().join("\n\n");
        text.push('\n');
        text
    }
}

/// A marker is one HTML comment on one line, or it is nothing.
fn one_comment(marker: &str) -> String {
    marker.trim().to_owned()
}

fn head(summary: &Summary) -> String {
    let mut text = format!("{}\n\n{}", heading(summary), facts(summary));
    let mut next = summary.overall.next.iter();
    if let Some(first) = next.next() {
        text.push_str(&format!("\n\n> **Next:** {}", prose_within(first, 1_000)));
    }
    const MOST_FURTHER: usize = 4;
    let further: Vec<String> = next
        .by_ref()
        .take(MOST_FURTHER)
        .map(|action| format!("> - {}", prose_within(action, 500)))
        .collect();
    if !further.is_empty() {
        text.push_str(&format!("\n>\n> Then:\n{}", further.join("\n")));
    }
    let more = next.count();
    if more > 0 {
        text.push_str(&format!("\n> - … and {more} more"));
    }
    text
}

fn short_head(summary: &Summary) -> String {
    let next = summary.overall.next.first().map_or("", String::as_str);
    format!(
        "{}\n\n{}\n\n> **Next:** {}",
        heading(summary),
        prose_within(&summary.overall.headline, 250),
        prose_within(next, 250)
    )
}

fn heading(summary: &Summary) -> String {
    let run = summary.title.run.as_ref();
    let what = match run.is_some_and(|run| run.rehearsal) {
        true => "Rehearsal of",
        false => "Deployment of",
    };
    format!(
        "## {what} {}: {}",
        prose_within(&summary.title.plan, 120),
        summary.overall.state.words()
    )
}

fn facts(summary: &Summary) -> String {
    let title = &summary.title;
    let mut facts = vec![format!(
        "**{}**",
        prose_within(&summary.overall.headline, 400)
    )];
    facts.extend(match &summary.overall.reality {
        Some(Reality::StandIn { .. }) => {
            Some("not all of it on the real thing: see Effects".to_owned())
        }
        Some(Reality::Real | Reality::NotRun { .. }) | None => None,
    });
    let environments: Vec<String> = title
        .environments
        .iter()
        .take(10)
        .map(|(name, url)| match url {
            Some(url) => link(&code(name.as_str()), url),
            None => code(name.as_str()),
        })
        .collect();
    if !environments.is_empty() {
        facts.push(format!("environment {}", environments.join(", ")));
    }
    if let Some(run) = &title.run {
        facts.extend(
            run.commit
                .as_ref()
                .map(|commit| format!("commit {}", code_within(commit, 80))),
        );
        let label = format!(
            "run {}",
            inline(&crate::report::shortened(run.id.as_str(), 60))
        );
        facts.push(match &run.url {
            Some(url) => link(&label, url),
            None => label,
        });
        facts.extend(
            run.actor
                .as_ref()
                .map(|actor| format!("by {}", code_within(actor, 80))),
        );
        let cancelled = run.cancelled.as_ref();
        facts.extend(cancelled.map(|signal| format!("asked to stop by {}", prose(signal))));
    }
    facts.join(" · ")
}

fn foot(summary: &Summary) -> String {
    format!("<sub>As of {}.</sub>", moment(summary.title.at))
}
