//! The rules of the fold by example, and the property behind resume: a run that is cut anywhere and resumed ends where a run
//! that was never cut ends.

use std::{collections::BTreeMap, num::NonZeroUsize, time::Duration};

use jiff::Timestamp;
use proptest::prelude::*;

use super::{Resume, RunState, TaskRecord, TaskState, fold::task_of};
use crate::{
    digest::Digest,
    event::{
        Answer, CheckAnswer, CheckMoment, Event, Failure, FailureKind, Outcome, Reality, Record,
        RunSummary, StartedRun, Waiting,
    },
    ident::{RunId, TaskKey},
    schedule::{
        AfterFailure, Effect, Input, Limits, RetryPolicy, Scheduler, Shape, ShapeTask, TaskIndex,
        Verdict,
    },
};

/// Records in the making: numbers and times follow from their order.
#[derive(Debug, Clone, Default)]
struct Story(Vec<Record>);

impl Story {
    fn tell(&mut self, run: &str, event: Event) {
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

    fn state(&self) -> RunState {
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

fn failure(kind: FailureKind) -> Failure {
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

fn end_of(task: TaskKey, attempt: u32, outcome: Outcome) -> Event {
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

/// What every attempt of a task ends with.
#[derive(Debug, Clone, Copy)]
enum Fate {
    Succeeds,
    FailsTwiceThenSucceeds,
    Fails,
}

#[derive(Debug, Clone)]
struct Plan {
    shape: Shape,
    fates: Vec<Fate>,
}

fn plan() -> impl Strategy<Value = Plan> {
    (1..7_usize).prop_flat_map(|n_tasks| {
        let fate = prop_oneof![
            4 => Just(Fate::Succeeds),
            2 => Just(Fate::FailsTwiceThenSucceeds),
            1 => Just(Fate::Fails),
        ];
        let fates = prop::collection::vec(fate, n_tasks);
        let edges = prop::collection::vec((0..n_tasks, 0..n_tasks), 0..n_tasks);
        (fates, edges).prop_map(move |(fates, edges)| {
            let retry = RetryPolicy {
                attempts: 3,
                delay: Duration::from_secs(1),
                on: vec![FailureKind::Unavailable],
                exits: vec![],
            };
            let task = ShapeTask {
                retry,
                ..ShapeTask::default()
            };
            let mut tasks = vec![task; n_tasks];
            for (one, other) in edges.into_iter().filter(|(one, other)| one < other) {
                tasks[other].needs.push(TaskIndex(one));
            }
            let barriers = vec![];
            let shape = Shape { tasks, barriers };
            Plan { shape, fates }
        })
    })
}

fn key(task: TaskIndex) -> TaskKey {
    format!("task{}", task.0).parse().expect("a task key")
}

fn fingerprint(task: TaskIndex) -> Digest {
    Digest::of(key(task).to_string())
}

/// Carries a plan out as `run`, on top of what `story` says already, in an order that follows from `seed`.
fn carry_out(plan: &Plan, run: &str, story: &mut Story, mut seed: u64) {
    for (task, _) in story.state().unfinished() {
        let (task, by) = (task.clone(), "redo".to_owned());
        story.tell(
            run,
            Event::TaskSettled {
                task,
                done: false,
                by,
            },
        );
    }
    let limits = Limits {
        slots: NonZeroUsize::new(3).expect("three"),
        after_failure: AfterFailure::KeepGoing,
    };
    let mut scheduler = Scheduler::new(plan.shape.clone(), limits).expect("it is acyclic");
    let mut pending = vec![Input::Begin];
    while !pending.is_empty() {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let place = usize::try_from(seed >> 33).expect("31 bits") % pending.len();
        let input = pending.swap_remove(place);
        record_input(run, story, &input);
        for effect in scheduler.handle(input) {
            pending.extend(carry_out_effect(plan, run, story, effect));
        }
    }
    assert!(scheduler.is_done());
}

fn record_input(run: &str, story: &mut Story, input: &Input) {
    let Input::Finished { task, outcome } = input else {
        return;
    };
    let number = story
        .state()
        .task(&key(*task))
        .map_or(0, TaskRecord::attempts);
    story.tell(run, end_of(key(*task), number, outcome.clone()));
}

fn carry_out_effect(plan: &Plan, run: &str, story: &mut Story, effect: Effect) -> Option<Input> {
    match effect {
        Effect::Prepare(task) => {
            let state = story.state();
            let verdict = match state.resume(&key(task), &fingerprint(task)) {
                Resume::Run { attempts_before } => Verdict::Run { attempts_before },
                Resume::UpToDate(attempt) => {
                    let task = key(task);
                    let since = attempt.started;
                    story.tell(run, Event::TaskUpToDate { task, since });
                    Verdict::UpToDate
                }
                Resume::Unfinished(attempt) => panic!("{attempt:?} was settled before"),
            };
            Some(Input::Prepared { task, verdict })
        }
        Effect::Start { task, attempt } => {
            story.tell(
                run,
                Event::TaskStarted {
                    task: key(task),
                    attempt,
                    fingerprint: fingerprint(task),
                    changes: false,
                },
            );
            let outcome = match plan.fates[task.0] {
                Fate::Fails => Outcome::Failed(failure(FailureKind::Task)),
                Fate::FailsTwiceThenSucceeds if attempt < 3 => {
                    Outcome::Failed(failure(FailureKind::Unavailable))
                }
                Fate::FailsTwiceThenSucceeds | Fate::Succeeds => Outcome::Succeeded,
            };
            Some(Input::Finished { task, outcome })
        }
        Effect::ScheduleRetry {
            task,
            attempt,
            because,
            ..
        } => {
            let event = Event::RetryScheduled {
                task: key(task),
                attempt,
                delay_ms: 1,
                because,
            };
            story.tell(run, event);
            Some(Input::RetryDue(task))
        }
        Effect::Blocked { task, on } => {
            let (task, on) = (key(task), key(on));
            story.tell(run, Event::TaskBlocked { task, on });
            None
        }
        Effect::Stop(_) | Effect::NotStarted { .. } | Effect::Done => None,
    }
}

/// What is comparable of two ends: a task is done whoever did it, and blocked whoever failed first.
fn ends(story: &Story) -> Vec<(TaskKey, &'static str, Option<Digest>)> {
    let state = story.state();
    let tasks = state.tasks().map(|(task, record)| {
        let end = match &record.state {
            TaskState::Succeeded | TaskState::UpToDate { .. } => "done",
            TaskState::Failed(_) => "failed",
            TaskState::Blocked { .. } => "blocked",
            other => panic!("{task} ended as {other:?}"),
        };
        let success = record.success().map(|attempt| attempt.fingerprint);
        (task.clone(), end, success)
    });
    tasks.collect()
}

/// Returns the last byte of a task's name, which tells the tasks of a plan apart.
fn last_byte(task: &TaskKey) -> u8 {
    task.task.as_str().bytes().last().unwrap_or_default()
}

fn starts(records: &[Record]) -> impl Iterator<Item = &TaskKey> {
    records.iter().filter_map(|record| match &record.event {
        Event::TaskStarted { task, .. } => Some(task),
        _ => None,
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn resume_then_finish_equals_run_then_finish_for_every_prefix(plan in plan(), seed: u64) {
        let mut whole = Story::default();
        carry_out(&plan, "1", &mut whole, seed);
        for length in 0..=whole.0.len() {
            let mut resumed = Story(whole.0[..length].to_vec());
            let before = resumed.state();
            carry_out(&plan, "2", &mut resumed, seed.rotate_left(7));
            prop_assert_eq!(ends(&resumed), ends(&whole), "cut behind record {}", length);
            for task in starts(&resumed.0[length..]) {
                let finished = before.task(task).is_some_and(|record| record.success().is_some());
                prop_assert!(!finished, "{} was finished and ran again", task);
            }
        }
    }

    #[test]
    fn walks_that_are_read_together_come_to_what_one_ledger_would(plan in plan(), seed: u64, walks in 1..4_usize) {
        let mut whole = Story::default();
        carry_out(&plan, "1", &mut whole, seed);
        let mut split = vec![Vec::new(); walks];
        for record in &whole.0 {
            let place = usize::from(task_of(&record.event).map_or(0, last_byte)) % walks;
            let seq = split[place].len() as u64 + 1;
            split[place].push(Record { seq, ..record.clone() });
        }
        let split: Vec<&[Record]> = split.iter().map(Vec::as_slice).collect();
        prop_assert_eq!(RunState::of_walks(&split), whole.state());
    }
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
