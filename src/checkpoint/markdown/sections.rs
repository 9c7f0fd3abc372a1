//! The sections below the head, each in several lengths.

mod proofs;
mod tasks;

use super::{
    Excerpts,
    escape::{code_within, details, prose_within, table},
    failures,
};
use crate::{
    checkpoint::summary::{
        AnswerSource, Costs, DecisionLine, ImageLine, People, ProofWord, Summary, WayBack,
    },
    diagnostic::words::count,
    event::Reality,
};

/// One section in all of its lengths.
pub(super) struct Section {
    /// What the closing line calls it where it is shortened.
    pub title: &'static str,
    /// The heaviest gives way last.
    pub weight: u32,
    /// Whether it says what failed.
    pub is_failures: bool,
    /// Which of its lengths is chosen.
    pub level: usize,
    /// The longest first; an empty one leaves it out.
    pub levels: Vec<String>,
}

impl Section {
    /// Chooses a length, or the shortest where there are not so many.
    pub fn shorten_to(&mut self, level: usize) {
        self.level = level.min(self.levels.len() - 1);
    }

    /// Returns its text; `None` where it is left out.
    pub fn text(&self) -> Option<String> {
        self.levels
            .get(self.level)
            .filter(|text| !text.is_empty())
            .cloned()
    }
}

/// Returns all sections that have something to say, in their order.
pub(super) fn all(summary: &Summary, excerpts: &Excerpts) -> Vec<Section> {
    let sections = [
        failures::section(&summary.failures, excerpts),
        people(&summary.people),
        tasks::phases(summary),
        tasks::checks(summary),
        images(&summary.images),
        tasks::effects(summary),
        proofs::open_items(&summary.proofs),
        proofs::goals(&summary.proofs),
        summary.costs.as_ref().and_then(costs),
        way_back(&summary.way_back),
    ];
    sections.into_iter().flatten().collect()
}

/// Puts a section together; its last length is nothing.
fn section(title: &'static str, weight: u32, mut levels: Vec<String>) -> Option<Section> {
    levels.push(String::new());
    Some(Section {
        title,
        weight,
        is_failures: false,
        level: 0,
        levels,
    })
}

/// Says in one or two words whether something was real.
fn reality_word(reality: Option<&Reality>) -> &'static str {
    match reality {
        Some(Reality::Real) => "real",
        Some(Reality::StandIn { .. }) => "stand-in",
        Some(Reality::NotRun { .. }) => "not run",
        None => "–",
    }
}

/// Says who or what stood in.
fn reality_text(reality: &Reality) -> String {
    match reality {
        Reality::Real => "real".to_owned(),
        Reality::StandIn { who } => format!("stand-in: {}", prose_within(who, 300)),
        Reality::NotRun { because } => format!("not run: {}", prose_within(because, 300)),
    }
}

fn people(people: &People) -> Option<Section> {
    if people.decisions.is_empty() && people.words.is_empty() {
        return None;
    }
    let rows: Vec<Vec<String>> = people.decisions.iter().map(decision).collect();
    let mut full = heading(people);
    if !rows.is_empty() {
        let heads = ["Decision", "Answer", "By", "At", "Why"];
        full.push_str(&format!("\n\n{}", table(&heads, &rows)));
    }
    for word in &people.words {
        let stand_in = match &word.reality {
            Reality::Real => "",
            Reality::StandIn { .. } | Reality::NotRun { .. } => " (stand-in)",
        };
        let at = crate::report::words::moment(word.at);
        let separator = if word == &people.words[0] {
            "\n\n"
        } else {
            "\n"
        };
        full.push_str(&format!(
            "{separator}- {} by {}{stand_in} at {at}",
            prose_within(&word.what, 300),
            code_within(&word.by, 120)
        ));
    }
    let open: Vec<String> = people
        .decisions
        .iter()
        .filter(|line| matches!(line.source, AnswerSource::Open | AnswerSource::Assumed))
        .take(50)
        .map(|line| {
            let answer = line.answer.as_ref().map_or(String::new(), |answer| {
                format!(": {}", prose_within(answer, 100))
            });
            format!(
                "- {} {}{answer}",
                code_within(line.name.as_str(), 100),
                line.source.words()
            )
        })
        .collect();
    let short = match open.is_empty() {
        true => heading(people),
        false => format!("{}\n\n{}", heading(people), open.join("\n")),
    };
    section(
        "Decisions and approvals",
        70,
        vec![full, short, heading(people)],
    )
}

