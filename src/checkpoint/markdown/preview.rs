//! A preview for a job summary: its digest, a line a task, and what terraform would do.

use std::collections::BTreeMap;

use super::escape::{code, details, fence, html_code, inline, table};
use crate::{
    bundle::{Entry, Outlook},
    digest::Digest,
    ident::TaskKey,
};

/// The most lines of one plan; the page of the run has all of them.
const MOST_LINES: usize = 2_000;
/// The most characters of one plan.
const LONGEST: usize = 100_000;

/// Returns the sections of a preview in the order of their weight.
pub fn preview_to_markdown(
    tasks: &BTreeMap<TaskKey, Entry>,
    sealed: Option<&Digest>,
) -> Vec<String> {
    let head = match sealed {
        Some(digest) => format!(
            "### Preview\n\nSealed as {}: `run --bundle` carries out exactly this.",
            code(&digest.to_string())
        ),
        None => "### Preview\n\nNothing is sealed.".to_owned(),
    };
    let rows: Vec<Vec<String>> = tasks
        .iter()
        .map(|(task, entry)| {
            vec![
                code(&task.to_string()),
                inline(entry.outlook.word()),
                inline(&entry.outlook.details()),
            ]
        })
        .collect();
    let overview = table(&["Task", "", ""], &rows);
    let plans = tasks
        .iter()
        .filter_map(|(task, entry)| match &entry.outlook {
            Outlook::Planned(planned) if planned.changes => {
                let body = fence(&planned.text, MOST_LINES, LONGEST);
                Some(details(&html_code(&task.to_string()), &body))
            }
            _ => None,
        });
    std::iter::once(format!("{head}\n\n{overview}"))
        .chain(plans)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_plan_of_others_says_stays_inside_of_its_place() {
        let entry = |outlook| Entry {
            outlook,
            made_of: None,
        };
        let key = |text: &str| text.parse().expect("a task");
        let tasks = BTreeMap::from([
            (
                key("app"),
                entry(Outlook::Deferred {
                    because: "it reads | `net` <!-- x -->".to_owned(),
                }),
            ),
            (key("net@production"), entry(Outlook::Done)),
        ]);
        let sections = preview_to_markdown(&tasks, Some(&Digest::of("x")));
        insta::assert_snapshot!(sections.join("\n---\n"), @"");
        let none = preview_to_markdown(&BTreeMap::new(), None);
        assert!(none[0].contains("Nothing is sealed"), "{none:?}");
    }
}
