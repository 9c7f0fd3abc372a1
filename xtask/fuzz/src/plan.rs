//! A plan file of any bytes.

use camino::Utf8Path;
use deploy_action::{
    diagnostic::{Diagnostic, SourceFile, Style, closing_line, render, to_json},
    graph::{self, TaskGraph},
    plan::{
        self, Plan,
        values::{Given, Values, Wanted},
    },
    workflow::{self, Target},
};

/// The folder in which a plan looks for the files that it names: there is none, so that nothing of this machine decides.
const NOWHERE: &str = "/nonexistent/deploy-action-fuzz";

/// Reads a plan, shows its problems, and carries a valid one as far as it goes without running anything.
pub(crate) fn check(input: &[u8]) {
    let read = || plan::read_bytes("deploy.yaml", input.to_vec(), Utf8Path::new(NOWHERE));
    let found = read();
    show(&found.source, found.problems.as_slice());
    let again = read();
    assert_eq!(
        found.problems.as_slice(),
        again.problems.as_slice(),
        "the same bytes have other problems when they are read again"
    );
    assert_eq!(
        found.plan.is_none(),
        found.problems.has_errors(),
        "a plan is there exactly where no problem is an error"
    );
    if let Some(plan) = &found.plan {
        carry(&found.source, plan);
    }
}

/// Shows problems in all ways, and holds their places against the text.
fn show(source: &SourceFile, problems: &[Diagnostic]) {
    for problem in problems {
        assert!(!problem.message.is_empty(), "a problem without words");
        let others = problem.others.iter().map(|label| label.span);
        let spans = problem.span.into_iter().chain(others);
        for span in spans.filter(|_| problem.file.is_none()) {
            assert!(span.start <= span.end, "{problem:?} ends before it starts");
            assert!(
                span.start <= source.text().len(),
                "{problem:?} lies behind the text"
            );
        }
    }
    let shown = [
        render(source, problems, Style::Plain),
        render(source, problems, Style::Coloured),
        closing_line(problems),
    ];
    assert!(
        problems.is_empty() || shown.iter().all(|text| !text.is_empty()),
        "problems that nobody sees"
    );
    for problem in problems {
        let told = to_json(source, problem);
        assert!(told.is_object(), "a problem that no program reads");
    }
}

fn carry(source: &SourceFile, plan: &Plan) {
    for rehearsal in [false, true] {
        let given = Given {
            rehearsal,
            ..Given::default()
        };
        for wanted in [Wanted::Known, Wanted::All] {
            match Values::resolve(plan, &given, wanted) {
                Ok(values) => match graph::build(plan, &values) {
                    Ok(graph) => draw(&graph),
                    Err(problems) => refused(source, &problems),
                },
                Err(problems) => refused(source, &problems),
            }
        }
    }
}

fn refused(source: &SourceFile, problems: &[Diagnostic]) {
    assert!(!problems.is_empty(), "refused without a reason");
    show(source, problems);
}

/// Draws the graph, holds its order, and renders the workflows of the plan.
fn draw(graph: &TaskGraph<'_>) {
    for text in [
        graph::to_text(graph),
        graph::to_mermaid(graph),
        graph::to_dot(graph),
        graph::to_json(graph).to_string(),
    ] {
        assert!(!text.is_empty(), "a graph that is not drawn");
    }
    for (index, node) in graph.nodes().iter().enumerate() {
        assert_eq!(graph.find(&node.key), Some(index), "two tasks of one name");
        assert!(
            node.after.iter().all(|edge| edge.to != index),
            "`{}` waits for itself",
            node.key
        );
    }
    for target in [Target::GitHub, Target::Act] {
        match workflow::files(graph.plan(), graph, "deploy.yaml", target) {
            Ok(files) => {
                let unread = |file: &&workflow::RenderedFile| {
                    workflow::source_of(&file.text) != Some("deploy.yaml")
                };
                assert_eq!(
                    files.iter().find(unread),
                    None,
                    "a file that does not say its plan"
                );
            }
            Err(error) => assert!(!error.is_bug(), "{error:?}"),
        }
    }
}
