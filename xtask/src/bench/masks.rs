//! The mask over 100 secrets, beside the search for the same patterns alone.

use std::{path::Path, process::Command};

use anyhow::{Context as _, ensure};

use super::measure::Figures;

/// Part of the speed of the search alone that the mask has to have.
const LEAST: f64 = 0.5;

/// Runs the program that measures both over the same bytes, in the same process.
pub(super) fn measure(mask_speed: &Path, figures: &mut Figures) -> anyhow::Result<()> {
    let output = Command::new(mask_speed)
        .output()
        .context("the program that measures masks does not start")?;
    ensure!(
        output.status.success(),
        "masks were not measured: {}",
        String::from_utf8_lossy(&output.stderr).trim()
    );
    let found: serde_json::Value = serde_json::from_slice(&output.stdout)?;
    let number = |name: &str| found[name].as_f64().with_context(|| format!("no `{name}`"));
    let (ours, alone) = (number("masked")?, number("searched")?);
    let speed = |bytes: f64| format!("{:.0} MB/s", bytes / 1e6);
    figures.seen(
        "masks, what is measured",
        format!(
            "{} patterns of {} secrets, {:.0} MB",
            found["patterns"],
            found["secrets"],
            number("bytes")? / 1e6
        ),
    );
    figures.seen("masks, aho-corasick alone", speed(alone));
    figures.held(
        "masks",
        format!(
            "{} ({:.2} of aho-corasick alone)",
            speed(ours),
            ours / alone
        ),
        "at least half of it",
        ours >= alone * LEAST,
    );
    Ok(())
}
