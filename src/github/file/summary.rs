//! The summary of a step, within what GitHub shows of it.

use std::{fs::OpenOptions, io::Write as _};

use camino::Utf8Path;

use super::FileError;
use crate::diagnostic::words;

/// Longest summary file, in bytes. GitHub's limit is 1,048,576, but a few bytes below it summaries vanish without a word
/// (actions/runner#4337).
pub const LONGEST_SUMMARY: usize = 1_000_000;
/// Room for the line that says how many sections are missing.
const CLOSING_ROOM: usize = 200;

/// What became of the sections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SummaryOutcome {
    /// How many sections were written.
    pub n_written: usize,
    /// How many did not fit.
    pub n_left_out: usize,
}

/// Appends sections to the file that `GITHUB_STEP_SUMMARY` names, an empty line between them, as long as they fit.
///
/// Sections are Markdown that stands by itself and are given in the order of their weight. Never is a part of one written: the
/// first that does not fit, and all behind it, are left out, and a closing line says how many.
///
/// # Errors
///
/// Fails where the file is missing or cannot be written.
pub fn append_summary(path: &Utf8Path, sections: &[String]) -> Result<SummaryOutcome, FileError> {
    let unwritable = |source| FileError::Unwritable {
        path: path.to_owned(),
        source,
    };
    let mut file = OpenOptions::new()
        .append(true)
        .open(path)
        .map_err(unwritable)?;
    let length = file.metadata().map_err(unwritable)?.len();
    let present = usize::try_from(length).unwrap_or(usize::MAX);
    let (text, outcome) = fitting(sections, LONGEST_SUMMARY.saturating_sub(present));
    file.write_all(text.as_bytes()).map_err(unwritable)?;
    Ok(outcome)
}

/// Returns the text of the sections that fit into `room` bytes.
fn fitting(sections: &[String], room: usize) -> (String, SummaryOutcome) {
    let block = |section: &String| format!("{}\n\n", section.trim_end());
    let all: String = sections.iter().map(block).collect();
    if all.len() <= room {
        let outcome = SummaryOutcome {
            n_written: sections.len(),
            n_left_out: 0,
        };
        return (all, outcome);
    }
    let mut text = String::new();
    let mut n_written = 0;
    for section in sections {
        let block = block(section);
        if text.len() + block.len() + CLOSING_ROOM > room {
            break;
        }
        text.push_str(&block);
        n_written += 1;
    }
    let n_left_out = sections.len() - n_written;
    let closing = format!(
        "_{} left out: the summary of a step holds {LONGEST_SUMMARY} bytes. The log has it all._\n",
        words::count(n_left_out, "section")
    );
    if text.len() + closing.len() <= room {
        text.push_str(&closing);
    }
    let outcome = SummaryOutcome {
        n_written,
        n_left_out,
    };
    (text, outcome)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn section(length: usize) -> String {
        "x".repeat(length)
    }

    #[test]
    fn sections_are_written_as_long_as_they_fit() {
        let (text, outcome) = fitting(&[section(3), section(4)], 11);
        assert_eq!(text, "xxx\n\nxxxx\n\n");
        assert_eq!(outcome.n_left_out, 0);
        let (text, outcome) = fitting(&[section(300), section(300)], 603);
        assert_eq!((outcome.n_written, outcome.n_left_out), (1, 1));
        assert!(text.ends_with("\n\n_1 section left out: the summary of a step holds 1000000 bytes. The log has it all._\n"));
        assert_eq!(fitting(&[section(300)], 0).0, "");
    }

    #[test]
    fn the_file_stays_below_the_limit_over_several_writes() {
        let folder = assert_fs::TempDir::new().expect("a folder");
        let path = folder.path().join("summary");
        std::fs::write(&path, "").expect("it can be written");
        let path = Utf8Path::from_path(&path).expect("it is text");
        let mut n_left_out = 0;
        for _ in 0..5 {
            let outcome =
                append_summary(path, &[section(250_000), section(10)]).expect("it is there");
            n_left_out += outcome.n_left_out;
            let length = std::fs::metadata(path).expect("it is there").len();
            assert!(length <= LONGEST_SUMMARY as u64, "{length}");
        }
        assert_eq!(n_left_out, 4);
        std::fs::remove_file(path).expect("it is there");
        append_summary(path, &[section(1)]).expect_err("it is gone");
    }
}
