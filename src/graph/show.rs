//! The graph as text, Mermaid, Graphviz and JSON.

use serde_json::json;

use super::model::{EdgeSource, Node, Standing, TaskGraph};
use crate::diagnostic::words::list_ticked;

/// Writes the graph for people: phases, their tasks, what each waits for.
pub fn to_text(graph: &TaskGraph<'_>) -> String {
    let mut text = String::new();
    for (index, phase) in graph.plan().phases.iter().enumerate() {
        text.push_str(&format!("{}\n", phase.id));
        for node in graph.nodes().iter().filter(|node| node.phase == index) {
            text.push_str(&line(graph, node));
        }
    }
    text
}

fn line(graph: &TaskGraph<'_>, node: &Node<'_>) -> String {
    let mut line = format!("  {} ({})", node.key, node.task.kind.key());
    let after: Vec<String> = node
        .after
        .iter()
        .map(|edge| graph.nodes()[edge.to].key.to_string())
        .collect();
    if !after.is_empty() {
        line.push_str(&format!(
            " after {}",
            list_ticked(&after).replace(" or ", " and ")
        ));
    }
    if node.late {
        let own = &graph.plan().phase_of(node.task).id;
        line.push_str(&format!(
            "; late: it stands in phase `{own}` and waits for a later one"
        ));
    }
    match &node.standing {
        Standing::TakesPart => {}
        Standing::Skipped { because } => line.push_str(&format!("; skipped: `{because}` is false")),
        Standing::Undecided => line.push_str("; its condition is decided in the run"),
    }
    line.push('\n');
    line
}

/// Writes the graph as a Mermaid flow chart, which GitHub shows in Markdown.
pub fn to_mermaid(graph: &TaskGraph<'_>) -> String {
    let mut text = "flowchart LR\n".to_owned();
    for (index, phase) in graph.plan().phases.iter().enumerate() {
        text.push_str(&format!("  subgraph p{index}[\"{}\"]\n", phase.id));
        for (number, node) in graph
            .nodes()
            .iter()
            .enumerate()
            .filter(|(_, node)| node.phase == index)
        {
            text.push_str(&format!(
                "    t{number}[\"{}\"]\n",
                node.key.to_string().replace('"', "#quot;")
            ));
        }
        text.push_str("  end\n");
    }
    for (number, node) in graph.nodes().iter().enumerate() {
        for edge in &node.after {
            text.push_str(&format!("  t{} --> t{number}\n", edge.to));
        }
    }
    text
}

/// Writes the graph in Graphviz' language.
pub fn to_dot(graph: &TaskGraph<'_>) -> String {
    let mut text = "digraph plan {\n  rankdir=LR;\n".to_owned();
    for (index, phase) in graph.plan().phases.iter().enumerate() {
        text.push_str(&format!(
            "  subgraph cluster_{index} {{\n    label={:?};\n",
            phase.id.as_str()
        ));
        for node in graph.nodes().iter().filter(|node| node.phase == index) {
            text.push_str(&format!("    {:?};\n", node.key.to_string()));
        }
        text.push_str("  }\n");
    }
    for node in graph.nodes() {
        for edge in &node.after {
            text.push_str(&format!(
                "  {:?} -> {:?};\n",
                graph.nodes()[edge.to].key.to_string(),
                node.key.to_string()
            ));
        }
    }
    text.push_str("}\n");
    text
}

/// Returns the graph as JSON: tasks in file order, each with its edges and their sources.
pub fn to_json(graph: &TaskGraph<'_>) -> serde_json::Value {
    let phases = &graph.plan().phases;
    let tasks: Vec<serde_json::Value> = graph
        .nodes()
        .iter()
        .map(|node| {
            let (standing, because) = match &node.standing {
                Standing::TakesPart => ("takes-part", None),
                Standing::Skipped { because } => ("skipped", Some(because)),
                Standing::Undecided => ("undecided", None),
            };
            json!({
                "task": node.key,
                "kind": node.task.kind.key(),
                "phase": phases[node.task.phase].id,
                "counts-as-phase": phases[node.phase].id,
                "late": node.late,
                "changes": node.task.changes,
                "standing": standing,
                "because": because,
                "after": node.after.iter().map(|edge| edge_json(graph, edge)).collect::<Vec<_>>(),
            })
        })
        .collect();
    json!({ "plan": graph.plan().name, "phases": phases.iter().map(|phase| &phase.id).collect::<Vec<_>>(), "tasks": tasks })
}

fn edge_json(graph: &TaskGraph<'_>, edge: &super::model::Edge) -> serde_json::Value {
    let task = &graph.nodes()[edge.to].key;
    match &edge.source {
        EdgeSource::Needs(_) => json!({ "task": task, "source": "needs" }),
        EdgeSource::Reference { text, through, .. } => {
            json!({ "task": task, "source": "reference", "text": text, "through": through })
        }
    }
}
