//! Labels and annotations: what the original says of every image, and lines `NAME=VALUE`.

use std::{cmp::Ordering, collections::BTreeMap};

use jiff::Timestamp;

use super::{
    dialect::Dialect,
    event::GitFacts,
    lines::lines,
    problem::{TagInput, TagProblem, TagRulesError},
    produce::Context,
    template::Template,
};

/// What GitHub says of a repository, for labels.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ImageTitle {
    /// Its name, without the owner.
    pub name: String,
    /// In one sentence.
    pub description: String,
    /// Its page.
    pub url: String,
    /// Its licence, as SPDX names it.
    pub license: String,
}

impl ImageTitle {
    /// Returns the labels that the original puts on every image.
    pub fn labels(
        &self,
        version: Option<&str>,
        facts: &GitFacts,
        now: Timestamp,
    ) -> Vec<(String, String)> {
        let created = now.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string();
        let pairs = [
            ("title", self.name.as_str()),
            ("description", &self.description),
            ("url", &self.url),
            ("source", &self.url),
            ("version", version.unwrap_or_default()),
            ("created", &created),
            ("revision", &facts.sha),
            ("licenses", &self.license),
        ];
        let named = |(name, value): (&str, &str)| {
            (format!("org.opencontainers.image.{name}"), value.to_owned())
        };
        pairs.map(named).to_vec()
    }
}

/// Labels or annotations by name, in the original's order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Labels {
    pairs: Vec<(String, String)>,
    /// What people should know.
    pub warnings: Vec<String>,
}

impl Labels {
    /// Returns names and values.
    pub fn pairs(&self) -> &[(String, String)] {
        &self.pairs
    }

    /// Returns lines `NAME=VALUE`.
    pub fn lines(&self) -> Vec<String> {
        let pairs = self.pairs.iter();
        pairs
            .map(|(name, value)| format!("{name}={value}"))
            .collect()
    }
}

/// Lines `NAME=VALUE` with `{{…}}` in them.
#[derive(Debug, Clone)]
pub struct LabelLines {
    dialect: Dialect,
    lines: Vec<LabelLine>,
    /// The same lines as the original reads them.
    original: Option<Box<Result<LabelLines, TagRulesError>>>,
}

#[derive(Debug, Clone)]
struct LabelLine {
    place: TagProblem,
    template: Template,
}

impl LabelLines {
    /// Reads lines of labels or annotations.
    ///
    /// # Errors
    /// With every line whose `{{…}}` is malformed or unknown.
    pub fn parse(input: TagInput, text: &str) -> Result<Self, TagRulesError> {
        let mut read = Self::parse_as(Dialect::Ours, input, text)?;
        read.original = Some(Box::new(Self::parse_as(Dialect::Docker, input, text)));
        Ok(read)
    }

    /// Reads lines in a dialect. Only [`Self::parse`] knows where the original would answer otherwise.
    ///
    /// # Errors
    /// As [`Self::parse`].
    pub fn parse_as(dialect: Dialect, input: TagInput, text: &str) -> Result<Self, TagRulesError> {
        let mut read = Vec::new();
        let mut problems = Vec::new();
        for line in lines(input, text) {
            match Template::parse(line.text, dialect) {
                Ok(template) => read.push(LabelLine {
                    place: line.wrong(""),
                    template,
                }),
                Err(because) => problems.push(line.wrong(because)),
            }
        }
        match problems.is_empty() {
            true => Ok(Self {
                dialect,
                lines: read,
                original: None,
            }),
            false => Err(TagRulesError::new(problems)),
        }
    }

    /// Adds the lines to labels that are there; a later one of the same name wins.
    ///
    /// # Errors
    /// With every line that has an unknown time zone.
    pub fn labels(
        &self,
        given: &[(String, String)],
        facts: &GitFacts,
        now: Timestamp,
    ) -> Result<Labels, TagRulesError> {
        let mut labels = self.apply(given, facts, now)?;
        if let Some(Ok(original)) = self.original.as_deref() {
            match original.apply(given, facts, now) {
                Ok(other) => labels.compare(&other),
                Err(error) => labels
                    .warnings
                    .push(format!("docker/metadata-action would fail: {error}")),
            }
        }
        Ok(labels)
    }

    fn apply(
        &self,
        given: &[(String, String)],
        facts: &GitFacts,
        now: Timestamp,
    ) -> Result<Labels, TagRulesError> {
        let context = Context::new(self.dialect, facts, now);
        let mut pairs: BTreeMap<String, String> = given.iter().cloned().collect();
        let mut warnings = Vec::new();
        let mut problems = Vec::new();
        for LabelLine { place, template } in &self.lines {
            let text = match template.render(&context.values) {
                Ok(text) => text,
                Err(because) => {
                    problems.push(TagProblem {
                        because,
                        ..place.clone()
                    });
                    continue;
                }
            };
            match (text.split_once('='), self.dialect) {
                (Some((name, value)), Dialect::Docker) => {
                    pairs.insert(name.to_owned(), value.to_owned());
                }
                (Some((name, value)), Dialect::Ours) if !name.trim().is_empty() => {
                    pairs.insert(name.trim().to_owned(), value.trim().to_owned());
                }
                (None, Dialect::Docker) => {}
                (_, Dialect::Ours) => warnings.push(
                    TagProblem {
                        because: "it is left out; expected `NAME=VALUE`".to_owned(),
                        ..place.clone()
                    }
                    .to_string(),
                ),
            }
        }
        if !problems.is_empty() {
            return Err(TagRulesError::new(problems));
        }
        let mut pairs: Vec<(String, String)> = pairs.into_iter().collect();
        pairs.sort_by(|one, other| collate(&one.0, &other.0));
        Ok(Labels { pairs, warnings })
    }
}