fn heading(people: &People) -> String {
    let open = people
        .decisions
        .iter()
        .filter(|line| line.source == AnswerSource::Open);
    let mut facts = vec![format!("{} open", open.count())];
    let assumed = people
        .decisions
        .iter()
        .filter(|line| line.source == AnswerSource::Assumed);
    match assumed.count() {
        0 => {}
        assumed => facts.push(format!("{assumed} assumed by the rehearsal")),
    }
    let words = match people.words.len() {
        0 => String::new(),
        words => format!("; approved or confirmed: {words}"),
    };
    format!(
        "### {}: {}{words}",
        count(people.decisions.len(), "decision"),
        facts.join(", ")
    )
}

fn decision(line: &DecisionLine) -> Vec<String> {
    let answer = match (&line.answer, line.source) {
        (Some(answer), AnswerSource::Assumed) => {
            format!("{} (assumed by the rehearsal)", prose_within(answer, 400))
        }
        (Some(answer), _) => prose_within(answer, 400),
        (None, source) => {
            let options = match line.options.is_empty() {
                true => String::new(),
                false => format!(", one of {}", prose_within(&line.options.join(", "), 300)),
            };
            let preferred = line.preferred.as_ref().map_or(String::new(), |preferred| {
                format!("; advised: {}", prose_within(preferred, 200))
            });
            format!("**{}**{options}{preferred}", source.words())
        }
    };
    let or_dash = |text: &Option<String>| {
        text.as_ref()
            .map_or("–".to_owned(), |text| prose_within(text, 400))
    };
    vec![
        format!(
            "{}<br>{}",
            code_within(line.name.as_str(), 120),
            prose_within(&line.question, 400)
        ),
        answer,
        or_dash(&line.by),
        or_dash(&line.at),
        or_dash(&line.reason),
    ]
}

fn images(images: &[ImageLine]) -> Option<Section> {
    if images.is_empty() {
        return None;
    }
    let rows: Vec<Vec<String>> = images.iter().map(image).collect();
    let heads = ["Task", "Reference", "Tags", "Read back by", "Registry"];
    let title = format!("### {}", count(images.len(), "image"));
    let full = format!("{title}\n\n{}", table(&heads, &rows));
    let lines = images.iter().map(|image| {
        format!(
            "- {}: {}",
            code_within(&image.task.to_string(), 120),
            code_within(&image.reference, 300)
        )
    });
    let short = format!("{title}\n\n{}", lines.collect::<Vec<_>>().join("\n"));
    section("Images", 75, vec![full, short, title])
}

fn image(image: &ImageLine) -> Vec<String> {
    let mut references = vec![code_within(&image.reference, 600)];
    let others = image
        .registries
        .values()
        .filter(|other| **other != image.reference);
    references.extend(others.take(10).map(|other| code_within(other, 600)));
    let tags: Vec<String> = image
        .tags
        .iter()
        .take(20)
        .map(|tag| code_within(tag, 150))
        .collect();
    let read_back: Vec<String> = image
        .read_back
        .iter()
        .take(5)
        .map(|by| prose_within(by, 150))
        .collect();
    let or = |texts: Vec<String>, nothing: &str| match texts.is_empty() {
        true => nothing.to_owned(),
        false => texts.join(", "),
    };
    vec![
        code_within(&image.task.to_string(), 150),
        references.join("<br>"),
        or(tags, "–"),
        or(read_back, "**nothing**: a claim"),
        image.reality.as_ref().map_or("–".to_owned(), reality_text),
    ]
}

