//! Drives the scheduler: performs its effects, feeds their results back.

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use futures_util::{
    future::LocalBoxFuture,
    stream::{FuturesUnordered, StreamExt as _},
};
use tokio::sync::watch;

use super::{
    ExecuteError, Run,
    attempt::Attempt,
    prepare::{Found, Mode, Prepared},
};
use crate::{
    event::{Event, Outcome},
    graph::Standing,
    ledger::{Durability, TaskState},
    process::{Patience, Stopper, stopper},
    schedule::{
        AfterFailure, Barrier, BarrierIndex, Effect, Input, Limits, Preset, RetryPolicy, Scheduler,
        Shape, ShapeTask, Status, TaskIndex,
    },
};

/// What a piece of work gives back.
enum Done {
    Prepared(TaskIndex, Result<Found, ExecuteError>),
    Finished(TaskIndex, Result<Outcome, ExecuteError>),
    RetryDue(TaskIndex),
}

/// What the driver keeps between inputs.
struct Driver<'d, 'r, 'p> {
    run: &'d Run<'r, 'p>,
    scheduler: Scheduler,
    work: FuturesUnordered<LocalBoxFuture<'d, Done>>,
    prepared: BTreeMap<usize, Prepared>,
    stoppers: BTreeMap<usize, Stopper>,
    inputs: VecDeque<Input>,
    cancelled: watch::Receiver<Option<&'static str>>,
}

impl<'p> Run<'_, 'p> {
    /// Runs everything that is selected, and returns where each task of the graph ended.
    ///
    /// # Errors
    ///
    /// The ledger cannot be written.
    pub async fn drive(
        &self,
        mut cancelled: watch::Receiver<Option<&'static str>>,
    ) -> Result<Vec<Status>, ExecuteError> {
        let limits = Limits {
            slots: self.options.slots,
            after_failure: if self.options.fail_fast {
                AfterFailure::StartNothing
            } else {
                AfterFailure::KeepGoing
            },
        };
        let scheduler = Scheduler::new(self.shape(), limits).map_err(|error| {
            ExecuteError::task(crate::event::FailureKind::Internal, error.to_string())
        })?;
        let mut driver = Driver {
            run: self,
            scheduler,
            work: FuturesUnordered::new(),
            prepared: BTreeMap::new(),
            stoppers: BTreeMap::new(),
            inputs: VecDeque::from([Input::Begin]),
            cancelled: cancelled.clone(),
        };
        // What a task of this run writes is no input of a later one, so files are read before any of them starts.
        for &index in &self.selected {
            let node = &self.graph.nodes()[index];
            if !matches!(node.standing, Standing::Skipped { .. }) {
                super::fingerprint::read_files(node.task, &self.listing);
            }
        }
        let mut is_cancelled = false;
        loop {
            while let Some(input) = driver.inputs.pop_front() {
                for effect in driver.scheduler.handle(input) {
                    driver.perform(effect)?;
                }
            }
            if driver.work.is_empty() {
                return Ok(driver.scheduler.statuses().to_vec());
            }
            tokio::select! {
                // A cancel is heard first: a delay that ends by it must not start the attempt that it waited for.
                biased;
                signal = next_signal(&mut cancelled), if !is_cancelled => {
                    is_cancelled = true;
                    self.recorder.everywhere(&Event::CancelRequested { by: signal.to_owned() }, self.world.now())?;
                    driver.inputs.push_back(Input::Cancel);
                }
                Some(done) = driver.work.next() => driver.take(done)?,
            }
        }
    }

    fn shape(&self) -> Shape {
        let tasks = self
            .graph
            .nodes()
            .iter()
            .enumerate()
            .map(|(index, node)| ShapeTask {
                needs: node.after.iter().map(|edge| TaskIndex(edge.to)).collect(),
                waits_for: node
                    .waits_for
                    .iter()
                    .map(|&barrier| BarrierIndex(barrier))
                    .collect(),
                retry: node
                    .task
                    .retry
                    .as_ref()
                    .map_or_else(RetryPolicy::default, |retry| RetryPolicy {
                        attempts: retry.attempts,
                        delay: retry.delay,
                        on: retry.on.clone(),
                        exits: retry.exit.clone(),
                    }),
                preset: (!self.selected.contains(&index)).then(|| self.preset(index)),
            });
        let barriers = self.graph.barriers().iter().map(|barrier| Barrier {
            members: barrier
                .members
                .iter()
                .map(|&member| TaskIndex(member))
                .collect(),
        });
        Shape {
            tasks: tasks.collect(),
            barriers: barriers.collect(),
        }
    }

    /// What a task that is not selected counts as: what the ledger says of it.
    fn preset(&self, index: usize) -> Preset {
        let node = &self.graph.nodes()[index];
        if matches!(node.standing, Standing::Skipped { .. }) {
            return Preset::Satisfied;
        }
        let known = self.recorder.known();
        let satisfies = known
            .state()
            .task(&node.key)
            .is_some_and(|record| match record.state {
                TaskState::Succeeded | TaskState::UpToDate { .. } | TaskState::Skipped { .. } => {
                    true
                }
                // What was not run here satisfies nothing, and a paused or failed task does not either.
                _ => false,
            });
        if satisfies {
            Preset::Satisfied
        } else {
            Preset::Unsatisfied
        }
    }
}

