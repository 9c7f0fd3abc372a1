//! The rules, each by an example.

use std::time::Duration;

use super::{
    AfterFailure, Barrier, BarrierIndex, Effect, Input, Limits, RetryPolicy, Scheduler, Shape,
    ShapeTask, Status, TaskIndex, Verdict,
    properties::{failure, limits},
};
use crate::event::{FailureKind, Outcome};

fn task(needs: &[usize]) -> ShapeTask {
    ShapeTask {
        needs: needs.iter().copied().map(TaskIndex).collect(),
        ..ShapeTask::default()
    }
}

fn begun(tasks: Vec<ShapeTask>, limits: Limits) -> (Scheduler, Vec<Effect>) {
    let shape = Shape {
        tasks,
        barriers: vec![],
    };
    let mut scheduler = Scheduler::new(shape, limits).expect("the graph is acyclic");
    let effects = scheduler.handle(Input::Begin);
    (scheduler, effects)
}

fn run(task: usize) -> Input {
    Input::Prepared {
        task: TaskIndex(task),
        verdict: Verdict::Run { attempts_before: 0 },
    }
}

fn ends(task: usize, outcome: Outcome) -> Input {
    Input::Finished {
        task: TaskIndex(task),
        outcome,
    }
}

#[test]
fn slots_are_filled_in_the_order_of_the_file() {
    let two = limits(2, AfterFailure::KeepGoing);
    let (mut scheduler, effects) = begun(vec![task(&[]), task(&[]), task(&[]), task(&[0])], two);
    let prepare = |task| Effect::Prepare(TaskIndex(task));
    assert_eq!(effects, [prepare(0), prepare(1)]);
    let start = Effect::Start {
        task: TaskIndex(1),
        attempt: 1,
    };
    assert_eq!(scheduler.handle(run(1)), [start]);
    scheduler.handle(run(0));
    assert_eq!(
        scheduler.handle(ends(0, Outcome::Succeeded)),
        [prepare(2)],
        "task 2 stands before task 3 in the file"
    );
}

#[test]
fn a_failure_blocks_at_once_what_waits_for_it_and_names_the_first_cause() {
    let eight = limits(8, AfterFailure::KeepGoing);
    let (mut scheduler, _) = begun(vec![task(&[]), task(&[0]), task(&[1, 3]), task(&[])], eight);
    scheduler.handle(run(0));
    scheduler.handle(run(3));
    let effects = scheduler.handle(ends(0, Outcome::Failed(failure(FailureKind::Task))));
    let on = TaskIndex(0);
    let blocked = [1, 2].map(|task| Effect::Blocked {
        task: TaskIndex(task),
        on,
    });
    assert_eq!(effects, blocked, "task 3 still runs");
    assert_eq!(
        scheduler.handle(ends(3, Outcome::Succeeded)),
        [Effect::Done]
    );
}

#[test]
fn a_retry_counts_the_attempts_of_earlier_runs() {
    let retry = RetryPolicy {
        attempts: 3,
        delay: Duration::from_secs(10),
        on: vec![FailureKind::Unavailable],
        exits: vec![],
    };
    let retried = ShapeTask {
        retry,
        ..ShapeTask::default()
    };
    let (mut scheduler, _) = begun(vec![retried], limits(1, AfterFailure::KeepGoing));
    let verdict = Verdict::Run { attempts_before: 1 };
    let task = TaskIndex(0);
    let effects = scheduler.handle(Input::Prepared { task, verdict });
    assert_eq!(effects, [Effect::Start { task, attempt: 2 }]);
    let failed = Outcome::Failed(failure(FailureKind::Unavailable));
    assert_eq!(
        scheduler.handle(ends(0, failed.clone())),
        [Effect::ScheduleRetry {
            task,
            attempt: 3,
            delay: Duration::from_secs(20),
            because: FailureKind::Unavailable,
        }]
    );
    let effects = scheduler.handle(Input::RetryDue(task));
    assert_eq!(effects, [Effect::Start { task, attempt: 3 }]);
    assert_eq!(scheduler.handle(ends(0, failed)), [Effect::Done]);
    assert_eq!(scheduler.status(task), Some(Status::Failed));
}

