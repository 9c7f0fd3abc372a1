//! Goals, risks, and items that are open.

use super::{Section, section};
use crate::{
    checkpoint::{
        markdown::escape::{code_within, details, inline, prose_within, table},
        summary::{DocumentSummary, ItemLine, ItemState, ProofLine, ProofWord, Proofs},
    },
    diagnostic::words::count,
    event::Reality,
    report::words::joined,
};

/// What nobody and nothing does, what is done by hand, and what the plan has forgotten.
pub(super) fn open_items(proofs: &Proofs) -> Option<Section> {
    let document = proofs.document.as_ref();
    let items: Vec<&ItemLine> = document
        .iter()
        .flat_map(|document| &document.items)
        .filter(|item| is_open(item.state))
        .collect();
    if items.is_empty() && proofs.obsolete.is_empty() {
        return None;
    }
    let n_open = items.len() + proofs.obsolete.len();
    let title = format!("### {}", count(n_open, "open item"));
    let obsolete: Vec<String> = proofs
        .obsolete
        .iter()
        .take(20)
        .map(|key| {
            format!(
                "- {}: the plan no longer has this task, and what it made stands",
                code_within(&key.to_string(), 150)
            )
        })
        .collect();
    let rows: Vec<Vec<String>> = items
        .iter()
        .map(|item| {
            vec![
                format!("{} (line {})", code_within(&item.id, 150), item.line),
                prose_within(&item.text, 400),
                item.state.words().to_owned(),
            ]
        })
        .collect();
    let mut parts = vec![title.clone()];
    parts.extend(document.map(of_document));
    let short = parts.join("\n\n");
    if !obsolete.is_empty() {
        parts.push(obsolete.join("\n"));
    }
    if !rows.is_empty() {
        let list = table(&["Item", "Words", "State"], &rows);
        parts.push(match rows.len() {
            0..=5 => list,
            number => details(&count(number, "item"), &list),
        });
    }
    section("Open items", 40, vec![parts.join("\n\n"), short, title])
}

fn is_open(state: ItemState) -> bool {
    match state {
        ItemState::Uncovered | ItemState::Failed | ItemState::ByHand => true,
        ItemState::Open
        | ItemState::AutomatedUnproved
        | ItemState::Declared
        | ItemState::DoneClaimed
        | ItemState::DoneVerified => false,
    }
}

fn of_document(document: &DocumentSummary) -> String {
    let words: Vec<String> = document
        .counts
        .iter()
        .map(|(state, number)| format!("{number} {}", state.words()))
        .collect();
    let title = document.title.as_deref().unwrap_or("the plan document");
    format!(
        "Of {} in “{}”: {}.",
        count(document.items.len(), "item"),
        prose_within(title, 200),
        joined(&words)
    )
}

/// Goals and risks with their proofs.
pub(super) fn goals(proofs: &Proofs) -> Option<Section> {
    if proofs.goals.is_empty() && proofs.risks.is_empty() {
        return None;
    }
    let proved = proofs
        .goals
        .iter()
        .filter(|goal| goal.word == ProofWord::Proved)
        .count();
    let mut facts = Vec::new();
    if !proofs.goals.is_empty() {
        facts.push(format!(
            "{proved} of {} proved",
            count(proofs.goals.len(), "goal")
        ));
    }
    if !proofs.risks.is_empty() {
        facts.push(count(proofs.risks.len(), "risk"));
    }
    let title = format!("### Goals and risks: {}", facts.join(", "));
    let goals: Vec<Vec<String>> = proofs.goals.iter().map(proof).collect();
    let risks: Vec<Vec<String>> = proofs
        .risks
        .iter()
        .map(|risk| {
            let or_dash = |text: &Option<String>| {
                text.as_ref()
                    .map_or("–".to_owned(), |text| prose_within(text, 300))
            };
            let mut row = proof(&risk.proof);
            row.insert(
                1,
                format!("{} / {}", or_dash(&risk.likelihood), or_dash(&risk.impact)),
            );
            row.insert(2, or_dash(&risk.mitigation));
            row
        })
        .collect();
    let mut parts = vec![title.clone()];
    if !goals.is_empty() {
        parts.push(table(&["Goal", "Word", "Proof"], &goals));
    }
    let short = parts.join("\n\n");
    if !risks.is_empty() {
        let heads = ["Risk", "Likelihood / impact", "Mitigation", "Word", "Proof"];
        parts.push(details(&count(risks.len(), "risk"), &table(&heads, &risks)));
    }
    section(
        "Goals and risks",
        35,
        vec![parts.join("\n\n"), short, title],
    )
}

fn proof(line: &ProofLine) -> Vec<String> {
    let by: Vec<String> = line
        .by
        .iter()
        .take(10)
        .map(|(name, word)| match word {
            ProofWord::Proved => code_within(name, 150),
            ProofWord::Failed | ProofWord::NotProved | ProofWord::Claimed => {
                format!("{} ({})", code_within(name, 150), word.words())
            }
        })
        .collect();
    let stand_in = match &line.reality {
        Some(Reality::StandIn { .. }) => " on a stand-in",
        Some(Reality::Real | Reality::NotRun { .. }) | None => "",
    };
    let word = match line.word {
        ProofWord::Failed => format!("**{}**", line.word.words()),
        ProofWord::NotProved | ProofWord::Claimed => line.word.words().to_owned(),
        ProofWord::Proved => format!("{}{stand_in}", line.word.words()),
    };
    vec![
        prose_within(&line.text, 500),
        word,
        if by.is_empty() {
            inline("–")
        } else {
            by.join(", ")
        },
    ]
}