async fn next_signal(cancelled: &mut watch::Receiver<Option<&'static str>>) -> &'static str {
    loop {
        if let Some(signal) = *cancelled.borrow_and_update() {
            return signal;
        }
        if cancelled.changed().await.is_err() {
            return std::future::pending().await;
        }
    }
}

impl<'d, 'r, 'p> Driver<'d, 'r, 'p> {
    fn perform(&mut self, effect: Effect) -> Result<(), ExecuteError> {
        let run = self.run;
        match effect {
            Effect::Prepare(task) => self.work.push(Box::pin(async move {
                Done::Prepared(task, run.prepare(task.0).await)
            })),
            Effect::Start { task, attempt } => self.start(task, attempt),
            Effect::Stop(task) => {
                if let Some(stopper) = self.stoppers.get(&task.0) {
                    // The runner itself was cancelled: what changes nothing outside gets less time.
                    stopper.stop(Patience::AtMost(crate::process::GRACE_WHEN_CANCELLED));
                }
            }
            Effect::ScheduleRetry {
                task,
                attempt,
                delay,
                because,
            } => {
                let delay = with_jitter(delay);
                let node = &run.graph.nodes()[task.0];
                let delay_ms = u64::try_from(delay.as_millis()).unwrap_or(u64::MAX);
                run.record(
                    node,
                    Event::RetryScheduled {
                        task: node.key.clone(),
                        attempt,
                        delay_ms,
                        because,
                    },
                    Durability::Written,
                )?;
                let mut cancelled = self.cancelled.clone();
                self.work.push(Box::pin(async move {
                    tokio::select! {
                        () = tokio::time::sleep(delay) => {}
                        // Nothing waits for the delay of an attempt that will not be.
                        _ = next_signal(&mut cancelled) => {}
                    }
                    Done::RetryDue(task)
                }));
            }
            Effect::Blocked { task, on } => {
                let nodes = run.graph.nodes();
                let (key, cause) = (nodes[task.0].key.clone(), nodes[on.0].key.clone());
                // What waits for something that cannot be done here cannot be done here either.
                let event = match run.state_of(on.0) {
                    Some(TaskState::NotRun { .. }) => Event::TaskNotRun {
                        task: key,
                        because: format!("it waits for `{cause}`, which is not run here"),
                    },
                    _ => Event::TaskBlocked {
                        task: key,
                        on: cause,
                    },
                };
                run.record(&nodes[task.0], event, Durability::Written)?;
            }
            Effect::NotStarted { .. } | Effect::Done => {}
        }
        Ok(())
    }

    fn start(&mut self, task: TaskIndex, number: u32) {
        let run = self.run;
        let Some(found) = self.prepared.get_mut(&task.0) else {
            return;
        };
        let prepared = found.clone();
        // What is adopted or observed is so once: an attempt that follows is one from the beginning.
        found.mode = Mode::Whole;
        let (stopper, stop) = stopper();
        self.stoppers.insert(task.0, stopper);
        self.work.push(Box::pin(async move {
            let attempt = Attempt {
                node: &run.graph.nodes()[task.0],
                number,
                prepared: &prepared,
                stop,
            };
            Done::Finished(task, run.attempt(attempt).await)
        }));
    }

    fn take(&mut self, done: Done) -> Result<(), ExecuteError> {
        let input = match done {
            Done::Prepared(task, found) => {
                let (verdict, prepared) = found?;
                self.prepared
                    .extend(prepared.map(|prepared| (task.0, prepared)));
                self.failed_before_start(task, &verdict)?;
                Input::Prepared { task, verdict }
            }
            Done::Finished(task, outcome) => {
                self.stoppers.remove(&task.0);
                Input::Finished {
                    task,
                    outcome: outcome?,
                }
            }
            Done::RetryDue(task) => Input::RetryDue(task),
        };
        self.inputs.push_back(input);
        Ok(())
    }

    /// A task whose values make no sense fails on record too, though nothing of it was started.
    fn failed_before_start(
        &self,
        task: TaskIndex,
        verdict: &crate::schedule::Verdict,
    ) -> Result<(), ExecuteError> {
        let crate::schedule::Verdict::Fail(failure) = verdict else {
            return Ok(());
        };
        let node = &self.run.graph.nodes()[task.0];
        let event = Event::TaskFinished {
            task: node.key.clone(),
            attempt: 0,
            outcome: Outcome::Failed(failure.clone()),
            took_ms: 0,
            outputs: BTreeMap::new(),
            artifacts: BTreeMap::new(),
            effects: Vec::new(),
            log: None,
        };
        self.run.record(node, event, Durability::Written)
    }
}

/// Up to a fifth more, so that tasks which failed together are not repeated together.
fn with_jitter(delay: Duration) -> Duration {
    let share = f64::from(getrandom::u32().unwrap_or_default()) / f64::from(u32::MAX);
    delay + delay.mul_f64(share / 5.0)
}
