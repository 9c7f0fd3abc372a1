//! What the scheduler knows of a graph: who waits for whom.

use super::RetryPolicy;

/// Place of a task in a [`Shape`], which is its place in the plan file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TaskIndex(pub usize);

/// Place of a barrier in a [`Shape`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BarrierIndex(pub usize);

/// Tasks in the order of the file, and the barriers between their phases.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Shape {
    /// The tasks; among those that are ready, an earlier one goes first.
    pub tasks: Vec<ShapeTask>,
    /// The barriers. Two phases of 5,000 tasks are joined by one of them in place of 25 million edges.
    pub barriers: Vec<Barrier>,
}

/// One task of a [`Shape`].
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ShapeTask {
    /// Tasks that have to be satisfied before.
    pub needs: Vec<TaskIndex>,
    /// Barriers that have to be satisfied before.
    pub waits_for: Vec<BarrierIndex>,
    /// When a failed attempt is repeated.
    pub retry: RetryPolicy,
    /// What stands in the ledger about a task that the run leaves out; `None` for one that is selected.
    pub preset: Option<Preset>,
}

/// A point that is passed when all of its members are satisfied; at once when it has none.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Barrier {
    /// The tasks that are waited for.
    pub members: Vec<TaskIndex>,
}

/// What a task that is not selected means for those that wait for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Preset {
    /// It stands in the ledger as succeeded, or is skipped.
    Satisfied,
    /// It does not; what waits for it is blocked.
    Unsatisfied,
}

/// A shape that no run could finish.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidShape {
    /// A task or barrier names a task that is not there.
    #[error("the graph names task number {}, and there are {tasks}", .task.0)]
    UnknownTask {
        /// The index found.
        task: TaskIndex,
        /// How many tasks there are.
        tasks: usize,
    },
    /// A task names a barrier that is not there.
    #[error("the graph names barrier number {}, and there are {barriers}", .barrier.0)]
    UnknownBarrier {
        /// The index found.
        barrier: BarrierIndex,
        /// How many barriers there are.
        barriers: usize,
    },
    /// A task waits for itself.
    #[error("task number {} waits for itself", .task.0)]
    Cycle {
        /// The first task, in file order, that is on a cycle or behind one.
        task: TaskIndex,
    },
}

/// The edges of a checked shape. A node is a task, or behind all tasks a barrier.
#[derive(Debug)]
pub(super) struct Network {
    /// For each node the nodes that wait for it.
    pub(super) dependents: Vec<Vec<usize>>,
    /// For each node those that it waits for.
    pub(super) prerequisites: Vec<Vec<usize>>,
}

impl Network {
    /// Draws the edges of `shape`.
    ///
    /// # Errors
    /// An index that is out of range, or a cycle.
    pub(super) fn of(shape: &Shape) -> Result<Self, InvalidShape> {
        let prerequisites = prerequisites(shape)?;
        let mut dependents = vec![Vec::new(); prerequisites.len()];
        for (node, before) in prerequisites.iter().enumerate() {
            for &earlier in before {
                dependents[earlier].push(node);
            }
        }
        let network = Self {
            dependents,
            prerequisites,
        };
        match network.first_on_cycle() {
            // Barriers stand behind all tasks, and a cycle never consists of barriers alone.
            Some(node) => Err(InvalidShape::Cycle {
                task: TaskIndex(node),
            }),
            None => Ok(network),
        }
    }

    /// Returns the lowest node that no order of carrying out reaches (Kahn 1962).
    fn first_on_cycle(&self) -> Option<usize> {
        let mut open: Vec<usize> = self.prerequisites.iter().map(Vec::len).collect();
        let mut reached: Vec<usize> = (0..open.len()).filter(|&node| open[node] == 0).collect();
        let mut next = 0;
        while let Some(&node) = reached.get(next) {
            next += 1;
            for &dependent in &self.dependents[node] {
                open[dependent] -= 1;
                if open[dependent] == 0 {
                    reached.push(dependent);
                }
            }
        }
        open.iter().position(|&left| left > 0)
    }
}

fn prerequisites(shape: &Shape) -> Result<Vec<Vec<usize>>, InvalidShape> {
    let tasks = shape.tasks.len();
    let barriers = shape.barriers.len();
    let task_node = |task: TaskIndex| match task.0 < tasks {
        true => Ok(task.0),
        false => Err(InvalidShape::UnknownTask { task, tasks }),
    };
    let barrier_node = |barrier: BarrierIndex| match barrier.0 < barriers {
        true => Ok(tasks + barrier.0),
        false => Err(InvalidShape::UnknownBarrier { barrier, barriers }),
    };
    let mut nodes = Vec::with_capacity(tasks + barriers);
    for task in &shape.tasks {
        let needs = task.needs.iter().copied().map(task_node);
        let waits_for = task.waits_for.iter().copied().map(barrier_node);
        nodes.push(needs.chain(waits_for).collect::<Result<Vec<_>, _>>()?);
    }
    for barrier in &shape.barriers {
        let members = barrier.members.iter().copied().map(task_node);
        nodes.push(members.collect::<Result<Vec<_>, _>>()?);
    }
    Ok(nodes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task(needs: &[usize], waits_for: &[usize]) -> ShapeTask {
        ShapeTask {
            needs: needs.iter().copied().map(TaskIndex).collect(),
            waits_for: waits_for.iter().copied().map(BarrierIndex).collect(),
            ..ShapeTask::default()
        }
    }

    fn refusal(tasks: Vec<ShapeTask>, barriers: Vec<Barrier>) -> InvalidShape {
        Network::of(&Shape { tasks, barriers }).expect_err("the shape is wrong")
    }

    #[test]
    fn an_index_out_of_range_is_named() {
        assert_eq!(
            refusal(vec![task(&[1], &[])], vec![]).to_string(),
            "the graph names task number 1, and there are 1"
        );
        assert_eq!(
            refusal(vec![task(&[], &[0])], vec![]).to_string(),
            "the graph names barrier number 0, and there are 0"
        );
        let barrier = Barrier {
            members: vec![TaskIndex(4)],
        };
        assert!(matches!(
            refusal(vec![task(&[], &[])], vec![barrier]),
            InvalidShape::UnknownTask { .. }
        ));
    }

    #[test]
    fn a_cycle_is_refused_also_when_it_leads_through_a_barrier() {
        let cycle = InvalidShape::Cycle { task: TaskIndex(1) };
        let tasks = vec![task(&[], &[]), task(&[2], &[]), task(&[1], &[])];
        assert_eq!(refusal(tasks, vec![]), cycle);
        let barrier = Barrier {
            members: vec![TaskIndex(1)],
        };
        let tasks = vec![task(&[], &[]), task(&[], &[0])];
        assert_eq!(refusal(tasks, vec![barrier]), cycle);
    }
}
