//! Times, medians, and the bounds that they are held against.

use std::{
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};

/// What was measured, in order.
#[derive(Debug, Default)]
pub(super) struct Figures(Vec<Figure>);

#[derive(Debug)]
struct Figure {
    name: String,
    text: String,
    /// The bound in words, and whether it holds.
    bound: Option<(String, bool)>,
}

impl Figures {
    /// Adds a figure that is held against nothing.
    pub(super) fn seen(&mut self, name: impl Into<String>, text: impl Into<String>) {
        self.0.push(Figure {
            name: name.into(),
            text: text.into(),
            bound: None,
        });
    }

    /// Adds a figure with its bound in words, and whether it holds.
    pub(super) fn held(
        &mut self,
        name: impl Into<String>,
        text: impl Into<String>,
        bound: impl Into<String>,
        holds: bool,
    ) {
        self.0.push(Figure {
            name: name.into(),
            text: text.into(),
            bound: Some((bound.into(), holds)),
        });
    }

    /// Whether every bound holds.
    pub(super) fn all_hold(&self) -> bool {
        let mut bounds = self.0.iter().filter_map(|figure| figure.bound.as_ref());
        bounds.all(|(_, holds)| *holds)
    }

    /// One line a figure.
    pub(super) fn lines(&self) -> Vec<String> {
        let width = self
            .0
            .iter()
            .map(|figure| figure.name.chars().count())
            .max()
            .unwrap_or_default();
        let line = |figure: &Figure| {
            let bound = match &figure.bound {
                Some((bound, true)) => format!("  holds: {bound}"),
                Some((bound, false)) => format!("  MISSED: {bound}"),
                None => String::new(),
            };
            format!("{:width$}  {}{bound}", figure.name, figure.text)
        };
        self.0.iter().map(line).collect()
    }
}

/// Runs a command to its good end, without input and without showing what it says, and returns how long that took.
pub(super) fn time(command: &mut Command) -> anyhow::Result<Duration> {
    let name = command.get_program().to_string_lossy().into_owned();
    let quiet = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let began = Instant::now();
    let status = quiet
        .status()
        .with_context(|| format!("`{name}` does not start"))?;
    let took = began.elapsed();
    ensure!(status.success(), "`{name}` ended with {status}");
    Ok(took)
}

/// Runs a command so often, and returns the median of how long it took.
pub(super) fn median_of(
    times: usize,
    mut command: impl FnMut() -> Command,
) -> anyhow::Result<Duration> {
    let took = (0..times).map(|_| time(&mut command()));
    median(took.collect::<anyhow::Result<_>>()?)
}

/// Returns the middle one; of two in the middle, the longer.
pub(super) fn median(mut times: Vec<Duration>) -> anyhow::Result<Duration> {
    times.sort_unstable();
    let middle = times.get(times.len() / 2);
    middle.copied().context("nothing was measured")
}

/// Milliseconds with one digit behind the point.
pub(super) fn millis(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1_000.0)
}

/// Seconds with two digits behind the point.
pub(super) fn seconds(time: Duration) -> String {
    format!("{:.2} s", time.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_and_not_the_mean() {
        let times = [9, 1, 2].map(Duration::from_secs).to_vec();
        assert_eq!(median(times).expect("three"), Duration::from_secs(2));
        median(Vec::new()).expect_err("there is no middle of nothing");
    }

    #[test]
    fn one_missed_bound_is_enough() {
        let mut figures = Figures::default();
        figures.seen("make", "3 s");
        figures.held("tasks", "5 s", "within 2x of make", true);
        assert!(figures.all_hold());
        figures.held("lint", "200 ms", "under 100 ms", false);
        assert!(!figures.all_hold());
        assert_eq!(
            figures.lines(),
            [
                "make   3 s",
                "tasks  5 s  holds: within 2x of make",
                "lint   200 ms  MISSED: under 100 ms",
            ]
        );
    }

    #[test]
    fn a_command_that_fails_is_no_measurement() {
        let error = time(&mut Command::new("false")).expect_err("it fails");
        assert!(error.to_string().contains("`false` ended with"), "{error}");
    }
}
