//! The state machine.

use std::collections::BTreeSet;

use super::{
    limits::{AfterFailure, Limits},
    message::{Effect, Input, Verdict},
    shape::{InvalidShape, Network, Preset, Shape, ShapeTask, TaskIndex},
    status::Status,
};
use crate::event::Outcome;

/// Decides what happens next.
///
/// A task goes from *waiting* to *ready* when all that it waits for is satisfied (succeeded, up to date or skipped),
/// is prepared and started in the order of the file as slots become free, and ends in exactly one final [`Status`].
/// What waits for a task that ended otherwise is blocked at once; the rest goes on.
#[derive(Debug)]
pub struct Scheduler {
    tasks: Vec<ShapeTask>,
    network: Network,
    limits: Limits,
    statuses: Vec<Status>,
    /// For each node how many of its prerequisites are not satisfied.
    open: Vec<usize>,
    /// For each node how many of its prerequisites will not be satisfied.
    dead: Vec<usize>,
    /// For each node that will not be satisfied, the task that is to blame.
    cause: Vec<Option<TaskIndex>>,
    /// Tasks that could go on if there were a slot: ready ones, and those whose retry is due.
    queue: BTreeSet<TaskIndex>,
    /// Slots in use: tasks that are prepared or run.
    busy: usize,
    /// Tasks without a final status.
    unsettled: usize,
    stage: Stage,
    done: bool,
}

/// How far the run as a whole is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    NotBegun,
    Going,
    /// Nothing starts any more; what runs may end.
    Halted,
    Cancelled,
}

impl Scheduler {
    /// Prepares a run of `shape`.
    ///
    /// # Errors
    /// An index that is out of range, or tasks that wait for each other; so a run that is prepared always ends.
    pub fn new(shape: Shape, limits: Limits) -> Result<Self, InvalidShape> {
        let network = Network::of(&shape)?;
        let statuses: Vec<_> = shape
            .tasks
            .iter()
            .map(|task| task.preset.map_or(Status::Waiting, Status::Unselected))
            .collect();
        let n_nodes = network.prerequisites.len();
        Ok(Self {
            limits,
            open: network.prerequisites.iter().map(Vec::len).collect(),
            dead: vec![0; n_nodes],
            cause: vec![None; n_nodes],
            queue: BTreeSet::new(),
            busy: 0,
            unsettled: statuses.iter().filter(|status| !status.is_final()).count(),
            stage: Stage::NotBegun,
            done: false,
            statuses,
            network,
            tasks: shape.tasks,
        })
    }

    /// Takes one input and returns what has to be done now, in this order.
    pub fn handle(&mut self, input: Input) -> Vec<Effect> {
        let mut effects = Vec::new();
        match input {
            Input::Begin => self.begin(&mut effects),
            Input::Prepared { task, verdict } => self.prepared(task, verdict, &mut effects),
            Input::Finished { task, outcome } => self.finished(task, outcome, &mut effects),
            Input::RetryDue(task) => self.retry_due(task),
            Input::Resumed(task) => self.resumed(task, &mut effects),
            Input::Cancel => self.cancel(&mut effects),
        }
        self.fill_slots(&mut effects);
        if self.unsettled == 0 && self.stage != Stage::NotBegun && !self.done {
            self.done = true;
            effects.push(Effect::Done);
        }
        effects
    }

    /// Returns where `task` is; `None` if there is no such task.
    pub fn status(&self, task: TaskIndex) -> Option<Status> {
        self.statuses.get(task.0).copied()
    }

    /// Returns where each task is, in the order of the file.
    pub fn statuses(&self) -> &[Status] {
        &self.statuses
    }

    /// Whether every task has a final status.
    pub fn is_done(&self) -> bool {
        self.done
    }

    fn begin(&mut self, effects: &mut Vec<Effect>) {
        if self.stage != Stage::NotBegun {
            return;
        }
        self.stage = Stage::Going;
        let free: Vec<usize> = (0..self.open.len())
            .filter(|&node| self.open[node] == 0)
            .collect();
        for node in free {
            if node >= self.tasks.len() {
                self.satisfy(node);
            } else if self.statuses[node] == Status::Waiting {
                self.enqueue(TaskIndex(node), Status::Ready);
            }
        }
        for node in 0..self.tasks.len() {
            match self.tasks[node].preset {
                Some(Preset::Satisfied) => self.satisfy(node),
                Some(Preset::Unsatisfied) => self.block_behind(TaskIndex(node), effects),
                None => {}
            }
        }
    }

