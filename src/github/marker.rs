//! The hidden sign by which our comment on a pull request is found again.

use std::fmt;

use crate::ident::EnvironmentName;

/// How every marker begins.
const OPENING: &str = "<!-- deploy-action:";

/// Names a comment: a plan has one on a pull request, and one for each environment that is reported by itself.
///
/// Shown as `<!-- deploy-action:checkpoint plan=relay -->`. It stands on the first line of the comment and nowhere else counts,
/// so that a quoted comment is not taken for ours.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Marker(String);

impl Marker {
    /// Names the comment of a plan, or of one of its environments.
    pub fn new(plan: &str, environment: Option<&EnvironmentName>) -> Self {
        let mut marker = format!("{OPENING}checkpoint plan={}", quiet(plan));
        if let Some(environment) = environment {
            marker.push_str(&format!(" environment={environment}"));
        }
        marker.push_str(" -->");
        Self(marker)
    }

    /// Returns the whole comment: the marker, then the text, in which no marker is left.
    pub fn mark(&self, text: &str) -> String {
        format!(
            "{self}\n{}",
            text.replace(OPENING, "&lt;!-- deploy-action:")
        )
    }

    /// Whether a comment is the one that this marker names.
    pub fn marks(&self, comment: &str) -> bool {
        comment.lines().next().map(str::trim_end) == Some(self.0.as_str())
    }
}

impl fmt::Display for Marker {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// Writes a name so that it neither ends the marker nor the comment in which it stands.
fn quiet(name: &str) -> String {
    let mut quiet = String::new();
    for byte in name.bytes() {
        // A dash is written out beside another one: `--` may end an HTML comment.
        let is_plain = byte.is_ascii_alphanumeric() || b"_.".contains(&byte);
        if is_plain || byte == b'-' && !quiet.ends_with('-') {
            quiet.push(char::from(byte));
        } else {
            quiet.push_str(&format!("%{byte:02X}"));
        }
    }
    quiet
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_marker_names_plan_and_environment() {
        let production = "production".parse().expect("it is well formed");
        assert_eq!(
            Marker::new("relay", None).to_string(),
            "<!-- deploy-action:checkpoint plan=relay -->"
        );
        assert_eq!(
            Marker::new("a --> b", Some(&production)).to_string(),
            "<!-- deploy-action:checkpoint plan=a%20-%2D%3E%20b environment=production -->"
        );
    }

    #[test]
    fn only_the_first_line_of_a_comment_counts() {
        let marker = Marker::new("relay", None);
        assert!(marker.marks(&marker.mark("text")));
        assert!(marker.marks(&format!("{marker}\r\ntext")));
        assert!(!marker.marks(&format!("> {marker}\ntext")));
        assert!(!marker.marks(&format!("hello\n{marker}")));
        assert!(!marker.marks(""));
        assert!(!marker.marks(&Marker::new("relay2", None).mark("text")));
    }

    #[test]
    fn a_marker_in_the_text_is_made_harmless() {
        let marker = Marker::new("relay", None);
        let body = marker.mark(&format!("quoted:\n{marker}"));
        assert_eq!(body.matches(OPENING).count(), 1);
        assert!(body.ends_with("\n&lt;!-- deploy-action:checkpoint plan=relay -->"));
    }
}
