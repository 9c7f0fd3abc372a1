//! The graph of tasks as shapes with places, in pixels.

use serde::Serialize;
use unicode_width::UnicodeWidthStr as _;

use super::{
    html::{anchor, class},
    layout::{Shape, arrange},
};
use crate::{
    checkpoint::{
        State,
        summary::{Summary, TaskSummary},
    },
    graph::TaskGraph,
    report::{shortened, words::duration},
};

/// Up to so many tasks the graph is shown at once; of a larger one first its phases are.
pub(super) const AT_ONCE: usize = 40;
/// The most tasks in one column.
const TALLEST: usize = 40;

const NODE_WIDTH: f64 = 200.0;
const NODE_HEIGHT: f64 = 44.0;
/// From the middle of a node to that of the one below.
const ROW: f64 = 56.0;
/// From the left side of a column to that of the next.
const COLUMN: f64 = 240.0;
/// Room around the columns of a phase.
const MARGIN: f64 = 14.0;
/// Height of a phase's title.
const TITLE: f64 = 34.0;
/// The longest name in a node, in columns of text.
const LONGEST_NAME: usize = 24;
/// Length of the point of an edge.
const POINT: f64 = 6.0;

/// The graph as it is drawn.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Drawing {
    pub width: f64,
    pub height: f64,
    /// Width and height of a task.
    pub node: (f64, f64),
    pub bands: Vec<Band>,
    pub edges: Vec<Line>,
    pub nodes: Vec<Card>,
    /// Whether the phases are to be shown first.
    pub is_large: bool,
}

/// A phase.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Band {
    pub id: String,
    pub name: String,
    pub x: f64,
    pub width: f64,
}

/// An edge.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Line {
    pub path: String,
    pub point: String,
    /// Whether the task behind it waits for a task that stopped it.
    pub holds_up: bool,
}

/// A task.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Card {
    pub anchor: String,
    pub name: String,
    pub title: String,
    pub x: f64,
    pub y: f64,
    /// Classes of its state.
    pub class: &'static str,
    pub symbol: char,
    pub words: &'static str,
    pub took: Option<String>,
    /// Whether it was not carried out.
    pub is_faint: bool,
}

impl Drawing {
    /// Draws the tasks of a plan; a phase without a task is left out.
    pub(super) fn of(graph: &TaskGraph<'_>, summary: &Summary) -> Self {
        let tasks = tasks(graph, summary);
        let phases = phases(&tasks);
        let shape_bands: Vec<usize> = tasks
            .iter()
            .map(|task| {
                phases
                    .iter()
                    .position(|phase| *phase == task.phase)
                    .unwrap_or(0)
            })
            .collect();
        let edges = edges(graph, &tasks);
        let found = arrange(&Shape {
            bands: &shape_bands,
            n_bands: phases.len(),
            edges: &edges,
            tallest: TALLEST,
        });
        let (bands, lefts) = bands(&found.bands, &phases, summary);
        let middle = |row: f64| TITLE + MARGIN + row * ROW - (ROW - NODE_HEIGHT) / 2.0;
        let places: Vec<(f64, f64)> = found
            .nodes
            .iter()
            .map(|(column, row)| (lefts[*column], middle(*row)))
            .collect();
        let lines = edges
            .iter()
            .zip(&found.passages)
            .map(|(&(from, to), passages)| {
                let passages: Vec<(f64, f64)> = passages
                    .iter()
                    .map(|(column, row)| (lefts[*column], middle(*row)))
                    .collect();
                let holds_up =
                    stops(tasks[from].summary.state) && tasks[to].summary.state == State::Blocked;
                line(places[from], &passages, places[to], holds_up)
            });
        Self {
            width: bands.last().map_or(0.0, |band| band.x + band.width),
            height: rounded(TITLE + 2.0 * MARGIN + found.height * ROW - (ROW - NODE_HEIGHT)),
            node: (NODE_WIDTH, NODE_HEIGHT),
            edges: lines.collect(),
            nodes: tasks
                .iter()
                .zip(&places)
                .map(|(task, at)| node(task.summary, *at))
                .collect(),
            bands,
            is_large: tasks.len() > AT_ONCE,
        }
    }
}

/// The phases in their places, and the left side of each column. Each band has a margin on both sides, so a column lies
/// behind all margins of the bands before it.
fn bands(columns: &[(usize, usize)], phases: &[usize], summary: &Summary) -> (Vec<Band>, Vec<f64>) {
    let gap = COLUMN - NODE_WIDTH;
    let mut lefts = Vec::new();
    let mut bands = Vec::with_capacity(phases.len());
    for (index, (&(first, end), phase)) in columns.iter().zip(phases).enumerate() {
        let x = first as f64 * COLUMN + index as f64 * MARGIN;
        let n_columns = end - first;
        lefts.extend((0..n_columns).map(|column| x + MARGIN + column as f64 * COLUMN));
        let phase = &summary.phases[*phase];
        bands.push(Band {
            id: phase.id.to_string(),
            name: shortened(&phase.name, 4 + LONGEST_NAME * n_columns),
            x,
            width: n_columns as f64 * COLUMN - gap + 2.0 * MARGIN,
        });
    }
    (bands, lefts)
}

