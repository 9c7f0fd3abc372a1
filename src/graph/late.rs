//! Late tasks: those that wait for a task of a later phase than their own (`plan-format.md`, 3.2).

use super::cycle::Wait;

/// For each task of the plan the phase as part of which it counts. `waits` holds no cycle.
pub fn phases(own: &[usize], waits: &[Vec<Wait>]) -> Vec<usize> {
    let mut counted: Vec<Option<usize>> = vec![None; own.len()];
    for start in 0..own.len() {
        let mut stack = vec![start];
        while let Some(&task) = stack.last() {
            if counted[task].is_some() {
                stack.pop();
                continue;
            }
            let open: Vec<usize> = waits[task]
                .iter()
                .map(|wait| wait.to)
                .filter(|&to| counted[to].is_none() && to != task)
                .collect();
            if open.is_empty() {
                let latest = waits[task].iter().filter_map(|wait| counted[wait.to]).max();
                counted[task] = Some(latest.map_or(own[task], |latest| latest.max(own[task])));
                stack.pop();
            } else {
                stack.extend(open);
            }
        }
    }
    counted
        .into_iter()
        .zip(own)
        .map(|(phase, own)| phase.unwrap_or(*own))
        .collect()
}

/// For each task, whether a late task waits for it, directly or not: such a task cannot wait for the late ones.
pub fn awaited_by_late(late: &[bool], waits: &[Vec<Wait>]) -> Vec<bool> {
    let mut awaited = vec![false; late.len()];
    let mut stack: Vec<usize> = (0..late.len()).filter(|&task| late[task]).collect();
    while let Some(task) = stack.pop() {
        for wait in &waits[task] {
            if !awaited[wait.to] {
                awaited[wait.to] = true;
                stack.push(wait.to);
            }
        }
    }
    awaited
}