impl Labels {
    fn compare(&mut self, original: &Self) {
        let value = |labels: &Self, name: &str| {
            let pairs = labels.pairs.iter();
            let mut found = pairs.filter(|(other, _)| other == name);
            found.next().map(|(_, value)| value.clone())
        };
        for (name, own) in &self.pairs {
            let difference = match value(original, name) {
                Some(other) if other == *own => continue,
                Some(other) => format!("makes it `{other}`"),
                None => "has none of this name".to_owned(),
            };
            self.warnings.push(format!(
                "`{name}` is `{own}`, where docker/metadata-action {difference}"
            ));
        }
    }
}

/// Where an annotation stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnnotationLevel(String);

impl AnnotationLevel {
    /// Reads a list such as `manifest,index`, as `DOCKER_METADATA_ANNOTATIONS_LEVELS` holds it.
    ///
    /// # Errors
    /// If one is none. The original takes any word.
    pub fn list(dialect: Dialect, text: &str) -> Result<Vec<Self>, String> {
        const LEVELS: [&str; 4] = [
            "manifest",
            "index",
            "manifest-descriptor",
            "index-descriptor",
        ];
        let levels = text.split(',').map(|level| {
            let level = match dialect {
                Dialect::Docker => level,
                Dialect::Ours => level.trim(),
            };
            // `manifest[linux/amd64]` is that of one platform.
            let kind = level.split('[').next().unwrap_or(level);
            match dialect == Dialect::Docker || LEVELS.contains(&kind) {
                true => Ok(Self(level.to_owned())),
                false => Err(format!(
                    "unknown level `{level}` of annotations; expected some of {}",
                    LEVELS.join(", ")
                )),
            }
        });
        levels.collect()
    }

    /// Returns annotations as `LEVEL:NAME=VALUE`, all of one level before those of the next.
    pub fn lines(levels: &[Self], annotations: &Labels) -> Vec<String> {
        let lines = annotations.lines();
        let of = |level: &Self| -> Vec<String> {
            let lines = lines.iter();
            lines.map(|line| format!("{}:{line}", level.0)).collect()
        };
        levels.iter().flat_map(of).collect()
    }
}

/// The order of names in the original, which is that of dictionaries: signs, digits, letters; a small one before its capital.
fn collate(one: &str, other: &str) -> Ordering {
    const SIGNS: &str = "_-,;:!?.'\"()[]{}@*/\\&#%`^+<=>|~$";
    let weight = |sign: char| match SIGNS.find(sign) {
        Some(at) => (0, at as u32),
        None if sign.is_ascii_digit() => (1, u32::from(sign)),
        None => (2, u32::from(sign.to_ascii_lowercase())),
    };
    let primary = one.chars().map(weight).cmp(other.chars().map(weight));
    let capitals =
        |text: &str| -> Vec<bool> { text.chars().map(|sign| sign.is_ascii_uppercase()).collect() };
    primary
        .then_with(|| capitals(one).cmp(&capitals(other)))
        .then_with(|| one.cmp(other))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(dialect: Option<Dialect>, text: &str) -> Labels {
        let facts = GitFacts {
            git_ref: "refs/heads/a&b".to_owned(),
            ..GitFacts::default()
        };
        let lines = match dialect {
            None => LabelLines::parse(TagInput::Labels, text),
            Some(dialect) => LabelLines::parse_as(dialect, TagInput::Labels, text),
        };
        let given = [("b".to_owned(), "given".to_owned())];
        let now = "2020-01-10T00:30:00Z".parse().expect("a time");
        lines
            .and_then(|lines| lines.labels(&given, &facts, now))
            .expect("labels")
    }

    #[test]
    fn a_later_label_wins_and_a_value_may_hold_the_sign() {
        let found = labels(None, "# no\na=x=y\nb=\nc={{branch}}");
        assert_eq!(found.lines(), ["a=x=y", "b=", "c=a&b"]);
        assert_eq!(
            found.warnings,
            ["`c` is `a&b`, where docker/metadata-action makes it `a&amp;b`"]
        );
    }

    #[test]
    fn a_line_without_the_sign_is_left_out_and_ours_says_so() {
        assert_eq!(
            labels(Some(Dialect::Docker), "invalid\na=1").lines(),
            ["a=1", "b=given"]
        );
        let ours = labels(None, "a=1\ninvalid");
        assert_eq!(ours.lines(), ["a=1", "b=given"]);
        assert_eq!(
            ours.warnings,
            ["labels, line 2, `invalid`: it is left out; expected `NAME=VALUE`"]
        );
    }

    #[test]
    fn names_are_sorted_as_in_a_dictionary() {
        let mut names = [
            "org.b",
            "Maintainer",
            "org-a",
            "maintainer",
            "a1",
            "aB",
            "ab",
            "a_",
        ];
        names.sort_by(|one, other| collate(one, other));
        assert_eq!(
            names,
            [
                "a_",
                "a1",
                "ab",
                "aB",
                "maintainer",
                "Maintainer",
                "org-a",
                "org.b"
            ]
        );
    }

    #[test]
    fn levels_are_those_of_buildx() {
        let list = |dialect, text: &str| AnnotationLevel::list(dialect, text);
        assert_eq!(
            list(Dialect::Ours, "index, manifest[linux/amd64]").map(|list| list.len()),
            Ok(2)
        );
        assert!(list(Dialect::Ours, "manifest,image").is_err());
        assert!(list(Dialect::Docker, "manifest,image").is_ok());
    }
}