/// A task with what the graph and the summary know of it.
struct Drawn<'d> {
    node: usize,
    phase: usize,
    summary: &'d TaskSummary,
}

/// The tasks, those of an environment together, so that each environment begins as a lane of its own.
fn tasks<'d>(graph: &TaskGraph<'_>, summary: &'d Summary) -> Vec<Drawn<'d>> {
    let phases = summary.phases.iter().enumerate();
    let mut tasks: Vec<Drawn<'d>> = phases
        .flat_map(|(phase, found)| found.tasks.iter().map(move |task| (phase, task)))
        .filter_map(|(phase, summary)| {
            let node = graph.find(&summary.key)?;
            Some(Drawn {
                node,
                phase,
                summary,
            })
        })
        .collect();
    let environments = &graph.plan().environments;
    let place = |task: &Drawn<'_>| {
        let environment = task.summary.key.environment.as_ref();
        environment.and_then(|name| environments.get_index_of(name))
    };
    tasks.sort_by_key(|task| (place(task), task.node));
    tasks
}

fn phases(tasks: &[Drawn<'_>]) -> Vec<usize> {
    let mut phases: Vec<usize> = tasks.iter().map(|task| task.phase).collect();
    phases.sort_unstable();
    phases.dedup();
    phases
}

fn edges(graph: &TaskGraph<'_>, tasks: &[Drawn<'_>]) -> Vec<(usize, usize)> {
    let mut of_node = vec![None; graph.nodes().len()];
    for (index, task) in tasks.iter().enumerate() {
        of_node[task.node] = Some(index);
    }
    let mut edges: Vec<(usize, usize)> = tasks
        .iter()
        .enumerate()
        .flat_map(|(to, task)| {
            let after = graph.nodes()[task.node].after.iter();
            after
                .filter_map(|edge| of_node[edge.to])
                .map(move |from| (from, to))
                .collect::<Vec<_>>()
        })
        .collect();
    // A task may be needed and read, and is one edge all the same.
    edges.sort_unstable();
    edges.dedup();
    edges
}

fn stops(state: State) -> bool {
    matches!(
        state,
        State::Failed
            | State::Interrupted
            | State::RolledBack
            | State::Cancelled
            | State::Blocked
            | State::Waiting
            | State::NotRun
    )
}

fn node(task: &TaskSummary, (x, middle): (f64, f64)) -> Card {
    let key = task.key.to_string();
    let took = task.times.took_ms.filter(|_| task.state != State::Skipped);
    Card {
        anchor: anchor(&key),
        name: fitted(&key),
        title: match &task.why {
            Some(why) => format!("{key}: {} ({why})", task.state.words()),
            None => format!("{key}: {}", task.state.words()),
        },
        x,
        y: rounded(middle - NODE_HEIGHT / 2.0),
        class: class(task.state),
        symbol: task.state.symbol(),
        words: task.state.words(),
        took: took.map(|took| duration(std::time::Duration::from_millis(took))),
        is_faint: matches!(
            task.state,
            State::ToDo | State::Blocked | State::Skipped | State::NotRun | State::Obsolete
        ),
    }
}

/// Shortens a name to the width of a node.
fn fitted(key: &str) -> String {
    let mut longest = LONGEST_NAME;
    let mut name = shortened(key, longest);
    while name.width() > LONGEST_NAME && longest > 1 {
        longest -= 1;
        name = shortened(key, longest);
    }
    name
}

/// A curve from the right side of a node through the columns between to the left side of another.
fn line(from: (f64, f64), passages: &[(f64, f64)], to: (f64, f64), holds_up: bool) -> Line {
    let mut at = (from.0 + NODE_WIDTH, from.1);
    let mut path = format!("M{} {}", rounded(at.0), rounded(at.1));
    let mut curve = |at: (f64, f64), to: (f64, f64)| {
        let middle = rounded((at.0 + to.0) / 2.0);
        let (y, x) = (rounded(to.1), rounded(to.0));
        path.push_str(&format!("C{middle} {} {middle} {y} {x} {y}", rounded(at.1)));
    };
    for passage in passages {
        curve(at, *passage);
        let end = (passage.0 + NODE_WIDTH, passage.1);
        curve(*passage, end);
        at = end;
    }
    curve(at, (to.0 - POINT, to.1));
    let (x, y) = (to.0, to.1);
    Line {
        path,
        point: format!(
            "M{} {}L{} {}L{} {}Z",
            rounded(x),
            rounded(y),
            rounded(x - POINT - 1.0),
            rounded(y - POINT / 2.0 - 0.5),
            rounded(x - POINT - 1.0),
            rounded(y + POINT / 2.0 + 0.5)
        ),
        holds_up,
    }
}

fn rounded(pixels: f64) -> f64 {
    (pixels * 10.0).round() / 10.0
}