#[test]
fn a_task_that_waits_for_its_retry_gives_its_slot_away_and_fails_with_a_cancel() {
    let retry = RetryPolicy {
        attempts: 2,
        delay: Duration::from_secs(10),
        on: vec![FailureKind::Task],
        exits: vec![],
    };
    let retried = ShapeTask {
        retry,
        ..ShapeTask::default()
    };
    let one = limits(1, AfterFailure::KeepGoing);
    let (mut scheduler, _) = begun(vec![retried, task(&[])], one);
    scheduler.handle(run(0));
    let effects = scheduler.handle(ends(0, Outcome::Failed(failure(FailureKind::Task))));
    assert_eq!(effects.last(), Some(&Effect::Prepare(TaskIndex(1))));
    scheduler.handle(Input::Cancel);
    assert_eq!(scheduler.status(TaskIndex(0)), Some(Status::Failed));
    assert_eq!(scheduler.handle(Input::RetryDue(TaskIndex(0))), []);
    let not_started = Effect::NotStarted { task: TaskIndex(1) };
    assert_eq!(scheduler.handle(run(1)), [not_started, Effect::Done]);
}

#[test]
fn what_is_resumed_wakes_what_was_blocked_on_it_alone() {
    let eight = limits(8, AfterFailure::KeepGoing);
    let tasks = [&[][..], &[], &[0, 1], &[2], &[0]].map(task);
    let (mut scheduler, _) = begun(tasks.into(), eight);
    let paused = TaskIndex(0);
    let verdict = Verdict::Pause;
    let on_paused = scheduler.handle(Input::Prepared {
        task: paused,
        verdict,
    });
    let blocked = |task, on| Effect::Blocked {
        task: TaskIndex(task),
        on: TaskIndex(on),
    };
    assert_eq!(on_paused, [blocked(2, 0), blocked(4, 0), blocked(3, 0)]);
    scheduler.handle(run(1));
    let failed = Outcome::Failed(failure(FailureKind::Task));
    assert_eq!(scheduler.handle(ends(1, failed)), [Effect::Done]);
    assert_eq!(
        scheduler.handle(Input::Resumed(paused)),
        [blocked(2, 1), blocked(3, 1), Effect::Prepare(paused)]
    );
    scheduler.handle(run(0));
    let effects = scheduler.handle(ends(0, Outcome::Succeeded));
    assert_eq!(effects, [Effect::Prepare(TaskIndex(4))]);
    scheduler.handle(run(4));
    assert_eq!(
        scheduler.handle(ends(4, Outcome::Succeeded)),
        [Effect::Done]
    );
}

#[test]
fn an_empty_selection_is_done_at_once() {
    let (_, effects) = begun(vec![], limits(1, AfterFailure::KeepGoing));
    assert_eq!(effects, [Effect::Done]);
}

#[test]
fn two_phases_of_five_thousand_tasks_are_joined_by_one_barrier() {
    let width = 5_000;
    let mut tasks = vec![ShapeTask::default(); 2 * width];
    for behind in &mut tasks[width..] {
        behind.waits_for.push(BarrierIndex(0));
    }
    let members = (0..width).map(TaskIndex).collect();
    let shape = Shape {
        tasks,
        barriers: vec![Barrier { members }],
    };
    let limits = limits(8, AfterFailure::KeepGoing);
    let mut scheduler = Scheduler::new(shape, limits).expect("the graph is acyclic");
    let mut inputs = vec![Input::Begin];
    let mut n_inputs = 0;
    while let Some(input) = inputs.pop() {
        n_inputs += 1;
        for effect in scheduler.handle(input) {
            match effect {
                Effect::Prepare(task) => inputs.push(run(task.0)),
                Effect::Start { task, .. } => inputs.push(ends(task.0, Outcome::Succeeded)),
                Effect::Stop(_)
                | Effect::ScheduleRetry { .. }
                | Effect::Blocked { .. }
                | Effect::NotStarted { .. }
                | Effect::Done => {}
            }
        }
    }
    assert!(scheduler.is_done());
    assert_eq!(n_inputs, 1 + 2 * 2 * width);
}
