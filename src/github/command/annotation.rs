//! Annotations, within what a runner keeps of them.

use super::escape::command;
use crate::diagnostic::words;

/// How many annotations of each level a runner keeps of one step; it drops the others without a word.
pub const MOST_PER_LEVEL: usize = 10;
/// Longest message that a runner keeps, in UTF-16 code units, which is how it counts.
pub const LONGEST_MESSAGE: usize = 4_096;

/// How an annotation is marked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AnnotationLevel {
    /// Something failed.
    Error,
    /// Something needs a look.
    Warning,
    /// Something is worth to know.
    Notice,
}

impl AnnotationLevel {
    const ALL: [Self; 3] = [Self::Error, Self::Warning, Self::Notice];

    /// Returns the name of the command.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Notice => "notice",
        }
    }
}

/// One line on the page of a run, and beside the source where it names one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Annotation {
    /// How it is marked.
    pub level: AnnotationLevel,
    /// What is wrong; cut where it is longer than [`LONGEST_MESSAGE`].
    pub message: String,
    /// A title above the message.
    pub title: Option<String>,
    /// Path in the repository.
    pub file: Option<String>,
    /// Line in the file, from 1. A runner ignores it without a file.
    pub line: Option<usize>,
    /// Column in the line, from 1.
    pub column: Option<usize>,
}

impl Annotation {
    /// Makes an annotation of the whole run.
    pub fn new(level: AnnotationLevel, message: impl Into<String>) -> Self {
        Self {
            level,
            message: message.into(),
            title: None,
            file: None,
            line: None,
            column: None,
        }
    }

    /// Gives it a title.
    #[must_use]
    pub fn titled(mut self, title: impl Into<String>) -> Self {
        self.title = Some(title.into());
        self
    }

    /// Puts it beside a line of a file; line and column count from 1.
    #[must_use]
    pub fn at(mut self, file: impl Into<String>, line: usize, column: usize) -> Self {
        self.file = Some(file.into());
        self.line = Some(line);
        self.column = Some(column);
        self
    }

    fn command(&self) -> String {
        let number = |number: Option<usize>| number.map(|number| number.to_string());
        let line = number(self.line).unwrap_or_default();
        let column = number(self.column).unwrap_or_default();
        let properties = [
            ("title", self.title.as_deref().unwrap_or_default()),
            ("file", self.file.as_deref().unwrap_or_default()),
            ("line", line.as_str()),
            ("col", column.as_str()),
        ];
        command(self.level.as_str(), &properties, &cut(&self.message))
    }
}

/// Annotations of one step. Those of all its inner steps count together, so there is one of these a process.
#[derive(Debug, Clone, Default)]
pub struct Annotations(Vec<Annotation>);

impl Annotations {
    /// Starts without an annotation.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an annotation.
    pub fn push(&mut self, annotation: Annotation) {
        self.0.push(annotation);
    }

    /// Returns the commands, errors first. Where a level has more than a runner keeps, the last one says how many are missing.
    pub fn commands(&self) -> String {
        AnnotationLevel::ALL
            .map(|level| self.of_level(level))
            .concat()
    }

    fn of_level(&self, level: AnnotationLevel) -> String {
        let all: Vec<_> = self
            .0
            .iter()
            .filter(|annotation| annotation.level == level)
            .collect();
        let n_shown = match all.len() {
            few if few <= MOST_PER_LEVEL => few,
            _ => MOST_PER_LEVEL - 1,
        };
        let mut text: String = all[..n_shown]
            .iter()
            .map(|annotation| annotation.command())
            .collect();
        if n_shown < all.len() {
            let missing = words::count(all.len() - n_shown, &format!("more {}", level.as_str()));
            let rest = Annotation::new(level, format!("{missing}: see the summary and the log"));
            text.push_str(&rest.command());
        }
        text
    }
}

/// Cuts a message on the border of a character and says how much is missing.
fn cut(message: &str) -> String {
    let units = |text: &str| text.chars().map(char::len_utf16).sum::<usize>();
    if units(message) <= LONGEST_MESSAGE {
        return message.to_owned();
    }
    // Room for the words that say how much is missing, whatever the number.
    const ROOM: usize = 40;
    let mut kept_units = 0;
    let end = message
        .char_indices()
        .find(|(_, character)| {
            kept_units += character.len_utf16();
            kept_units > LONGEST_MESSAGE - ROOM
        })
        .map_or(message.len(), |(offset, _)| offset);
    let (kept, missing) = message.split_at(end);
    let missing = words::count(missing.chars().count(), "more character");
    format!("{kept} … ({missing})")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_annotation_names_its_place() {
        let mut annotations = Annotations::new();
        let problem = Annotation::new(
            AnnotationLevel::Error,
            "unknown key `phase`\nhelp: `phases`",
        );
        annotations.push(problem.titled("deploy.yaml").at("deploy.yaml", 3, 14));
        assert_eq!(
            annotations.commands(),
            "::error title=deploy.yaml,file=deploy.yaml,line=3,col=14::unknown key `phase`%0Ahelp: `phases`\n"
        );
    }

    #[test]
    fn failures_come_first_and_what_the_runner_would_drop_is_counted() {
        let mut annotations = Annotations::new();
        annotations.push(Annotation::new(AnnotationLevel::Notice, "n"));
        for number in 0..10 {
            annotations.push(Annotation::new(
                AnnotationLevel::Warning,
                format!("w{number}"),
            ));
        }
        for number in 0..12 {
            annotations.push(Annotation::new(
                AnnotationLevel::Error,
                format!("e{number}"),
            ));
        }
        let commands = annotations.commands();
        let lines: Vec<_> = commands.lines().collect();
        assert_eq!(lines.len(), 21);
        assert_eq!(lines[8], "::error::e8");
        assert_eq!(
            lines[9],
            "::error::3 more errors: see the summary and the log"
        );
        assert_eq!(lines[10], "::warning::w0");
        assert_eq!(lines[19], "::warning::w9");
        assert_eq!(lines[20], "::notice::n");
    }

    #[test]
    fn a_long_message_is_cut_between_characters_and_says_what_is_missing() {
        for (character, n_fitting) in [("a", 4_096), ("é", 4_096), ("日", 4_096), ("🦀", 2_048)]
        {
            let fitting = character.repeat(n_fitting);
            assert_eq!(cut(&fitting), fitting, "{character}");
            let longer = character.repeat(n_fitting + 1);
            let shown = cut(&longer);
            assert!(
                shown.encode_utf16().count() <= LONGEST_MESSAGE,
                "{character}"
            );
            let n_kept = shown.matches(character).count() - usize::from(character == "a") * 2;
            let missing = format!(" … ({} more characters)", n_fitting + 1 - n_kept);
            assert!(shown.ends_with(&missing), "{character}: {missing}");
        }
    }
}