fn costs(costs: &Costs) -> Option<Section> {
    let currency = prose_within(&costs.currency, 20);
    let title = |verdicts: &[String]| format!("### Costs a month: {}", verdicts.join("; "));
    let verdicts: Vec<String> = costs
        .walks
        .iter()
        .take(10)
        .map(|walk| {
            let environment = walk
                .environment
                .as_ref()
                .map_or(String::new(), |name| format!(" in {name}"));
            let unknown = walk
                .lines
                .iter()
                .filter(|line| line.amount.is_none())
                .count();
            let at_least = if unknown > 0 { "at least " } else { "" };
            let verdict = match (walk.within, costs.monthly) {
                (Some(false), Some(monthly)) => format!(" **above the budget of {monthly:.2}**"),
                (_, Some(monthly)) => format!(" of {monthly:.2}"),
                (_, None) => ", no budget".to_owned(),
            };
            format!(
                "{at_least}{:.2} {currency}{verdict}{environment}",
                walk.total
            )
        })
        .collect();
    let rows: Vec<Vec<String>> = costs
        .walks
        .iter()
        .flat_map(|walk| &walk.lines)
        .take(500)
        .map(|line| {
            let amount = line.amount.map_or("not known yet".to_owned(), |amount| {
                format!("{amount:.2} {currency}")
            });
            vec![
                code_within(&line.task.to_string(), 150),
                prose_within(&line.what, 200),
                amount,
            ]
        })
        .collect();
    let short = title(&verdicts);
    let full = match rows.is_empty() {
        true => short.clone(),
        false => {
            let lines = table(&["Task", "What", "A month"], &rows);
            format!("{short}\n\n{}", details(&count(rows.len(), "line"), &lines))
        }
    };
    section("Costs", 30, vec![full, short])
}

fn way_back(steps: &[WayBack]) -> Option<Section> {
    if steps.is_empty() {
        return None;
    }
    let undone = steps.iter().filter(|step| step.undone.is_some()).count();
    let title = match undone {
        0 => format!(
            "### Way back: {}, in this order",
            count(steps.len(), "step")
        ),
        undone => format!(
            "### Way back: {undone} of {} gone",
            count(steps.len(), "step")
        ),
    };
    let rows: Vec<Vec<String>> = steps
        .iter()
        .enumerate()
        .map(|(index, step)| way(index, step))
        .collect();
    let heads = ["", "Task", "Way", "Data loss", "Gone"];
    let full_table = table(&heads, &rows);
    let summary = count(steps.len(), "task");
    let full = match undone {
        0 => format!(
            "{title}\n\n{}",
            details(&format!("The way back of {summary}"), &full_table)
        ),
        _ => format!("{title}\n\n{full_table}"),
    };
    let short_names: Vec<String> = steps
        .iter()
        .take(40)
        .map(|step| code_within(&step.task.to_string(), 120))
        .collect();
    let short = format!("{title}\n\n{}", short_names.join(" → "));
    section("Way back", 25, vec![full, short, title])
}

fn way(index: usize, step: &WayBack) -> Vec<String> {
    let loss = match &step.data_loss {
        Some(loss) => {
            let word = match step.proof {
                ProofWord::Failed => "its proof failed",
                ProofWord::NotProved | ProofWord::Claimed | ProofWord::Proved => step.proof.words(),
            };
            format!("{} ({word})", prose_within(loss, 400))
        }
        None => "not stated".to_owned(),
    };
    let gone = match &step.undone {
        None => "–".to_owned(),
        Some(undone) => match &undone.failure {
            Some(failure) => format!("**failed**: {}", prose_within(failure, 300)),
            None => "yes".to_owned(),
        },
    };
    vec![
        (index + 1).to_string(),
        code_within(&step.task.to_string(), 150),
        prose_within(&step.way, 300),
        loss,
        gone,
    ]
}
