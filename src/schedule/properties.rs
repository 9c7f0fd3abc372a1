//! Properties that hold for every graph, every order of ends and every number of slots.

use std::{num::NonZeroUsize, time::Duration};

use proptest::prelude::*;

use super::{
    AfterFailure, Barrier, BarrierIndex, Effect, Input, Limits, Preset, RetryPolicy, Scheduler,
    Shape, ShapeTask, Status, TaskIndex, Verdict,
};
use crate::event::{Failure, FailureKind, Outcome};

pub(super) fn limits(slots: usize, after_failure: AfterFailure) -> Limits {
    Limits {
        slots: NonZeroUsize::new(slots).expect("the tests ask for a slot or more"),
        after_failure,
    }
}

pub(super) fn failure(kind: FailureKind) -> Failure {
    Failure {
        kind,
        message: "it did not work".to_owned(),
        hint: None,
        exit: None,
    }
}

/// What `retry` says of every task here.
const ATTEMPTS: u32 = 3;
const DELAY: Duration = Duration::from_secs(1);

/// What becomes of a task when its turn comes, whatever the order.
#[derive(Debug, Clone)]
enum Fate {
    Succeeds,
    /// Fails so often in a way that is repeated, after so many attempts of earlier runs.
    FailsAtFirst {
        failures: u32,
        attempts_before: u32,
    },
    Fails,
    UpToDate,
    Skipped,
    Paused,
    NotRun,
    Refused,
}

impl Fate {
    fn verdict(&self) -> Verdict {
        match self {
            Self::Succeeds | Self::Fails => Verdict::Run { attempts_before: 0 },
            Self::FailsAtFirst {
                attempts_before, ..
            } => Verdict::Run {
                attempts_before: *attempts_before,
            },
            Self::UpToDate => Verdict::UpToDate,
            Self::Skipped => Verdict::Skip,
            Self::Paused => Verdict::Pause,
            Self::NotRun => Verdict::NotRun,
            Self::Refused => Verdict::Fail(failure(FailureKind::Invalid)),
        }
    }

    /// Returns the attempts that this run makes, by their numbers.
    fn attempts(&self) -> Vec<u32> {
        match self {
            Self::Succeeds | Self::Fails => vec![1],
            Self::FailsAtFirst {
                failures,
                attempts_before,
            } => {
                let first = attempts_before + 1;
                let last = (attempts_before + failures + 1).min(ATTEMPTS.max(first));
                (first..=last).collect()
            }
            Self::UpToDate | Self::Skipped | Self::Paused | Self::NotRun | Self::Refused => vec![],
        }
    }

    fn outcome(&self, attempt: u32) -> Outcome {
        match self {
            Self::FailsAtFirst {
                failures,
                attempts_before,
            } if attempt <= attempts_before + failures => {
                Outcome::Failed(failure(FailureKind::Unavailable))
            }
            Self::Fails => Outcome::Failed(failure(FailureKind::Task)),
            Self::Succeeds
            | Self::FailsAtFirst { .. }
            | Self::UpToDate
            | Self::Skipped
            | Self::Paused
            | Self::NotRun
            | Self::Refused => Outcome::Succeeded,
        }
    }
}

fn fate() -> impl Strategy<Value = Fate> {
    prop_oneof![
        8 => Just(Fate::Succeeds),
        3 => (0..5_u32, 0..5_u32)
            .prop_map(|(failures, attempts_before)| Fate::FailsAtFirst { failures, attempts_before }),
        2 => Just(Fate::Fails),
        2 => Just(Fate::UpToDate),
        1 => Just(Fate::Skipped),
        1 => Just(Fate::Paused),
        1 => Just(Fate::NotRun),
        1 => Just(Fate::Refused),
    ]
}

#[derive(Debug, Clone)]
struct Case {
    shape: Shape,
    fates: Vec<Fate>,
}

/// An acyclic graph whose file order is not its order of carrying out (late tasks), with barriers and left-out tasks.
fn case() -> impl Strategy<Value = Case> {
    (1..14_usize).prop_flat_map(|n_tasks| {
        let order = Just((0..n_tasks).collect::<Vec<_>>()).prop_shuffle();
        let edges = prop::collection::vec((0..n_tasks, 0..n_tasks), 0..2 * n_tasks);
        let cuts = prop::collection::vec(0..=n_tasks, 0..3);
        let presets = prop::collection::vec(
            prop_oneof![
                10 => Just(None),
                1 => Just(Some(Preset::Satisfied)),
                1 => Just(Some(Preset::Unsatisfied)),
            ],
            n_tasks,
        );
        let fates = prop::collection::vec(fate(), n_tasks);
        (order, edges, cuts, presets, fates).prop_map(|(order, edges, cuts, presets, fates)| Case {
            shape: shape(&order, &edges, &cuts, presets),
            fates,
        })
    })
}

