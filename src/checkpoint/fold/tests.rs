//! What the fold makes of records.

use super::super::{
    State,
    fixture::{self, End, Records},
    summary::{AnswerSource, ItemState, ProofWord, Summary},
};
use crate::event::{Event, Reality, Waiting};

fn states(summary: &Summary) -> Vec<String> {
    let tasks = summary.tasks();
    tasks
        .map(|task| match &task.why {
            Some(why) => format!("{}: {} ({why})", task.key, task.state.words()),
            None => format!("{}: {}", task.key, task.state.words()),
        })
        .collect()
}

#[test]
fn states_and_next_actions_of_a_failed_run_are_told() {
    let summary = fixture::failed_run().summary();
    insta::assert_snapshot!(states(&summary).join("\n"), @r"
    build: done but not proved
    server: done and verified
    app@production: failed (check `http` did not hold: `status` is 503, required 200)
    page@production: blocked (on `app@production`)
    signed@production: waiting (for decision `tls`)
    ");
    insta::assert_snapshot!(summary.overall.next.join("\n"), @r"
    Repair task `app@production`: look at the log of the server.
    Answer decision `tls` in `deploy.yaml` (advised: `letsencrypt`): `signed@production` waits for it.
    ");
    assert_eq!(summary.overall.state, State::Failed);
    assert_eq!(
        summary.overall.reality,
        Some(Reality::StandIn {
            who: "registry at 127.0.0.1:5000".to_owned()
        })
    );
    assert!(!summary.is_final());
}

#[test]
fn a_run_that_went_well_is_final_and_its_goals_are_proved() {
    let summary = fixture::good_run().summary();
    insta::assert_snapshot!(states(&summary).join("\n"), @r"
    build: done but not proved
    server: done and verified
    app@production: done and verified
    page@production: done but not proved
    signed@production: skipped (`inputs.sign` is false)
    ");
    assert_eq!(
        summary.overall.next,
        ["Nothing has to be done. No check proves `build` and `page@production`."]
    );
    let goals: Vec<ProofWord> = summary.proofs.goals.iter().map(|goal| goal.word).collect();
    assert_eq!(goals, [ProofWord::Proved, ProofWord::Claimed]);
    assert!(summary.is_final());
}

#[test]
fn the_page_of_an_environment_is_known_once_its_task_has_succeeded() {
    let url = |summary: &Summary| summary.title.environments["production"].clone();
    assert_eq!(url(&fixture::failed_run().summary()), None);
    assert_eq!(
        url(&fixture::good_run().summary()).as_deref(),
        Some("https://relay.example.org/")
    );
}

#[test]
fn the_way_back_goes_from_the_last_to_the_first_and_claims_what_is_not_proved() {
    let summary = fixture::good_run().summary();
    let steps: Vec<String> = summary
        .way_back
        .iter()
        .map(|step| format!("{}: {} ({})", step.task, step.way, step.proof.words()))
        .collect();
    insta::assert_snapshot!(steps.join("\n"), @r"
    page@production: none declared (not proved yet)
    app@production: its own command (proved)
    server: previous: the tags return (not proved yet)
    ");
}

#[test]
fn a_task_is_never_undone_before_what_depends_on_it() {
    // `page` needs `app`, and the records say that it ended before it.
    let summary = Records::begun(false)
        .started(1, "page@production", 1, true)
        .ended(2, "page@production", 1, End::good(1_000))
        .started(3, "app@production", 1, true)
        .ended(4, "app@production", 1, End::good(1_000))
        .summary();
    let steps: Vec<String> = summary
        .way_back
        .iter()
        .map(|step| step.task.to_string())
        .collect();
    assert_eq!(steps, ["page@production", "app@production"]);
}

#[test]
fn a_task_that_was_started_by_a_run_that_has_ended_is_interrupted() {
    let summary = Records::begun(false)
        .started(1, "app@production", 1, true)
        .at(
            9,
            Event::RunFinished(crate::event::RunSummary {
                job: None,
                exit: 143,
            }),
        )
        .summary();
    assert_eq!(summary.overall.state, State::Interrupted);
    assert_eq!(
        summary.overall.next,
        [
            "Look how far task `app@production` came, then run again with `--done app@production` or `--force app@production`."
        ]
    );
}

#[test]
fn people_are_asked_by_name() {
    let waiting = |task: &str, waiting| Event::TaskPaused {
        task: task.parse().expect("a key"),
        waiting,
    };
    let approval = Waiting::Approval {
        phase: "release".parse().expect("an id"),
        environment: "production".parse().expect("an id"),
    };
    let summary = Records::begun(false)
        .at(1, waiting("app@production", approval.clone()))
        .at(1, waiting("page@production", approval))
        .at(
            2,
            waiting(
                "signed@production",
                Waiting::Decision {
                    decision: "tls".parse().expect("a name"),
                },
            ),
        )
        .summary();
    insta::assert_snapshot!(summary.overall.next.join("\n"), @r"
    Answer decision `tls` in `deploy.yaml` (advised: `letsencrypt`): `signed@production` waits for it.
    Approve phase `release` in environment `production`: `app@production` and `page@production` wait for it.
    ");
}

#[test]
fn a_rehearsal_says_which_answers_it_assumed() {
    let summary = Records::begun(true).summary_of(fixture::PLAN, true, None);
    let decisions: Vec<_> = summary
        .people
        .decisions
        .iter()
        .map(|line| (line.name.as_str(), line.source, line.answer.as_deref()))
        .collect();
    assert_eq!(
        decisions,
        [
            ("tls", AnswerSource::Assumed, Some("letsencrypt")),
            ("expose", AnswerSource::Plan, Some("ingress")),
        ]
    );
}

#[test]
fn only_selected_tasks_count_for_the_whole() {
    let records =
        Records::begun(false)
            .started(1, "build", 1, false)
            .ended(2, "build", 1, End::good(1_000));
    let summary = records.summary_of(fixture::PLAN, false, Some(&[0].into()));
    assert_eq!(summary.overall.state, State::AutomatedUnproved);
    assert_eq!(
        summary.overall.headline,
        "5 tasks: 1 done but not proved, 4 not selected"
    );
}

#[test]
fn items_that_nothing_covers_are_listed() {
    let plan = fixture::PLAN.replace("- id: server\n", "- id: server\n        covers: [E1]\n");
    let summary = fixture::failed_run().summary_of(&plan, false, None);
    let document = summary.proofs.document.expect("there is one");
    let items: Vec<_> = document
        .items
        .iter()
        .map(|item| (item.id.as_str(), item.state))
        .collect();
    assert_eq!(
        items,
        [
            ("E1", ItemState::DoneVerified),
            ("E2", ItemState::Uncovered)
        ]
    );
}

#[test]
fn costs_are_held_against_the_budget() {
    let of = |plan: &str| {
        fixture::failed_run()
            .summary_of(plan, false, None)
            .costs
            .expect("it has a budget")
    };
    let within = of(fixture::PLAN);
    assert_eq!(
        (within.walks[0].total, within.walks[0].within),
        (1.46, Some(true))
    );
    let unknown = of(&fixture::PLAN
        .replace("node: 1.46", "node: \"${{ tasks.build.outputs.price }}\"")
        .replace("estimate: 2m,", "outputs: { price: { type: number } },"));
    assert_eq!(unknown.walks[0].within, None);
}

#[test]
fn the_json_form_names_its_format_and_states() {
    let json = fixture::failed_run().summary().to_json();
    assert_eq!(json["format"], 1);
    assert_eq!(json["overall"]["counts"]["done-verified"], 1);
    assert_eq!(json["failures"][0]["task"], "app@production");
    assert_eq!(
        json["phases"][1]["tasks"][0]["checks"][0]["observations"][0]["observed"],
        "503"
    );
}
