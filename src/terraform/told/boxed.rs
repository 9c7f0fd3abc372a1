//! Problems in the text of commands that know no `-json`: `state push`, `force-unlock`, `workspace`.

use super::Problem;
use crate::diagnostic::Severity;

/// Finds the problems in what terraform printed for people, with colours or without.
pub fn problems_in_text(text: &str) -> Vec<Problem> {
    let mut problems: Vec<Problem> = Vec::new();
    for line in text.lines() {
        let line = plain(line);
        let line = line.trim_start_matches(['│', '╷', '╵', '|']).trim();
        let begins = [
            ("Error: ", Severity::Error),
            ("Warning: ", Severity::Warning),
        ]
        .into_iter()
        .find_map(|(word, severity)| Some((line.strip_prefix(word)?, severity)));
        if let Some((summary, severity)) = begins {
            problems.push(Problem {
                severity,
                summary: summary.to_owned(),
                detail: String::new(),
                address: None,
                place: None,
                snippet: None,
            });
        } else if let Some(problem) = problems.last_mut() {
            problem.detail.push_str(line);
            problem.detail.push('\n');
        }
    }
    for problem in &mut problems {
        problem.detail = problem.detail.trim().to_owned();
    }
    problems
}

/// Leaves out colours: ESC, `[`, and all up to a letter.
fn plain(line: &str) -> String {
    let mut plain = String::with_capacity(line.len());
    let mut signs = line.chars();
    while let Some(sign) = signs.next() {
        if sign == '\u{1b}' {
            signs.by_ref().find(char::is_ascii_alphabetic);
        } else {
            plain.push(sign);
        }
    }
    plain
}