    fn prepared(&mut self, task: TaskIndex, verdict: Verdict, effects: &mut Vec<Effect>) {
        if self.status(task) != Some(Status::Preparing) {
            return;
        }
        match verdict {
            Verdict::Run { attempts_before } if self.stage == Stage::Going => {
                let attempt = attempts_before.saturating_add(1);
                self.statuses[task.0] = Status::Running { attempt };
                effects.push(Effect::Start { task, attempt });
                return;
            }
            Verdict::Run { .. } => {
                self.settle(task, Status::NotStarted);
                effects.push(Effect::NotStarted { task });
            }
            Verdict::UpToDate => self.settle(task, Status::UpToDate),
            Verdict::Skip => self.settle(task, Status::Skipped),
            Verdict::Pause => self.settle(task, Status::Paused),
            Verdict::NotRun => self.settle(task, Status::NotRun),
            Verdict::Fail(_) => self.settle(task, Status::Failed),
        }
        self.busy -= 1;
        self.pass_on(task, effects);
    }

    fn finished(&mut self, task: TaskIndex, outcome: Outcome, effects: &mut Vec<Effect>) {
        let Some(Status::Running { attempt }) = self.status(task) else {
            return;
        };
        self.busy -= 1;
        match outcome {
            Outcome::Succeeded => self.settle(task, Status::Succeeded),
            Outcome::Cancelled => self.settle(task, Status::Cancelled),
            Outcome::Failed(failure) => {
                let retry = &self.tasks[task.0].retry;
                if self.stage == Stage::Going && retry.repeats(attempt, &failure) {
                    let next = attempt.saturating_add(1);
                    self.statuses[task.0] = Status::Delayed { attempt: next };
                    effects.push(Effect::ScheduleRetry {
                        task,
                        attempt: next,
                        delay: retry.delay_before(next),
                        because: failure.kind,
                    });
                    return;
                }
                self.settle(task, Status::Failed);
            }
        }
        self.pass_on(task, effects);
    }

    fn retry_due(&mut self, task: TaskIndex) {
        if let Some(Status::Delayed { attempt }) = self.status(task) {
            self.enqueue(task, Status::Due { attempt });
        }
    }

    fn cancel(&mut self, effects: &mut Vec<Effect>) {
        if self.stage == Stage::Cancelled {
            return;
        }
        let running = (0..self.tasks.len())
            .map(TaskIndex)
            .filter(|task| matches!(self.statuses[task.0], Status::Running { .. }));
        effects.extend(running.map(Effect::Stop));
        self.stage = Stage::Cancelled;
        self.give_up_waiting(effects);
    }

    /// Gives a final status to everything that is not under way.
    fn give_up_waiting(&mut self, effects: &mut Vec<Effect>) {
        self.queue.clear();
        for task in (0..self.tasks.len()).map(TaskIndex) {
            match self.statuses[task.0] {
                Status::Waiting | Status::Ready => {
                    self.settle(task, Status::NotStarted);
                    effects.push(Effect::NotStarted { task });
                }
                // Its last attempt has failed, and there will be no other one.
                Status::Delayed { .. } | Status::Due { .. } => self.settle(task, Status::Failed),
                Status::Preparing | Status::Running { .. } => {}
                Status::Unselected(_)
                | Status::Succeeded
                | Status::UpToDate
                | Status::Skipped
                | Status::NotRun
                | Status::Failed
                | Status::Cancelled
                | Status::Paused
                | Status::Blocked { .. }
                | Status::NotStarted => {}
            }
        }
    }

    fn fill_slots(&mut self, effects: &mut Vec<Effect>) {
        while self.busy < self.limits.slots.get() {
            let Some(task) = self.queue.pop_first() else {
                return;
            };
            self.busy += 1;
            if let Status::Due { attempt } = self.statuses[task.0] {
                self.statuses[task.0] = Status::Running { attempt };
                effects.push(Effect::Start { task, attempt });
            } else {
                self.statuses[task.0] = Status::Preparing;
                effects.push(Effect::Prepare(task));
            }
        }
    }

    fn enqueue(&mut self, task: TaskIndex, status: Status) {
        self.statuses[task.0] = status;
        self.queue.insert(task);
    }

    fn settle(&mut self, task: TaskIndex, status: Status) {
        self.statuses[task.0] = status;
        self.unsettled -= 1;
    }