fn shape(
    order: &[usize],
    edges: &[(usize, usize)],
    cuts: &[usize],
    presets: Vec<Option<Preset>>,
) -> Shape {
    let mut tasks: Vec<ShapeTask> = presets
        .into_iter()
        .map(|preset| ShapeTask {
            preset,
            retry: RetryPolicy {
                attempts: ATTEMPTS,
                delay: DELAY,
                on: vec![FailureKind::Unavailable],
                exits: vec![],
            },
            ..ShapeTask::default()
        })
        .collect();
    for &(one, other) in edges.iter().filter(|(one, other)| one != other) {
        let earlier = TaskIndex(order[one.min(other)]);
        tasks[order[one.max(other)]].needs.push(earlier);
    }
    let barriers = cuts
        .iter()
        .map(|&cut| Barrier {
            members: order[..cut].iter().copied().map(TaskIndex).collect(),
        })
        .collect();
    for (number, &cut) in cuts.iter().enumerate() {
        for &behind in &order[cut..] {
            tasks[behind].waits_for.push(BarrierIndex(number));
        }
    }
    Shape { tasks, barriers }
}

/// A driver that answers in an order made of `choices`, and checks every effect on its way.
struct World {
    scheduler: Scheduler,
    slots: usize,
    case: Case,
    pending: Vec<Input>,
    started: usize,
    /// The attempts of each task that were started, by their numbers.
    attempts: Vec<Vec<u32>>,
    has_cancelled: bool,
    stopped: Vec<usize>,
    n_done: usize,
}

impl World {
    fn new(case: &Case, limits: Limits) -> Self {
        Self {
            scheduler: Scheduler::new(case.shape.clone(), limits).expect("the graph is acyclic"),
            slots: limits.slots.get(),
            case: case.clone(),
            pending: Vec::new(),
            started: 0,
            attempts: vec![Vec::new(); case.fates.len()],
            has_cancelled: false,
            stopped: vec![0; case.fates.len()],
            n_done: 0,
        }
    }

    fn tell(&mut self, input: Input) -> Vec<Effect> {
        self.has_cancelled |= input == Input::Cancel;
        let effects = self.scheduler.handle(input);
        for effect in &effects {
            self.carry_out(effect);
        }
        effects
    }

    /// Nothing begins after a cancel: no attempt, no look at a task, no wait for another attempt.
    fn assert_not_cancelled(&self, effect: &Effect) {
        assert!(!self.has_cancelled, "{effect:?} after a cancel");
    }

    fn carry_out(&mut self, effect: &Effect) {
        match effect {
            Effect::Prepare(task) => {
                self.assert_not_cancelled(effect);
                self.assert_needs_are_satisfied(*task);
                let verdict = self.case.fates[task.0].verdict();
                self.pending.push(Input::Prepared {
                    task: *task,
                    verdict,
                });
            }
            Effect::Start { task, attempt } => {
                self.assert_not_cancelled(effect);
                self.assert_needs_are_satisfied(*task);
                self.started += 1;
                self.attempts[task.0].push(*attempt);
                let outcome = self.case.fates[task.0].outcome(*attempt);
                self.pending.push(Input::Finished {
                    task: *task,
                    outcome,
                });
            }
            Effect::ScheduleRetry {
                task,
                attempt,
                delay,
                because,
            } => {
                self.assert_not_cancelled(effect);
                assert_eq!(*because, FailureKind::Unavailable);
                // It doubles with each attempt behind the second, those of earlier runs included.
                assert_eq!(*delay, DELAY * 2_u32.pow(attempt - 2));
                self.pending.push(Input::RetryDue(*task));
            }
            Effect::Stop(task) => self.stopped[task.0] += 1,
            Effect::Blocked { task, on } => self.assert_cause(*task, *on),
            Effect::NotStarted { .. } => {}
            Effect::Done => self.n_done += 1,
        }
    }

    fn assert_needs_are_satisfied(&self, task: TaskIndex) {
        for before in self.before(task) {
            let status = self.scheduler.status(before);
            assert!(
                matches!(
                    status,
                    Some(
                        Status::Succeeded
                            | Status::UpToDate
                            | Status::Skipped
                            | Status::Unselected(Preset::Satisfied)
                    )
                ),
                "{task:?} goes on while {before:?} is {status:?}"
            );
        }
    }

