//! The expressions that rendered files hold.

/// Wraps an expression in its braces.
pub fn braces(expression: &str) -> String {
    format!("${{{{ {expression} }}}}")
}

/// Says that the event is one of some.
pub fn event_is_one_of(events: &[&str]) -> String {
    match events {
        [only] => format!("github.event_name == '{only}'"),
        several => {
            let listed: Vec<String> = several.iter().map(|event| format!("\"{event}\"")).collect();
            format!(
                "contains(fromJSON('[{}]'), github.event_name)",
                listed.join(", ")
            )
        }
    }
}

/// What keeps a job from running although jobs that it needs have ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AfterFailure {
    /// Each failed job that it waits for blocks all that it does.
    Skipped,
    /// Only the ledger knows what the failure blocks.
    Decides,
}

/// Says that a job has something to do: it stands in the list of the `plan` job.
///
/// A status function keeps GitHub from skipping a job whose needs were skipped because they are up to date.
pub fn has_work(job: &str, after_failure: AfterFailure) -> String {
    let status = match after_failure {
        AfterFailure::Skipped => "!cancelled() && !failure()",
        AfterFailure::Decides => "!cancelled()",
    };
    braces(&format!(
        "{status} && needs.plan.result == 'success' && contains(fromJSON(needs.plan.outputs.jobs), '{job}')"
    ))
}

/// Keeps a text of the plan from being evaluated by GitHub, and on one line.
pub fn inert(text: &str) -> String {
    let words: Vec<&str> = text
        .split(|character: char| character.is_whitespace() || character.is_control())
        .filter(|word| !word.is_empty())
        .collect();
    words.join(" ").replace("${{", "$ {{")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_of_the_plan_is_never_an_expression_and_never_two_lines() {
        assert_eq!(
            inert("a ${{ secrets.X }}\n b\t\u{7}c"),
            "a $ {{ secrets.X }} b c"
        );
        assert_eq!(inert("$${{ x"), "$$ {{ x");
        assert_eq!(inert("$\u{0}{{ x }}"), "$ {{ x }}");
    }

    #[test]
    fn events_are_compared_one_by_one_or_in_a_list() {
        assert_eq!(event_is_one_of(&["push"]), "github.event_name == 'push'");
        assert_eq!(
            event_is_one_of(&["push", "release"]),
            r#"contains(fromJSON('["push", "release"]'), github.event_name)"#
        );
    }
}
