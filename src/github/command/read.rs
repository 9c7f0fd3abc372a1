//! Reading the log of a step as a runner does.

use super::AnnotationLevel;

/// What a line of a step's log is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen {
    /// Text, and the title of the group in which it stands.
    Text {
        /// The open group.
        group: Option<String>,
        /// The line.
        text: String,
    },
    /// An annotation.
    Annotation {
        /// How it is marked.
        level: AnnotationLevel,
        /// Its title.
        title: Option<String>,
        /// Its message, which may have several lines.
        message: String,
    },
    /// A command that shows nothing by itself.
    Command,
}

/// Reads a log line by line: which of them are commands, which are text.
#[derive(Debug, Default)]
pub struct LogReader {
    stopped_by: Option<String>,
    group: Option<String>,
}

impl LogReader {
    /// Begins a step.
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads a line.
    pub fn line(&mut self, line: &str) -> Seen {
        let text = || Seen::Text {
            group: self.group.clone(),
            text: line.to_owned(),
        };
        let Some((name, properties, data)) = parsed(line) else {
            return text();
        };
        if let Some(token) = &self.stopped_by {
            if name != token {
                return text();
            }
            self.stopped_by = None;
            return Seen::Command;
        }
        let level = match name.to_ascii_lowercase().as_str() {
            "stop-commands" => {
                self.stopped_by = Some(unescaped(data));
                return Seen::Command;
            }
            "group" => {
                self.group = Some(unescaped(data));
                return Seen::Command;
            }
            "endgroup" => {
                self.group = None;
                return Seen::Command;
            }
            "add-mask" | "debug" | "echo" => return Seen::Command,
            "error" => AnnotationLevel::Error,
            "warning" => AnnotationLevel::Warning,
            "notice" => AnnotationLevel::Notice,
            _ => return text(),
        };
        let titles = properties
            .split(',')
            .filter_map(|pair| pair.split_once('='));
        let title = titles
            .filter(|(name, _)| name.trim().eq_ignore_ascii_case("title"))
            .map(|(_, value)| unescaped(value))
            .next();
        Seen::Annotation {
            level,
            title,
            message: unescaped(data),
        }
    }
}

/// Returns name, properties and data of a line of the form `::name key=value::data`.
fn parsed(line: &str) -> Option<(&str, &str, &str)> {
    let (head, data) = line.trim_start().strip_prefix("::")?.split_once("::")?;
    let (name, properties) = head.split_once(' ').unwrap_or((head, ""));
    Some((name, properties, data))
}

fn unescaped(text: &str) -> String {
    let lines = text.replace("%0D", "\r").replace("%0A", "\n");
    let signs = lines.replace("%3A", ":").replace("%2C", ",");
    signs.replace("%25", "%")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(group: Option<&str>, text: &str) -> Seen {
        Seen::Text {
            group: group.map(str::to_owned),
            text: text.to_owned(),
        }
    }

    #[test]
    fn commands_are_told_from_text() {
        let mut reader = LogReader::new();
        let mut read = |line: &str| reader.line(line);
        assert_eq!(read("a ::error::b"), text(None, "a ::error::b"));
        assert_eq!(read("::unknown::b"), text(None, "::unknown::b"));
        assert_eq!(read("::group::app%2C 50%25"), Seen::Command);
        assert_eq!(read("::stop-commands::t0ken"), Seen::Command);
        assert_eq!(read("::endgroup::"), text(Some("app, 50%"), "::endgroup::"));
        assert_eq!(read("::t0ken::"), Seen::Command);
        assert_eq!(read("::endgroup::"), Seen::Command);
        assert_eq!(
            read("  ::Error title=a%3Ab,file=x,line=1::one%0Atwo"),
            Seen::Annotation {
                level: AnnotationLevel::Error,
                title: Some("a:b".to_owned()),
                message: "one\ntwo".to_owned()
            }
        );
    }
}
