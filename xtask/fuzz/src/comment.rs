//! Comments of any text: whether they are ours, and what ours say of any ledger.

use std::collections::BTreeMap;

use camino::Utf8Path;
use deploy_action::{
    checkpoint::{Beside, Budget, Excerpts, Material, Summary, to_markdown},
    github::Marker,
    graph,
    ident::{EnvironmentName, TaskKey},
    ledger::{RunState, TaskRecord},
    page::{Content, History, LogView, Logs, Variant, tail, to_html},
    plan::{
        self,
        values::{Given, Values, Wanted},
    },
};

use crate::records;

/// What every marker begins with.
const OPENING: &str = "<!-- deploy-action:";

/// The plan of the ledgers from which comments are written.
pub(crate) const PLAN: &str = include_str!("../seeds/comment-plan.yaml");

/// Takes the first line for the name of a plan and the rest for a comment, and all lines for records.
pub(crate) fn check(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let (name, body) = text.split_once('\n').unwrap_or((&text, ""));
    marks(name, body);
    writes(input, body);
}

/// A marker finds its own comment and no other one.
fn marks(name: &str, body: &str) {
    let production: EnvironmentName = "production".parse().expect("it is well formed");
    let markers = [
        Marker::new(name, None),
        Marker::new(name, Some(&production)),
        Marker::new(&format!("{name}-"), None),
        Marker::new(body, None),
    ];
    for (index, marker) in markers.iter().enumerate() {
        let sign = marker.to_string();
        let inner = sign
            .strip_prefix("<!--")
            .and_then(|rest| rest.strip_suffix("-->"));
        let inner = inner.unwrap_or_else(|| panic!("{sign:?} is no comment of HTML"));
        assert!(
            !inner.contains("--") && !inner.contains(['\n', '\r', '>']),
            "{sign:?} may end before its end"
        );
        let comment = marker.mark(body);
        assert_eq!(
            comment.matches(OPENING).count(),
            1,
            "{comment:?} has another marker"
        );
        for sent in [
            comment.clone(),
            comment.replace('\n', "\r\n"),
            comment.trim_end().to_owned(),
        ] {
            for (other_index, other) in markers.iter().enumerate() {
                let is_same = index == other_index || marker == other;
                assert_eq!(other.marks(&sent), is_same, "{other} and {sent:?}");
            }
        }
        assert!(
            !marker.marks(&format!("> {comment}")),
            "a quoted comment is ours"
        );
        marker.marks(body);
    }
    assert_ne!(markers[0], markers[2], "two plans have one comment");
    assert_eq!(
        markers[0] == markers[3],
        name == body,
        "two plans have one comment"
    );
}

/// Whatever the records say, the comment fits, begins with its marker, and is the same when it is written again.
fn writes(input: &[u8], log: &str) {
    let recorded = records::records_of(input);
    let mut state = RunState::of(&recorded);
    state.mark_interrupted(|_, _| false);
    let read = plan::read_text("deploy.yaml", PLAN.to_owned(), Utf8Path::new("."));
    let plan = read.plan.expect("the plan is valid");
    let values =
        Values::resolve(&plan, &Given::default(), Wanted::Known).expect("it has no inputs");
    let graph = graph::build(&plan, &values).expect("it has no cycle");
    let now = recorded
        .last()
        .map_or_else(Default::default, |record| record.at);
    let summary = Summary::of(&Material {
        graph: &graph,
        values: &values,
        document: None,
        state: &state,
        selected: None,
        now,
    });
    let excerpts: Excerpts = state
        .tasks()
        .map(|(task, _): (&TaskKey, _)| (task.clone(), log.to_owned()))
        .collect();
    let marker = Marker::new("relay", None);
    for budget in [Budget::SMALLEST, 5_000, 65_000] {
        let write = || {
            let beside = Beside {
                marker: None,
                excerpts: &excerpts,
            };
            to_markdown(&summary, &beside, Budget::Characters(budget))
        };
        let text = write();
        let length = text.chars().count();
        assert!(
            length <= budget,
            "{length} characters where {budget} are allowed"
        );
        assert_eq!(text, write(), "the same summary is written otherwise");
        assert!(
            marker.marks(&marker.mark(&text)),
            "a comment that is not found again"
        );
    }
    let history = History::of([recorded.as_slice()], |_| false);
    let (text, has_more) = tail(log, true, 20);
    let view = |(task, record): (&TaskKey, &TaskRecord)| {
        let path = record.ended()?.log.as_ref()?.path.clone();
        let view = LogView {
            href: None,
            tail: text.clone(),
            has_more,
        };
        Some(((task.clone(), path), view))
    };
    let logs: Logs = state.tasks().filter_map(view).collect();
    let page = to_html(
        &Content {
            summary: &summary,
            graph: &graph,
            history: &history,
            logs: &logs,
            made_of: &BTreeMap::new(),
            running: &BTreeMap::new(),
        },
        Variant::File,
    );
    assert!(
        page.trim_end().ends_with("</html>"),
        "a page without an end"
    );
    assert!(!page.contains("<script"), "a page with a script");
    summary.to_json();
}
