//! Whatever texts a summary holds and whatever the budget is: the Markdown fits, is valid, and names what failed.

use proptest::prelude::*;
use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

use super::*;
use crate::checkpoint::{
    fixture,
    summary::{CheckLine, TaskSummary},
};

const MARKER: &str = "<!-- deploy-action relay -->";

/// What a text may be made of to break a page.
const PIECES: &[&str] = &[
    "```",
    "````",
    "~~~",
    "`",
    "<details>",
    "</details>",
    "<summary>",
    "<!--",
    "-->",
    MARKER,
    "@octocat",
    "@o/team",
    "#123",
    "GH-7",
    "|",
    "\\",
    "\\|",
    "\n",
    "\r\n",
    "\n\n",
    "\n- ",
    "\n# ",
    "[x](javascript:1)",
    "![a](b)",
    "https://x.org/a_b",
    "*",
    "__",
    "<b>",
    "<script>",
    "&amp;",
    "&#64;",
    "$$",
    "\u{202e}",
    "\u{1b}[31m",
    "日本語",
    "👩\u{200d}👧",
    "e\u{301}",
    "word",
    " ",
    "x",
];

fn hostile(most: usize) -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(PIECES), 0..most).prop_map(|pieces| pieces.concat())
}

/// A summary in which every text of others is one of `texts`, with as many tasks and failures.
fn summary(texts: &[String], n_tasks: usize, n_failures: usize) -> Summary {
    let mut summary = fixture::failed_run().summary();
    let text = |index: usize| texts[index % texts.len()].clone();
    let key = |index: usize| TaskKey {
        leg: Some(format!("{index}{}", text(index)).into()),
        ..summary.failures[0].task.clone()
    };
    let failure = summary.failures[0].clone();
    let failures: Vec<_> = (0..n_failures)
        .map(|index| crate::checkpoint::summary::FailureLine {
            task: key(index),
            message: text(index + 1),
            hint: Some(text(index + 2)),
            blocks: (0..index % 12).map(key).collect(),
            ..failure.clone()
        })
        .collect();
    let template = summary.phases[1].tasks[0].clone();
    let tasks: Vec<TaskSummary> = (0..n_tasks)
        .map(|index| {
            let mut task = template.clone();
            task.key = key(index);
            task.name = text(index + 3);
            task.why = Some(text(index + 4));
            task.outputs = [("address".parse().expect("a name"), text(index + 5))]
                .into_iter()
                .collect();
            for effect in &mut task.effects {
                effect.what = text(index + 6);
            }
            for check in &mut task.checks {
                spoil(check, &text(index + 7));
            }
            task
        })
        .collect();
    summary.failures = failures;
    summary.phases[1].tasks = tasks;
    summary.title.plan = text(8);
    summary.overall.headline = text(9);
    summary.overall.next = (10..20).map(text).collect();
    if let Some(run) = &mut summary.title.run {
        (run.url, run.commit, run.actor) = (Some(text(11)), Some(text(12)), Some(text(13)));
    }
    for (index, line) in summary.people.decisions.iter_mut().enumerate() {
        (line.question, line.answer, line.reason) =
            (text(index), Some(text(index + 1)), Some(text(index + 2)));
    }
    for image in &mut summary.images {
        (image.reference, image.tags) = (text(14), vec![text(15); 5]);
    }
    for line in &mut summary.proofs.goals {
        line.text = text(16);
    }
    for step in &mut summary.way_back {
        (step.way, step.data_loss) = (text(17), Some(text(18)));
    }
    summary
}

fn spoil(check: &mut CheckLine, text: &str) {
    check.message = Some(text.to_owned());
    for seen in &mut check.observations {
        (seen.required, seen.observed) = (Some(text.to_owned()), Some(text.to_owned()));
    }
}

