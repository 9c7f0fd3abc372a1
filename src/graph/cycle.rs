//! Finds tasks that wait for themselves, and shows each edge of the way round.

use crate::{
    diagnostic::{Diagnostic, Span},
    plan::{Plan, Task},
};

/// What a task waits for by `needs` or by a reference, before matrix and environments: the other task, where, and why.
pub struct Wait {
    /// Index of the other task in the plan.
    pub to: usize,
    /// Where it is named.
    pub span: Span,
    /// Why, in words: "needs", "reads `tasks.a.outputs.x`".
    pub why: String,
}

/// Returns one problem for each task group that waits for itself.
pub fn find(plan: &Plan, waits: &[Vec<Wait>]) -> Vec<Diagnostic> {
    let mut search = Search {
        waits,
        state: vec![State::New; waits.len()],
        path: Vec::new(),
        found: Vec::new(),
    };
    for task in 0..waits.len() {
        search.visit(task);
    }
    search
        .found
        .into_iter()
        .map(|way| problem(plan, waits, &way))
        .collect()
}

#[derive(Clone, Copy, PartialEq)]
enum State {
    New,
    Open,
    Done,
}

struct Search<'w> {
    waits: &'w [Vec<Wait>],
    state: Vec<State>,
    /// Tasks on the way, each with the number of its edges that were followed.
    path: Vec<(usize, usize)>,
    /// Ways round: tasks with the edge that leads on.
    found: Vec<Vec<(usize, usize)>>,
}

impl Search<'_> {
    /// A depth-first search with a stack of its own: ten thousand tasks in a row must not overflow the program's.
    fn visit(&mut self, start: usize) {
        if self.state[start] != State::New {
            return;
        }
        self.open(start);
        while let Some((task, edge)) = self.path.last().copied() {
            let Some(wait) = self.waits[task].get(edge) else {
                self.state[task] = State::Done;
                self.path.pop();
                continue;
            };
            let last = self.path.len() - 1;
            match self.state[wait.to] {
                State::New => {
                    self.path[last].1 += 1;
                    self.open(wait.to);
                }
                State::Open => {
                    let from = self
                        .path
                        .iter()
                        .position(|(open, _)| *open == wait.to)
                        .unwrap_or(0);
                    let way = self.path[from..]
                        .iter()
                        .enumerate()
                        .map(|(at, &(task, next))| {
                            // Of all but the last, the edge that was followed is the one before the next to follow.
                            (task, if from + at == last { next } else { next - 1 })
                        });
                    self.found.push(way.collect());
                    self.path[last].1 += 1;
                }
                State::Done => self.path[last].1 += 1,
            }
        }
    }

    fn open(&mut self, task: usize) {
        self.state[task] = State::Open;
        self.path.push((task, 0));
    }
}

fn problem(plan: &Plan, waits: &[Vec<Wait>], way: &[(usize, usize)]) -> Diagnostic {
    let task = |index: usize| -> &Task { &plan.tasks[index] };
    let first = &waits[way[0].0][way[0].1];
    let mut names: Vec<String> = way
        .iter()
        .map(|(index, _)| format!("`{}`", task(*index).id))
        .collect();
    names.push(names[0].clone());
    let mut problem = Diagnostic::error(
        "cycle",
        format!("{} waits for itself: {}", names[0], names.join(" → ")),
    )
    .at(first.span)
    .label(format!("`{}` {}", task(way[0].0).id, first.why))
    .help("take one of these out; only `verify` and `rollback` may read what runs later");
    for (index, edge) in &way[1..] {
        let wait = &waits[*index][*edge];
        problem = problem.also(wait.span, format!("`{}` {}", task(*index).id, wait.why));
    }
    problem
}
