//! Which jobs wait for which: the order of the plan's tasks, brought to their jobs, without what others imply.

use super::{WorkflowError, groups::Group};
use crate::graph::TaskGraph;

/// A set of small numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Set(Vec<u64>);

impl Set {
    /// The empty set of numbers below `size`.
    pub fn empty(size: usize) -> Self {
        Self(vec![0; size.div_ceil(64)])
    }

    /// Makes room for numbers below `size`.
    pub fn grow(&mut self, size: usize) {
        self.0.resize(size.div_ceil(64), 0);
    }

    /// Puts a number in.
    pub fn insert(&mut self, number: usize) {
        self.0[number / 64] |= 1 << (number % 64);
    }

    /// Whether a number is in it.
    pub fn contains(&self, number: usize) -> bool {
        self.0[number / 64] & (1 << (number % 64)) != 0
    }

    /// Puts all numbers of another set in.
    pub fn add(&mut self, other: &Self) {
        self.0
            .iter_mut()
            .zip(&other.0)
            .for_each(|(word, other)| *word |= other);
    }

    /// Keeps what is in another set too.
    pub fn keep(&mut self, other: &Self) {
        self.0
            .iter_mut()
            .zip(&other.0)
            .for_each(|(word, other)| *word &= other);
    }

    /// Takes all numbers of another set out.
    pub fn remove(&mut self, other: &Self) {
        self.0
            .iter_mut()
            .zip(&other.0)
            .for_each(|(word, other)| *word &= !other);
    }

    /// Returns its numbers, from the smallest.
    pub fn iter(&self) -> impl Iterator<Item = usize> + '_ {
        let bits = |word: u64| (0..64).filter(move |bit| word & (1 << bit) != 0);
        self.0
            .iter()
            .enumerate()
            .flat_map(move |(index, word)| bits(*word).map(move |bit| index * 64 + bit))
    }
}

/// Returns, for each group, the groups that it waits for, directly or not, also through tasks that no group holds.
///
/// # Errors
///
/// A phase that is one job waits for a job that waits for it.
pub fn ancestors(graph: &TaskGraph<'_>, groups: &[Group]) -> Result<Vec<Set>, WorkflowError> {
    let (vertex_of, n_vertices) = vertices(graph, groups);
    let waits = direct(graph, &vertex_of, n_vertices);
    let order = sorted(&waits).map_err(|stuck| {
        let folded = groups
            .iter()
            .enumerate()
            .find(|(index, group)| group.folded && stuck.contains(*index));
        let phase = folded.map(|(_, group)| {
            graph.plan().phases[graph.nodes()[group.nodes[0]].task.phase]
                .id
                .to_string()
        });
        match phase {
            Some(phase) => WorkflowError::Knot { phase },
            None => WorkflowError::Mismatch("the graph of the plan has a cycle".to_owned()),
        }
    })?;
    let mut closed = vec![Set::empty(n_vertices); n_vertices];
    for vertex in order {
        let mut set = Set::empty(n_vertices);
        for &other in &waits[vertex] {
            set.insert(other);
            set.add(&closed[other]);
        }
        closed[vertex] = set;
    }
    Ok(closed
        .into_iter()
        .take(groups.len())
        .map(|set| {
            let mut of_groups = Set::empty(groups.len());
            set.iter()
                .take_while(|&vertex| vertex < groups.len())
                .for_each(|group| of_groups.insert(group));
            of_groups
        })
        .collect())
}

/// Groups come first, then the tasks in none of them, then the barriers.
fn vertices(graph: &TaskGraph<'_>, groups: &[Group]) -> (Vec<usize>, usize) {
    let mut vertex_of = vec![usize::MAX; graph.nodes().len()];
    for (index, group) in groups.iter().enumerate() {
        group.nodes.iter().for_each(|&node| vertex_of[node] = index);
    }
    let mut next = groups.len();
    for vertex in vertex_of.iter_mut().filter(|vertex| **vertex == usize::MAX) {
        *vertex = next;
        next += 1;
    }
    (vertex_of, next + graph.barriers().len())
}

fn direct(graph: &TaskGraph<'_>, vertex_of: &[usize], n_vertices: usize) -> Vec<Vec<usize>> {
    let first_barrier = n_vertices - graph.barriers().len();
    let mut waits = vec![Vec::new(); n_vertices];
    for (node, &vertex) in graph.nodes().iter().zip(vertex_of) {
        let tasks = node
            .after
            .iter()
            .map(|edge| vertex_of[edge.to])
            .filter(|&other| other != vertex);
        let barriers = node
            .waits_for
            .iter()
            .map(|&barrier| first_barrier + barrier);
        waits[vertex].extend(tasks.chain(barriers));
    }
    for (index, barrier) in graph.barriers().iter().enumerate() {
        waits[first_barrier + index].extend(barrier.members.iter().map(|&node| vertex_of[node]));
    }
    waits
}

/// Sorts the vertices so that each comes after what it waits for; else those that never come.
fn sorted(waits: &[Vec<usize>]) -> Result<Vec<usize>, Set> {
    let mut open: Vec<usize> = waits.iter().map(Vec::len).collect();
    let mut behind = vec![Vec::new(); waits.len()];
    for (vertex, others) in waits.iter().enumerate() {
        others.iter().for_each(|&other| behind[other].push(vertex));
    }
    let mut order: Vec<usize> = (0..waits.len())
        .filter(|&vertex| open[vertex] == 0)
        .collect();
    let mut next = 0;
    while let Some(&vertex) = order.get(next) {
        next += 1;
        for &freed in &behind[vertex] {
            open[freed] -= 1;
            if open[freed] == 0 {
                order.push(freed);
            }
        }
    }
    if order.len() == waits.len() {
        return Ok(order);
    }
    let mut stuck = Set::empty(waits.len());
    open.iter()
        .enumerate()
        .filter(|(_, left)| **left > 0)
        .for_each(|(vertex, _)| stuck.insert(vertex));
    Err(stuck)
}

/// Returns what has to be said of a closed order: each vertex's predecessors without those that another of them implies.
pub fn reduced(ancestors: &[Set]) -> Vec<Vec<usize>> {
    ancestors
        .iter()
        .map(|set| {
            let mut direct = set.clone();
            set.iter()
                .for_each(|other| direct.remove(&ancestors[other]));
            direct.iter().collect()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_edge_that_others_imply_is_left_out() {
        let sets: Vec<Set> = [vec![], vec![0], vec![0, 1], vec![0, 1, 2], vec![0]]
            .into_iter()
            .map(|members| {
                let mut set = Set::empty(5);
                members.into_iter().for_each(|member| set.insert(member));
                set
            })
            .collect();
        assert_eq!(reduced(&sets), [vec![], vec![0], vec![1], vec![2], vec![0]]);
    }

    #[test]
    fn a_knot_is_found() {
        assert_eq!(
            sorted(&[vec![], vec![0], vec![0, 1]]).expect("there is none"),
            [0, 1, 2]
        );
        let stuck = sorted(&[vec![], vec![2], vec![1, 0]]).expect_err("two wait for each other");
        assert_eq!(stuck.iter().collect::<Vec<_>>(), [1, 2]);
    }
}