/// Reads the Markdown as GitHub does, and returns what is wrong with it.
fn problem(markdown: &str) -> Option<String> {
    let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH;
    let reference = regex::Regex::new(r"@\w|#\d|(?i)\bgh-\d").expect("it is one");
    let (mut details, mut code, mut last) = (0_i32, 0_i32, String::new());
    for event in Parser::new_ext(markdown, options) {
        match event {
            Event::Html(html) | Event::InlineHtml(html) => {
                for tag in html.split_inclusive('>').map(str::trim) {
                    match tag.rsplit_once('<').map(|(_, tag)| tag) {
                        Some("details>") => details += 1,
                        Some("/details>") => details -= 1,
                        Some("code>") => code += 1,
                        Some("/code>") => code -= 1,
                        Some("summary>" | "/summary>" | "br>" | "sub>" | "/sub>") | None => {}
                        Some(_) if tag == MARKER => {}
                        Some(_) => return Some(format!("the HTML {tag:?}")),
                    }
                    last = tag.to_owned();
                }
            }
            Event::Text(text) if code == 0 => {
                if let Some(found) = reference.find(&text) {
                    return Some(format!("the reference {:?} in {text:?}", found.as_str()));
                }
            }
            Event::Start(Tag::CodeBlock(_)) => code += 1,
            Event::End(TagEnd::CodeBlock) => code -= 1,
            Event::Start(Tag::Image { .. }) => return Some("an image".to_owned()),
            _ => {}
        }
        if details < 0 || code < 0 {
            return Some("an end without a beginning".to_owned());
        }
    }
    (details != 0 || code != 0 || last != "</sub>")
        .then(|| format!("{details} details, {code} codes, {last:?} at last"))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, max_shrink_iters: 100, ..ProptestConfig::default() })]

    #[test]
    fn markdown_fits_is_valid_and_names_what_failed(
        texts in prop::collection::vec(hostile(40), 1..12),
        n_tasks in 0_usize..60,
        n_failures in 1_usize..8,
        limit in prop_oneof![2_000_usize..3_000, 2_000_usize..70_000],
        in_bytes: bool,
        excerpt in hostile(200),
    ) {
        let summary = summary(&texts, n_tasks, n_failures);
        let excerpts = Excerpts::from([(summary.failures[0].task.clone(), excerpt)]);
        let budget = if in_bytes { Budget::Bytes(limit) } else { Budget::Characters(limit) };
        let markdown = to_markdown(&summary, &Beside { marker: Some(MARKER), excerpts: &excerpts }, budget);
        prop_assert!(budget.length(&markdown) <= limit, "{} of {limit}", budget.length(&markdown));
        prop_assert!(markdown.starts_with(MARKER) && markdown.matches("<!--").count() == 1);
        if let Some(problem) = problem(&markdown) {
            prop_assert!(false, "{problem} in\n{markdown}");
        }
        for failure in &summary.failures {
            let name = code_within(&failure.task.to_string(), 120);
            prop_assert!(markdown.contains(&name), "{name} is not named in\n{markdown}");
        }
    }
}

#[test]
fn of_two_hundred_failures_as_many_are_named_as_there_is_room_for() {
    let summary = summary(&["leg".to_owned()], 200, 200);
    let beside = Beside {
        marker: None,
        excerpts: &Excerpts::new(),
    };
    let markdown = to_markdown(&summary, &beside, Budget::Characters(2_000));
    assert!(markdown.chars().count() <= 2_000);
    assert!(
        markdown.contains("**200 failures:** `app[0leg]@production`, `app[1leg]@production`"),
        "{markdown}"
    );
    assert!(markdown.contains(" more\n"), "{markdown}");
}

#[test]
fn of_two_hundred_tasks_those_that_failed_are_seen_without_opening_anything() {
    let mut summary = summary(&["leg".to_owned()], 200, 10);
    summary.overall.headline = "200 tasks".to_owned();
    let beside = Beside {
        marker: None,
        excerpts: &Excerpts::new(),
    };
    let markdown = to_markdown(&summary, &beside, Budget::COMMENT);
    let before_details = markdown.split("<details>").next().unwrap_or_default();
    assert!(
        summary
            .failures
            .iter()
            .all(|failure| before_details.contains(&failure.task.to_string()))
    );
}
