//! The property behind resume: a run that is cut anywhere and resumed ends where a run that was never cut ends.

use std::{num::NonZeroUsize, time::Duration};

use proptest::prelude::*;

use super::{
    Resume, RunState, TaskRecord, TaskState,
    examples::{Story, end_of, failure},
    fold::task_of,
};
use crate::{
    digest::Digest,
    event::{Event, FailureKind, Outcome, Record},
    ident::TaskKey,
    schedule::{
        AfterFailure, Effect, Input, Limits, RetryPolicy, Scheduler, Shape, ShapeTask, TaskIndex,
        Verdict,
    },
};

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