    /// Tells those that wait for `task` what has become of it.
    fn pass_on(&mut self, task: TaskIndex, effects: &mut Vec<Effect>) {
        match self.statuses[task.0] {
            Status::Succeeded | Status::UpToDate | Status::Skipped => self.satisfy(task.0),
            Status::Failed | Status::Cancelled => {
                self.block_behind(task, effects);
                if self.limits.after_failure == AfterFailure::StartNothing
                    && self.stage == Stage::Going
                {
                    self.stage = Stage::Halted;
                    self.give_up_waiting(effects);
                }
            }
            Status::NotRun | Status::Paused => self.block_behind(task, effects),
            Status::NotStarted
            | Status::Unselected(_)
            | Status::Waiting
            | Status::Ready
            | Status::Preparing
            | Status::Running { .. }
            | Status::Delayed { .. }
            | Status::Due { .. }
            | Status::Blocked { .. } => {}
        }
    }

    /// Counts `node` as satisfied, and with it the barriers that waited only for it.
    fn satisfy(&mut self, node: usize) {
        let mut satisfied = vec![node];
        while let Some(node) = satisfied.pop() {
            for place in 0..self.network.dependents[node].len() {
                let dependent = self.network.dependents[node][place];
                self.open[dependent] -= 1;
                if self.open[dependent] > 0 {
                    continue;
                }
                if dependent >= self.tasks.len() {
                    satisfied.push(dependent);
                } else if self.statuses[dependent] == Status::Waiting {
                    self.enqueue(TaskIndex(dependent), Status::Ready);
                }
            }
        }
    }

    /// Blocks everything that waits for `cause`, directly or not, and is not blocked already.
    fn block_behind(&mut self, cause: TaskIndex, effects: &mut Vec<Effect>) {
        self.cause[cause.0] = Some(cause);
        let mut dead = vec![cause.0];
        let mut next = 0;
        while let Some(&node) = dead.get(next) {
            next += 1;
            for place in 0..self.network.dependents[node].len() {
                let dependent = self.network.dependents[node][place];
                self.dead[dependent] += 1;
                if self.dead[dependent] > 1 {
                    continue;
                }
                if dependent < self.tasks.len() {
                    let task = TaskIndex(dependent);
                    if self.statuses[dependent] != Status::Waiting {
                        continue;
                    }
                    self.settle(task, Status::Blocked { on: cause });
                    effects.push(Effect::Blocked { task, on: cause });
                }
                self.cause[dependent] = Some(cause);
                dead.push(dependent);
            }
        }
    }

    fn resumed(&mut self, task: TaskIndex, effects: &mut Vec<Effect>) {
        if self.status(task) != Some(Status::Paused) || self.stage != Stage::Going {
            return;
        }
        self.done = false;
        self.unsettled += 1;
        self.enqueue(task, Status::Ready);
        self.unblock_behind(task, effects);
    }

    /// Takes back what [`Self::block_behind`] did for `root`; what has another cause gets that one.
    fn unblock_behind(&mut self, root: TaskIndex, effects: &mut Vec<Effect>) {
        self.cause[root.0] = None;
        let mut changed = vec![root.0];
        let mut next = 0;
        while let Some(&node) = changed.get(next) {
            next += 1;
            for place in 0..self.network.dependents[node].len() {
                let dependent = self.network.dependents[node][place];
                if self.cause[node].is_none() {
                    self.dead[dependent] -= 1;
                }
                if self.cause[dependent] != Some(root) {
                    continue;
                }
                if self.dead[dependent] == 0 {
                    self.wake(dependent);
                } else if let Some(other) = self.other_cause(dependent, root) {
                    self.blame(dependent, other, effects);
                } else {
                    continue;
                }
                changed.push(dependent);
            }
        }
    }

    fn wake(&mut self, node: usize) {
        self.cause[node] = None;
        if node < self.tasks.len() {
            self.statuses[node] = Status::Waiting;
            self.unsettled += 1;
        }
    }

    fn blame(&mut self, node: usize, on: TaskIndex, effects: &mut Vec<Effect>) {
        self.cause[node] = Some(on);
        if node < self.tasks.len() {
            let task = TaskIndex(node);
            self.statuses[node] = Status::Blocked { on };
            effects.push(Effect::Blocked { task, on });
        }
    }

    fn other_cause(&self, node: usize, root: TaskIndex) -> Option<TaskIndex> {
        self.network.prerequisites[node]
            .iter()
            .filter_map(|&before| self.cause[before])
            .find(|&cause| cause != root)
    }
}