    fn assert_cause(&self, task: TaskIndex, on: TaskIndex) {
        let mut reached = vec![task];
        let mut next = 0;
        while let Some(&waiting) = reached.get(next) {
            next += 1;
            // The way to the task that is to blame leads by tasks that are blocked themselves.
            if matches!(self.scheduler.status(waiting), Some(Status::Blocked { .. })) {
                let before = self.before(waiting).into_iter();
                let new: Vec<_> = before.filter(|task| !reached.contains(task)).collect();
                reached.extend(new);
            }
        }
        assert!(reached.contains(&on), "{task:?} does not wait for {on:?}");
    }

    fn before(&self, task: TaskIndex) -> Vec<TaskIndex> {
        let shape = &self.case.shape.tasks[task.0];
        let barriers = shape.waits_for.iter();
        let members = barriers.flat_map(|at| self.case.shape.barriers[at.0].members.iter());
        shape.needs.iter().chain(members).copied().collect()
    }

    /// Answers what is pending until nothing is; at most `steps` answers.
    fn run(&mut self, choices: &mut impl FnMut(usize) -> usize, steps: usize) {
        for _ in 0..steps {
            if self.pending.is_empty() {
                return;
            }
            let at = choices(self.pending.len());
            let input = self.pending.swap_remove(at);
            self.tell(input);
            let busy = self
                .scheduler
                .statuses()
                .iter()
                .filter(|status| matches!(status, Status::Preparing | Status::Running { .. }));
            let busy = busy.count();
            assert!(busy <= self.slots);
            let waits_for_nothing =
                |status: &Status| matches!(status, Status::Ready | Status::Due { .. });
            let idle = self.scheduler.statuses().iter().any(waits_for_nothing);
            assert!(
                busy == self.slots || !idle,
                "a slot is free, and a task waits for one"
            );
        }
    }

    fn classes(&self) -> Vec<Status> {
        // On whom a task is blocked depends on who failed first, so it is no part of the comparison.
        let statuses = self.scheduler.statuses().iter();
        statuses
            .map(|status| match status {
                Status::Blocked { .. } => Status::Blocked { on: TaskIndex(0) },
                other => *other,
            })
            .collect()
    }
}

/// Choices from a seed, so that one number is one interleaving.
fn choices(mut seed: u64) -> impl FnMut(usize) -> usize {
    move |bound| {
        seed = seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(seed >> 33).expect("31 bits fit") % bound
    }
}

const NO_LIMIT: usize = 1_000_000;

