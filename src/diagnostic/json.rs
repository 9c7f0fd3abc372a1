//! Problems for programs.

use serde_json::{Value, json};

use super::{Diagnostic, SourceFile};

/// Returns a problem as a JSON object: `file`, `line`, `column`, `end_line`, `end_column`, `severity`, `code`, `message`,
/// `label`, `help` and `others`.
///
/// Lines and columns count from 1, columns in characters, and the end is behind the last character. What does not exist is
/// `null`. `main` is the source of problems that name none.
pub fn to_json(main: &SourceFile, diagnostic: &Diagnostic) -> Value {
    let source = diagnostic.source(main);
    let place = |offset: Option<usize>| match offset.map(|offset| source.line_column(offset)) {
        Some((line, column)) => (Some(line), Some(column)),
        None => (None, None),
    };
    let span = diagnostic.span.map(|span| source.fit(span));
    let (line, column) = place(span.map(|span| span.start));
    let (end_line, end_column) = place(span.map(|span| span.end));
    let others: Vec<_> = diagnostic
        .others
        .iter()
        .map(|other| {
            let (line, column) = source.line_column(other.span.start);
            json!({ "line": line, "column": column, "text": other.text })
        })
        .collect();
    json!({
        "file": source.name(),
        "line": line,
        "column": column,
        "end_line": end_line,
        "end_column": end_column,
        "severity": diagnostic.severity.as_str(),
        "code": diagnostic.code,
        "message": diagnostic.message,
        "label": diagnostic.label,
        "help": diagnostic.help,
        "others": others,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Span;

    #[test]
    fn a_problem_tells_programs_where_it_begins_and_ends() {
        let source = SourceFile::new("deploy.yaml", "name: é\nphase: []\n");
        let problem = Diagnostic::error("unknown-key", "unknown key `phase`")
            .at(Span::new(9, 14))
            .also(Span::new(6, 8), "here")
            .help("did you mean `phases`?");
        assert_eq!(
            to_json(&source, &problem),
            json!({
                "file": "deploy.yaml",
                "line": 2, "column": 1, "end_line": 2, "end_column": 6,
                "severity": "error",
                "code": "unknown-key",
                "message": "unknown key `phase`",
                "label": null,
                "help": "did you mean `phases`?",
                "others": [{ "line": 1, "column": 7, "text": "here" }],
            })
        );
        assert_eq!(
            to_json(&source, &Diagnostic::warning("empty", "nothing to do"))["line"],
            Value::Null
        );
    }
}
