//! How long the program takes to begin, and how large it is.

use std::{path::Path, process::Command, time::Duration};

use super::measure::{Figures, median_of, millis};

const LONGEST: Duration = Duration::from_millis(10);

/// Most bytes of the program.
const LARGEST: u64 = 20 * 1_000 * 1_000;

const TIMES: usize = 20;

/// Starts the program so often, beside one that does nothing at all.
pub(super) fn measure(program: &Path, figures: &mut Figures) -> anyhow::Result<()> {
    let nothing = median_of(TIMES, || Command::new("true"))?;
    let took = median_of(TIMES, || {
        let mut version = Command::new(program);
        version.arg("--version");
        version
    })?;
    figures.seen("start of `true`", millis(nothing));
    figures.held(
        "start of `--version`",
        millis(took),
        format!("under {}", millis(LONGEST)),
        took < LONGEST,
    );
    let size = std::fs::metadata(program)?.len();
    figures.held(
        "size of the program",
        megabytes(size),
        format!("under {}", megabytes(LARGEST)),
        size < LARGEST,
    );
    Ok(())
}

fn megabytes(bytes: u64) -> String {
    format!("{}.{} MB", bytes / 1_000_000, bytes / 100_000 % 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_megabyte_is_a_million_bytes() {
        assert_eq!(megabytes(12_345_678), "12.3 MB");
        assert_eq!(megabytes(999_999), "0.9 MB");
    }
}
