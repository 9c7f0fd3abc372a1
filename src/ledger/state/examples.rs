//! The rules of the fold, each by an example.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{Resume, RunState, TaskRecord, TaskState, Undone};
use crate::{
    digest::Digest,
    event::{
        Answer, CheckAnswer, CheckMoment, Event, Failure, FailureKind, Outcome, Reality, Record,
        RunSummary, StartedRun, Waiting,
    },
    ident::{RunId, TaskKey},
};

/// Records in the making: numbers and times follow from their order.
#[derive(Debug, Clone, Default)]
pub(super) struct Story(pub(super) Vec<Record>);

impl Story {
    pub(super) fn tell(&mut self, run: &str, event: Event) {
        let seq = self.0.len() as u64 + 1;
        self.0.push(Record {
            seq,
            at: time(seq),
            run: RunId::new(run),
            event,
        });
    }

    fn of(events: impl IntoIterator<Item = (&'static str, Event)>) -> Self {
        let mut story = Self::default();
        for (run, event) in events {
            story.tell(run, event);
        }
        story
    }

    pub(super) fn state(&self) -> RunState {
        RunState::of(&self.0)
    }

    fn app(&self) -> TaskRecord {
        let state = self.state();
        state.task(&app()).expect("it has a record").clone()
    }
}

fn time(second: u64) -> Timestamp {
    let second = i64::try_from(second).expect("a small number");
    Timestamp::from_second(second).expect("a time of this century")
}

fn app() -> TaskKey {
    "app".parse().expect("a task key")
}

pub(super) fn failure(kind: FailureKind) -> Failure {
    Failure {
        kind,
        message: "it did not work".to_owned(),
        hint: None,
        exit: None,
    }
}

fn started(version: &str, attempt: u32) -> Event {
    Event::TaskStarted {
        task: app(),
        attempt,
        fingerprint: Digest::of(version),
        changes: true,
    }
}

fn ended_with(attempt: u32, outcome: Outcome) -> Event {
    end_of(app(), attempt, outcome)
}

pub(super) fn end_of(task: TaskKey, attempt: u32, outcome: Outcome) -> Event {
    Event::TaskFinished {
        task,
        attempt,
        outcome,
        took_ms: 1_500,
        outputs: BTreeMap::new(),
        artifacts: BTreeMap::new(),
        effects: Vec::new(),
        log: None,
    }
}

fn succeeded(attempt: u32) -> Event {
    ended_with(attempt, Outcome::Succeeded)
}

fn failed(attempt: u32) -> Event {
    ended_with(attempt, Outcome::Failed(failure(FailureKind::Unavailable)))
}

fn checked(moment: CheckMoment, answer: Answer) -> Event {
    Event::CheckAnswered {
        task: app(),
        check: "http".parse().expect("an id"),
        moment,
        answer: CheckAnswer {
            answer,
            required: BTreeMap::new(),
            observed: BTreeMap::new(),
            unit: None,
            message: None,
            asked: 1,
            took_ms: 3,
            reality: Reality::Real,
        },
    }
}

fn rolled_back(failure: Option<Failure>) -> Event {
    Event::TaskRolledBack {
        task: app(),
        way: "previous".to_owned(),
        failure,
    }
}

fn settled(done: bool) -> Event {
    Event::TaskSettled {
        task: app(),
        done,
        by: "ada".to_owned(),
    }
}

fn is_up_to_date(story: &Story, version: &str) -> bool {
    let record = story.app();
    matches!(record.resume(&Digest::of(version)), Resume::UpToDate(_))
}

fn attempts_before(story: &Story, version: &str) -> Option<u32> {
    match story.app().resume(&Digest::of(version)) {
        Resume::Run { attempts_before } => Some(attempts_before),
        Resume::UpToDate(_) | Resume::Unfinished(_) => None,
    }
}

#[test]
fn only_the_last_success_counts_so_v1_runs_again_after_v2() {
    let mut story = Story::of([("1", started("v1", 1)), ("1", succeeded(1))]);
    assert!(is_up_to_date(&story, "v1"));
    story.tell("2", started("v2", 1));
    story.tell("2", succeeded(1));
    assert!(is_up_to_date(&story, "v2"));
    assert_eq!(attempts_before(&story, "v1"), Some(0));
    let former = story.app().former.expect("v1 was there before");
    assert_eq!(former.fingerprint, Digest::of("v1"));
}

#[test]
fn words_that_nothing_was_tried_leave_a_success_as_it_is() {
    let task = app();
    let words = [
        Event::TaskBlocked {
            task: task.clone(),
            on: "image".parse().expect("a task key"),
        },
        Event::TaskPaused {
            task: task.clone(),
            waiting: Waiting::Settlement,
        },
        Event::TaskNotRun {
            task: task.clone(),
            because: "no cluster here".to_owned(),
        },
        checked(CheckMoment::Verify, Answer::Held),
        checked(CheckMoment::Before, Answer::Failed),
        Event::TaskUpToDate {
            task,
            since: time(2),
        },
    ];
    for word in words {
        let mut story = Story::of([("1", started("v1", 1)), ("1", succeeded(1))]);
        story.tell("2", word.clone());
        assert!(is_up_to_date(&story, "v1"), "{word:?}");
    }
}

#[test]
fn a_success_that_was_undone_or_found_wrong_counts_no_more() {
    let ends = [
        rolled_back(None),
        rolled_back(Some(failure(FailureKind::Task))),
        checked(CheckMoment::Verify, Answer::Failed),
        checked(CheckMoment::Body, Answer::Failed),
        settled(false),
        Event::TaskInvalidated {
            task: app(),
            because: "destroyed".to_owned(),
        },
    ];
    for end in ends {
        let mut story = Story::of([("1", started("v1", 1)), ("1", succeeded(1))]);
        story.tell("1", end.clone());
        assert_eq!(attempts_before(&story, "v1"), Some(0), "{end:?}");
        // A late word does not bring it back.
        story.tell(
            "2",
            Event::TaskUpToDate {
                task: app(),
                since: time(2),
            },
        );
        assert_eq!(attempts_before(&story, "v1"), Some(0), "{end:?}");
        assert!(!story.app().satisfies(), "{end:?}");
    }
}

#[test]
fn a_rollback_returns_to_the_version_before_and_a_failed_one_does_not() {
    let v1_and_v2 = [
        ("1", started("v1", 1)),
        ("1", succeeded(1)),
        ("2", started("v2", 1)),
        ("2", succeeded(1)),
    ];
    let former_after = |failure| {
        let mut story = Story::of(v1_and_v2.clone());
        story.tell("2", rolled_back(failure));
        story.tell("3", started("v3", 1));
        story.app().former.map(|former| former.fingerprint)
    };
    assert_eq!(former_after(None), Some(Digest::of("v1")));
    assert_eq!(
        former_after(Some(failure(FailureKind::Task))),
        Some(Digest::of("v2"))
    );
}

#[test]
fn attempts_are_counted_across_runs_until_the_task_changes() {
    let mut story = Story::of([("1", started("v1", 1)), ("1", failed(1))]);
    assert_eq!(attempts_before(&story, "v1"), Some(1));
    assert_eq!(attempts_before(&story, "v2"), Some(0));
    story.tell("2", started("v1", 2));
    story.tell("2", ended_with(2, Outcome::Cancelled));
    assert_eq!(story.app().state, TaskState::Cancelled);
    assert_eq!(attempts_before(&story, "v1"), Some(2));
    story.tell("2", rolled_back(None));
    assert_eq!(attempts_before(&story, "v1"), Some(0));
}

#[test]
fn a_start_without_an_end_is_interrupted_when_its_run_no_longer_lives() {
    let story = Story::of([("1", started("v1", 1))]);
    let mut state = story.state();
    state.mark_interrupted(|_, attempt| attempt.run == RunId::new("1"));
    let task_state = |state: &RunState| state.task(&app()).map(|task| task.state.clone());
    assert_eq!(task_state(&state), Some(TaskState::Running));
    state.mark_interrupted(|_, _| false);
    let interrupted = TaskState::Interrupted { advice: None };
    assert_eq!(task_state(&state), Some(interrupted));
    let unfinished: Vec<_> = state.unfinished().map(|(task, _)| task.clone()).collect();
    assert_eq!(unfinished, [app()]);
}

#[test]
fn an_interrupted_task_stays_open_behind_a_block_until_somebody_knows_its_end() {
    let mut story = Story::of([("1", started("v1", 1))]);
    story.tell(
        "2",
        Event::TaskBlocked {
            task: app(),
            on: "image".parse().expect("a task key"),
        },
    );
    let mut state = story.state();
    state.mark_interrupted(|_, _| false);
    assert_eq!(state, story.state(), "the last word is the block");
    let resume = |story: &Story| story.app().unfinished().cloned();
    assert!(resume(&story).is_some());
    for (word, counts) in [
        (settled(true), true),
        (settled(false), false),
        (succeeded(1), true),
    ] {
        let mut story = story.clone();
        story.tell("2", word.clone());
        assert!(resume(&story).is_none(), "{word:?}");
        assert_eq!(is_up_to_date(&story, "v1"), counts, "{word:?}");
    }
    story.tell("2", settled(false));
    assert_eq!(attempts_before(&story, "v1"), Some(1), "it was an attempt");
}

#[test]
fn the_end_of_an_attempt_that_was_given_up_ends_no_other_one() {
    let mut story = Story::of([("1", started("v1", 1)), ("2", started("v2", 1))]);
    story.tell("1", succeeded(1));
    assert_eq!(story.app().state, TaskState::Running);
    story.tell("2", succeeded(7));
    assert_eq!(story.app().state, TaskState::Running);
    story.tell("2", succeeded(1));
    assert!(is_up_to_date(&story, "v2"));
}

#[test]
fn an_end_that_comes_after_the_end_changes_no_count_and_revives_nothing() {
    let done = [("1", started("v1", 1)), ("1", succeeded(1))];
    let mut story = Story::of(done.clone());
    story.tell("2", failed(1));
    assert!(matches!(story.app().state, TaskState::Failed(_)));
    assert_eq!(
        attempts_before(&story, "v1"),
        Some(0),
        "no attempt was made"
    );
    let mut story = Story::of(done);
    story.tell("1", rolled_back(None));
    story.tell("1", succeeded(1));
    assert!(!story.app().satisfies());
}

#[test]
fn a_persons_word_takes_nothing_from_a_success() {
    let mut story = Story::of([("1", started("v1", 1)), ("1", succeeded(1))]);
    let before = story.app();
    story.tell("2", settled(true));
    assert_eq!(story.app().attempt, before.attempt);
    assert_eq!(
        story.app().settled.map(|word| word.by),
        Some("ada".to_owned())
    );
}

#[test]
fn what_is_said_about_an_undoing_ends_with_the_next_attempt() {
    let confirmed = Event::GateConfirmed {
        task: app(),
        by: "ada".to_owned(),
    };
    let evidence = Event::EvidenceCaptured {
        task: app(),
        path: "evidence/1/app/pods".to_owned(),
    };
    let mut story = Story::of([("1", started("v1", 1)), ("1", confirmed), ("1", evidence)]);
    assert!(story.app().confirmed.is_some());
    story.tell("1", rolled_back(None));
    let record = story.app();
    assert_eq!(record.undone.evidence, ["evidence/1/app/pods"]);
    assert_eq!(record.undone.at, Some(time(4)));
    assert_eq!(record.confirmed, None, "what was confirmed is gone");
    story.tell("2", started("v2", 1));
    assert_eq!(story.app().undone, Undone::default());
}

#[test]
fn a_check_is_kept_with_its_time_until_the_next_attempt() {
    let mut story = Story::of([
        ("1", started("v1", 1)),
        ("1", checked(CheckMoment::Verify, Answer::Held)),
        ("1", succeeded(1)),
    ]);
    story.tell("2", checked(CheckMoment::Verify, Answer::Held));
    let observed = story.app().checks.get("http").map(|answer| answer.at);
    assert_eq!(observed, Some(time(4)));
    story.tell("3", started("v2", 1));
    assert!(story.app().checks.is_empty());
}

#[test]
fn jobs_answers_and_approvals_are_kept_with_who_and_when() {
    let job = |name: &str| {
        Event::RunStarted(StartedRun {
            plan: "relay".to_owned(),
            plan_digest: Digest::of("plan"),
            job: Some(name.to_owned()),
            commit: None,
            actor: None,
            url: None,
            rehearsal: false,
            version: "0.1.0".to_owned(),
            bundle: None,
        })
    };
    let approved = |by: &str| Event::PhaseApproved {
        phase: "release".parse().expect("an id"),
        environment: "production".parse().expect("an id"),
        by: by.to_owned(),
        reality: Reality::Real,
    };
    let state = Story::of([
        ("1", job("plan")),
        ("1", job("release--app")),
        (
            "1",
            Event::RunFinished(RunSummary {
                job: Some("plan".to_owned()),
                exit: 4,
            }),
        ),
        (
            "1",
            Event::CancelRequested {
                by: "SIGINT".to_owned(),
            },
        ),
        (
            "1",
            Event::DecisionAnswered {
                decision: "tls".parse().expect("a name"),
                answer: "managed".to_owned(),
                by: "discover".to_owned(),
            },
        ),
        ("1", approved("ada")),
        ("2", approved("grace")),
    ])
    .state();
    let run = state.run(&RunId::new("1")).expect("it ran");
    let ends: Vec<_> = run.jobs.values().map(|job| job.ended).collect();
    assert_eq!(ends, [Some((time(3), 4)), None]);
    assert_eq!(run.cancelled, Some(("SIGINT".to_owned(), time(4))));
    let tls = "tls".parse().expect("a name");
    let answer = state.decision(&tls).map(|tls| tls.answer.as_str());
    assert_eq!(answer, Some("managed"));
    let (phase, environment) = ("release".parse(), "production".parse());
    let approval = state.approval(&phase.expect("an id"), &environment.expect("an id"));
    let approval = approval.expect("it was given");
    assert_eq!(
        (approval.word.by.as_str(), approval.word.at),
        ("grace", time(7))
    );
    assert_eq!(state.approvals().len(), 2);
}

#[test]
fn a_clock_that_goes_back_does_not_turn_a_walk_around() {
    let mut story = Story::of([("1", started("v1", 1)), ("1", succeeded(1))]);
    story.0[0].at = time(100);
    let other = Story::of([(
        "1",
        Event::CancelRequested {
            by: "SIGINT".to_owned(),
        },
    )]);
    let state = RunState::of_walks(&[&story.0, &other.0]);
    let app = state.task(&app()).expect("it has a record");
    assert_eq!(app.state, TaskState::Succeeded);
}

#[test]
fn at_the_same_time_the_lower_number_goes_first() {
    let answer = |text: &str| Event::DecisionAnswered {
        decision: "tls".parse().expect("a name"),
        answer: text.to_owned(),
        by: "discover".to_owned(),
    };
    let mut later = Story::of([("1", answer("a")), ("1", answer("later"))]);
    let mut earlier = Story::of([("1", answer("earlier"))]);
    for record in later.0.iter_mut().chain(&mut earlier.0) {
        record.at = time(9);
    }
    let tls = "tls".parse().expect("a name");
    for walks in [[&later.0[..], &earlier.0[..]], [&earlier.0, &later.0]] {
        let state = RunState::of_walks(&walks);
        let answer = state.decision(&tls).map(|decision| decision.answer.clone());
        assert_eq!(answer, Some("later".to_owned()));
    }
}
