//! The summary of a terraform plan of 100 MB of JSON, beside jq, which only counts in it.

use std::{
    path::Path,
    process::{Command, Stdio},
};

use anyhow::{Context as _, ensure};

use super::measure::{Figures, seconds, time};

/// Longest time, in seconds.
const LONGEST: f64 = 1.0;
/// Most memory, in bytes.
const MOST: f64 = 200e6;

/// Writes the plan, summarises it so often by a process of its own, and takes the best: whatever else the machine did made the
/// others slower.
pub(super) fn measure(
    plan_speed: &Path,
    rounds: usize,
    figures: &mut Figures,
) -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("plan.json");
    time(Command::new(plan_speed).arg("write").arg(&file))?;
    let mut best: Option<serde_json::Value> = None;
    for _ in 0..rounds {
        let found = summarised(plan_speed, &file)?;
        let is_better = best
            .as_ref()
            .is_none_or(|best| found["seconds"].as_f64() < best["seconds"].as_f64());
        if is_better {
            best = Some(found);
        }
    }
    let found = best.context("nothing was measured")?;
    let number = |name: &str| found[name].as_f64().with_context(|| format!("no `{name}`"));
    figures.seen(
        "terraform, what is measured",
        format!(
            "{:.0} MB of plan JSON, {} resources changed, {} not, {} secrets",
            number("bytes")? / 1e6,
            found["changed"],
            found["unchanged"],
            found["secrets"],
        ),
    );
    let took = number("seconds")?;
    let beside = counted_by_jq(&file)?.map(|jq| {
        figures.seen(
            "terraform, jq",
            format!("{}, to count the changes", seconds(jq)),
        );
        format!(" ({:.2} of jq)", took / jq.as_secs_f64())
    });
    figures.held(
        "terraform, summary",
        format!("{took:.2} s{}", beside.unwrap_or_default()),
        "under 1 s",
        took < LONGEST,
    );
    if let Some(peak) = found["peak"].as_f64() {
        figures.held(
            "terraform, memory",
            format!("{:.0} MB", peak / 1e6),
            "under 200 MB",
            peak < MOST,
        );
    }
    Ok(())
}

fn summarised(plan_speed: &Path, file: &Path) -> anyhow::Result<serde_json::Value> {
    let output = Command::new(plan_speed)
        .arg("summarise")
        .arg(file)
        .output()
        .context("the program that measures plans does not start")?;
    ensure!(
        output.status.success(),
        "the plan was not summarised: {}",
        String::from_utf8_lossy(&output.stderr).trim()
    );
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// How long jq takes to count what changes; nothing where it is not installed.
fn counted_by_jq(file: &Path) -> anyhow::Result<Option<std::time::Duration>> {
    let found = Command::new("jq")
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    if found.is_err() {
        return Ok(None);
    }
    let program = r#"[.resource_changes[] | select(.change.actions != ["no-op"])] | length"#;
    time(Command::new("jq").arg(program).arg(file)).map(Some)
}
