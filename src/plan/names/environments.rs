//! Environments that wait for themselves.

use crate::{diagnostic::Diagnostic, plan::model::Parts};

/// Returns a problem for each way round through `needs` of environments, with each step.
pub(super) fn waiting_for_themselves(parts: &Parts) -> Vec<Diagnostic> {
    let needs: Vec<Vec<usize>> = parts
        .environments
        .values()
        .map(|environment| {
            let known = environment.needs.iter();
            known
                .filter_map(|need| parts.environments.get_index_of(need))
                .collect()
        })
        .collect();
    let mut done = vec![false; needs.len()];
    let mut found = Vec::new();
    for start in 0..needs.len() {
        if let Some(way) = way_back(start, &needs, &done) {
            way.iter().for_each(|&index| done[index] = true);
            found.push(problem(parts, &way));
        }
        done[start] = true;
    }
    found
}

/// Finds a way from an environment to itself that leads through none that is done.
fn way_back(start: usize, needs: &[Vec<usize>], done: &[bool]) -> Option<Vec<usize>> {
    let mut came_from = vec![None; needs.len()];
    let mut open = vec![start];
    while let Some(at) = open.pop() {
        for &next in &needs[at] {
            if next == start {
                let mut way = vec![at];
                while let Some(before) = came_from[way[way.len() - 1]] {
                    way.push(before);
                }
                way.reverse();
                return Some(way);
            }
            if !done[next] && came_from[next].is_none() {
                came_from[next] = Some(at);
                open.push(next);
            }
        }
    }
    None
}

fn problem(parts: &Parts, way: &[usize]) -> Diagnostic {
    let step = |at: usize| {
        let (name, environment) = &parts
            .environments
            .get_index(way[at])
            .expect("the index is of this map");
        let next = parts
            .environments
            .get_index(way[(at + 1) % way.len()])
            .expect("the index is of this map")
            .0;
        (environment.span, format!("`{name}` needs `{next}`"))
    };
    let name = |index: usize| {
        format!(
            "`{}`",
            parts
                .environments
                .get_index(index)
                .expect("the index is of this map")
                .0
        )
    };
    let mut names: Vec<String> = way.iter().map(|&index| name(index)).collect();
    names.push(names[0].clone());
    let (span, label) = step(0);
    let problem = Diagnostic::error(
        "cycle",
        format!(
            "environment {} waits for itself: {}",
            names[0],
            names.join(" → ")
        ),
    )
    .at(span)
    .label(label)
    .help("take one of these `needs` out");
    (1..way.len())
        .map(step)
        .fold(problem, |problem, (span, label)| problem.also(span, label))
}