/// What has to become of each task, worked out without a scheduler.
fn oracle(case: &Case) -> Vec<Status> {
    let n_tasks = case.fates.len();
    let mut ends: Vec<Option<Status>> = vec![None; n_tasks];
    let before = |task: usize| -> Vec<usize> {
        let shape = &case.shape.tasks[task];
        let barriers = shape.waits_for.iter();
        let members = barriers.flat_map(|at| case.shape.barriers[at.0].members.iter());
        shape.needs.iter().chain(members).map(|at| at.0).collect()
    };
    while ends.iter().any(Option::is_none) {
        for task in 0..n_tasks {
            let known: Option<Vec<Status>> = before(task).into_iter().map(|at| ends[at]).collect();
            let satisfied = |status: &Status| {
                matches!(
                    status,
                    Status::Succeeded
                        | Status::UpToDate
                        | Status::Skipped
                        | Status::Unselected(Preset::Satisfied)
                )
            };
            ends[task] = match (case.shape.tasks[task].preset, known) {
                (Some(preset), _) => Some(Status::Unselected(preset)),
                (None, None) => None,
                (None, Some(known)) if known.iter().all(satisfied) => {
                    Some(match case.fates[task] {
                        Fate::Succeeds => Status::Succeeded,
                        Fate::FailsAtFirst { failures, .. } => {
                            match case.fates[task].attempts().len() > failures as usize {
                                true => Status::Succeeded,
                                false => Status::Failed,
                            }
                        }
                        Fate::Fails | Fate::Refused => Status::Failed,
                        Fate::UpToDate => Status::UpToDate,
                        Fate::Skipped => Status::Skipped,
                        Fate::Paused => Status::Paused,
                        Fate::NotRun => Status::NotRun,
                    })
                }
                (None, Some(_)) => Some(Status::Blocked { on: TaskIndex(0) }),
            };
        }
    }
    ends.into_iter().flatten().collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_interleaving_ends_where_the_oracle_says(case in case(), slots in 1..=8_usize, seed: u64) {
        let mut world = World::new(&case, limits(slots, AfterFailure::KeepGoing));
        world.tell(Input::Begin);
        world.run(&mut choices(seed), NO_LIMIT);
        prop_assert_eq!(world.n_done, 1);
        prop_assert_eq!(world.classes(), oracle(&case));
        prop_assert!(world.scheduler.statuses().iter().all(|status| status.is_final()));
        // Whatever the order, a task that had its turn had the same attempts, counted on from earlier runs.
        for (task, status) in world.scheduler.statuses().iter().enumerate() {
            let expected = match status {
                Status::Blocked { .. } | Status::Unselected(_) => vec![],
                _ => case.fates[task].attempts(),
            };
            prop_assert_eq!(&world.attempts[task], &expected);
        }
    }

    #[test]
    fn after_a_cancel_nothing_starts_and_each_running_task_is_stopped_once(
        case in case(), slots in 1..=8_usize, seed: u64, steps in 0..30_usize,
    ) {
        let mut world = World::new(&case, limits(slots, AfterFailure::KeepGoing));
        let mut choices = choices(seed);
        world.tell(Input::Begin);
        world.run(&mut choices, steps);
        let started = world.started;
        let ran: Vec<usize> = world.scheduler.statuses().iter()
            .map(|status| usize::from(matches!(status, Status::Running { .. })))
            .collect();
        world.tell(Input::Cancel);
        world.tell(Input::Cancel);
        world.run(&mut choices, NO_LIMIT);
        prop_assert_eq!(world.started, started);
        prop_assert_eq!(&world.stopped, &ran);
        prop_assert_eq!(world.n_done, 1);
        prop_assert!(world.scheduler.statuses().iter().all(|status| status.is_final()));
    }

    #[test]
    fn with_fail_fast_nothing_starts_after_the_first_failure(case in case(), slots in 1..=8_usize, seed: u64) {
        let mut world = World::new(&case, limits(slots, AfterFailure::StartNothing));
        let mut choices = choices(seed);
        world.tell(Input::Begin);
        let mut started_at_failure = None;
        while !world.pending.is_empty() {
            world.run(&mut choices, 1);
            let failed = world.scheduler.statuses().contains(&Status::Failed);
            if failed && started_at_failure.is_none() {
                started_at_failure = Some(world.started);
            }
        }
        prop_assert_eq!(started_at_failure.unwrap_or(world.started), world.started);
        prop_assert_eq!(world.n_done, 1);
        prop_assert!(world.stopped.iter().all(|&stops| stops == 0));
    }

    #[test]
    fn resuming_what_is_paused_ends_as_if_it_had_never_been(case in case(), slots in 1..=8_usize, seed: u64) {
        let mut world = World::new(&case, limits(slots, AfterFailure::KeepGoing));
        let mut choices = choices(seed);
        world.tell(Input::Begin);
        world.run(&mut choices, NO_LIMIT);
        let mut answered = case.clone();
        for fate in &mut answered.fates {
            if matches!(fate, Fate::Paused) {
                *fate = Fate::Succeeds;
            }
        }
        world.case = answered.clone();
        for task in (0..case.fates.len()).map(TaskIndex) {
            world.tell(Input::Resumed(task));
        }
        world.run(&mut choices, NO_LIMIT);
        prop_assert_eq!(world.classes(), oracle(&answered));
        for (task, status) in world.scheduler.statuses().iter().enumerate() {
            if let Status::Blocked { on } = *status {
                world.assert_cause(TaskIndex(task), on);
                let blamed = world.scheduler.status(on);
                let to_blame = matches!(blamed, Some(Status::Failed | Status::NotRun | Status::Unselected(Preset::Unsatisfied)));
                prop_assert!(to_blame, "{:?} is {:?}", on, blamed);
            }
        }
    }

    #[test]
    fn inputs_that_do_not_fit_change_nothing(case in case(), seed: u64, strays in prop::collection::vec((0..20_usize, 0..4_u8), 0..40)) {
        let mut world = World::new(&case, limits(3, AfterFailure::KeepGoing));
        let mut choices = choices(seed);
        world.tell(Input::Begin);
        for (task, stray) in strays {
            let task = TaskIndex(task);
            let status = world.scheduler.status(task);
            let input = match stray {
                0 if status != Some(Status::Preparing) => Input::Prepared { task, verdict: Verdict::UpToDate },
                1 if !matches!(status, Some(Status::Running { .. })) => Input::Finished { task, outcome: Outcome::Succeeded },
                2 if !matches!(status, Some(Status::Delayed { .. })) => Input::RetryDue(task),
                3 => Input::Begin,
                _ => continue,
            };
            let before = world.scheduler.statuses().to_vec();
            let effects = world.tell(input);
            prop_assert_eq!(effects, vec![]);
            prop_assert_eq!(world.scheduler.statuses(), &before[..]);
            world.run(&mut choices, 1);
        }
        world.run(&mut choices, NO_LIMIT);
        prop_assert_eq!(world.classes(), oracle(&case));
    }
}
