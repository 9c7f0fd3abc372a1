//! A reader of a step's log and files, as strict as GitHub's runner and in places stricter; it shares nothing with the program.

use std::collections::BTreeSet;

/// What a step said.
#[derive(Debug, Default)]
pub struct Runner {
    stopped_by: Option<String>,
    tokens: BTreeSet<String>,
    open: Option<(String, Vec<String>)>,
    closed: Vec<(String, Vec<String>)>,
    text: Vec<String>,
    masks: Vec<String>,
    annotations: Vec<Annotation>,
}

/// An annotation.
#[derive(Debug, PartialEq, Eq)]
pub struct Annotation {
    pub level: String,
    pub title: String,
    pub message: String,
    /// `FILE:LINE:COLUMN`, or nothing.
    pub place: String,
}

/// How many annotations of each level a runner keeps.
const MOST: usize = 10;

impl Runner {
    /// Reads a whole log, and holds it against the rules of the runner.
    #[track_caller]
    pub fn read(log: &str, secrets: &[&str]) -> Self {
        let mut runner = Self::default();
        for line in log.lines() {
            runner.line(line);
            let is_told = |secret: &&&str| line.contains(**secret);
            let told = secrets.iter().find(is_told);
            assert!(
                told.is_none() || line.starts_with("::add-mask::"),
                "{told:?} is told in {line:?}"
            );
        }
        assert_eq!(
            runner.stopped_by, None,
            "commands are still stopped:\n{log}"
        );
        assert_eq!(runner.open, None, "a group is still open:\n{log}");
        for level in ["error", "warning", "notice"] {
            let of_level = runner
                .annotations
                .iter()
                .filter(|found| found.level == level);
            assert!(of_level.count() <= MOST, "too many of {level}:\n{log}");
        }
        runner
    }

    fn line(&mut self, line: &str) {
        if let Some(token) = &self.stopped_by {
            if line == format!("::{token}::") {
                self.stopped_by = None;
            } else {
                self.say(line);
            }
            return;
        }
        let Some((name, properties, data)) = command(line) else {
            // The old form is read anywhere in a line.
            assert!(!line.contains("##["), "a text that is a command: {line:?}");
            self.say(line);
            return;
        };
        match name {
            "stop-commands" => {
                assert!(data.len() >= 32, "a token that can be guessed: {line}");
                assert!(self.tokens.insert(data.clone()), "a token again: {line}");
                self.stopped_by = Some(data);
            }
            "group" => {
                assert_eq!(self.open, None, "groups do not nest: {line}");
                self.open = Some((data, Vec::new()));
            }
            "endgroup" => self.closed.push(self.open.take().expect("a group is open")),
            "add-mask" => {
                assert!(data.trim().len() >= 4, "a mask over ordinary text: {line}");
                // What is computed from a secret becomes known in the course of the run.
                let said = || self.text.iter().chain(self.lines_of_groups());
                let is_late = said().any(|said| said.contains(&data));
                assert!(!is_late, "masked after it was said");
                self.masks.push(data);
            }
            "error" | "warning" | "notice" => {
                assert_eq!(self.open, None, "an annotation in a group: {line}");
                assert!(data.encode_utf16().count() <= 4_096, "too long: {line}");
                let value = |wanted: &str| {
                    let found = properties.iter().find(|(name, _)| name == wanted);
                    found.map(|(_, value)| value.clone()).unwrap_or_default()
                };
                let place = match value("file").as_str() {
                    "" => String::new(),
                    file => format!("{file}:{}:{}", value("line"), value("col")),
                };
                self.annotations.push(Annotation {
                    level: name.to_owned(),
                    title: value("title"),
                    message: data,
                    place,
                });
            }
            unknown => panic!("the runner knows no command `{unknown}`: {line}"),
        }
    }

    fn say(&mut self, line: &str) {
        match &mut self.open {
            Some((_, lines)) => lines.push(line.to_owned()),
            None => self.text.push(line.to_owned()),
        }
    }

    fn lines_of_groups(&self) -> impl Iterator<Item = &String> {
        self.closed
            .iter()
            .chain(&self.open)
            .flat_map(|(_, lines)| lines)
    }

    /// The groups with their lines.
    pub fn groups(&self) -> impl Iterator<Item = (&str, &[String])> {
        let groups = self.closed.iter();
        groups.map(|(title, lines)| (title.as_str(), lines.as_slice()))
    }

    /// The lines of the groups of a task, those that continue it included.
    pub fn group(&self, task: &str) -> Vec<&str> {
        let of_task = |title: &str| title == task || title == format!("{task}, continued");
        let groups = self.groups().filter(|(title, _)| of_task(title));
        groups
            .flat_map(|(_, lines)| lines.iter().map(String::as_str))
            .collect()
    }

    /// Lines outside of groups that begin so.
    pub fn text_of(&self, beginning: &str) -> Vec<&String> {
        let lines = self.text.iter();
        lines.filter(|line| line.starts_with(beginning)).collect()
    }

    pub fn masks(&self) -> &[String] {
        &self.masks
    }

    pub fn annotations(&self) -> &[Annotation] {
        &self.annotations
    }
}

type Command<'l> = (&'l str, Vec<(String, String)>, String);

fn command(line: &str) -> Option<Command<'_>> {
    let rest = line.trim_start().strip_prefix("::")?;
    let (head, data) = rest.split_once("::")?;
    let (name, properties) = head.split_once(' ').unwrap_or((head, ""));
    let pairs = properties
        .split(',')
        .filter_map(|pair| pair.split_once('='));
    let pairs = pairs.map(|(name, value)| {
        let value = value.replace("%3A", ":").replace("%2C", ",");
        (name.to_owned(), unescaped(&value))
    });
    Some((name, pairs.collect(), unescaped(data)))
}

fn unescaped(text: &str) -> String {
    let text = text.replace("%0D", "\r").replace("%0A", "\n");
    text.replace("%25", "%")
}

/// Reads a file of outputs, byte for byte: nothing but `NAME<<DELIMITER`, one value, `DELIMITER`.
#[track_caller]
pub fn outputs(file: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut rest = file;
    while !rest.is_empty() {
        let (head, behind) = rest.split_once('\n').expect("a line");
        let (name, delimiter) = head.split_once("<<").expect("a delimiter");
        let random = delimiter.strip_prefix("ghadelimiter_").expect("its prefix");
        let is_hex = random.bytes().all(|byte| byte.is_ascii_hexdigit());
        assert!(is_hex && random.len() == 32, "{head}");
        let end = format!("\n{delimiter}\n");
        let (value, behind) = behind.split_once(&end).expect("its end");
        assert!(!value.contains(delimiter), "{head}");
        found.push((name.to_owned(), value.to_owned()));
        rest = behind;
    }
    found
}
