//! Reading rules and flavor.

use std::collections::BTreeMap;

use crate::{event::FailureKind, image::tags::template::Template};

/// What applies where no rule is written.
const DEFAULT_RULES: &str =
    "type=schedule\ntype=ref,event=branch\ntype=ref,event=tag\ntype=ref,event=pr";

/// Rules for tags, and the flavor that goes for all of them.
#[derive(Debug, Clone)]
pub struct TagRules {
    /// Highest priority first; equal ones as written.
    pub(super) rules: Vec<Rule>,
    pub(super) flavor: Flavor,
}

/// What is wrong with rules, or with what they come to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("tag rule `{rule}`: {because}")]
pub struct TagRulesError {
    rule: String,
    because: String,
}

impl TagRulesError {
    pub(super) fn new(rule: &str, because: impl Into<String>) -> Self {
        Self {
            rule: rule.to_owned(),
            because: because.into(),
        }
    }

    /// Classifies the failure: rules are the plan's.
    pub fn kind(&self) -> FailureKind {
        FailureKind::Invalid
    }

    /// Says what to do next.
    pub fn hint(&self) -> Option<String> {
        Some("rules are lines of docker/metadata-action, such as `type=semver,pattern={{version}}` or `type=sha`".to_owned())
    }
}

/// One line.
#[derive(Debug, Clone)]
pub(super) struct Rule {
    /// As written, for messages.
    pub(super) text: String,
    pub(super) source: Source,
    pub(super) enable: Template,
    /// Instead of the flavor's, also where it is empty.
    pub(super) prefix: Option<Template>,
    pub(super) suffix: Option<Template>,
    priority: f64,
}

/// Where a tag's text comes from.
#[derive(Debug, Clone)]
pub(super) enum Source {
    Schedule {
        pattern: Template,
    },
    Semver(Versioned),
    Pep440(Versioned),
    Match {
        pattern: regex::Regex,
        group: usize,
        value: Option<Template>,
    },
    Edge {
        branch: Option<String>,
    },
    Branch,
    Tag,
    PullRequest,
    Raw {
        value: Template,
    },
    ShortSha,
    LongSha,
}

/// A version, from the tag of git or from a value.
#[derive(Debug, Clone)]
pub(super) struct Versioned {
    pub(super) pattern: Template,
    pub(super) value: Option<Template>,
    pub(super) matching: Option<regex::Regex>,
}

/// What goes for all rules.
#[derive(Debug, Clone, Default)]
pub(super) struct Flavor {
    /// `None` where the first rule decides.
    pub(super) latest: Option<bool>,
    pub(super) prefix: Affix,
    pub(super) suffix: Affix,
}

/// A text before or after each tag.
#[derive(Debug, Clone, Default)]
pub(super) struct Affix {
    pub(super) text: Template,
    pub(super) on_latest: bool,
}

impl TagRules {
    /// Reads rules, one a line, and the flavor's lines. Without a rule, those of the original apply: the schedule's name, the
    /// branch, the tag, the pull request.
    ///
    /// # Errors
    /// At the first line that is malformed, of an unknown type, or lacks what its type needs.
    pub fn parse(rules: &str, flavor: &str) -> Result<Self, TagRulesError> {
        let rules = match lines(rules).next() {
            Some(_) => rules,
            None => DEFAULT_RULES,
        };
        let mut rules: Vec<_> = lines(rules).map(Rule::parse).collect::<Result<_, _>>()?;
        rules.sort_by(|one, other| other.priority.total_cmp(&one.priority));
        Ok(Self {
            rules,
            flavor: Flavor::parse(flavor)?,
        })
    }
}

fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
}

impl Rule {
    fn parse(line: &str) -> Result<Self, TagRulesError> {
        let mut attributes = Attributes::read(line)?;
        let kind = attributes.take("type").unwrap_or_else(|| "raw".to_owned());
        let (source, priority, prefix) = attributes.source(&kind)?;
        let given_prefix = attributes.template("prefix")?;
        let priority = match attributes.take("priority") {
            None => priority,
            Some(text) => text
                .parse()
                .map_err(|_| attributes.wrong(format!("its priority `{text}` is no number")))?,
        };
        Ok(Self {
            enable: attributes
                .template("enable")?
                .unwrap_or_else(|| Template::literal("true")),
            prefix: given_prefix.or_else(|| prefix.map(Template::literal)),
            suffix: attributes.template("suffix")?,
            text: line.to_owned(),
            source,
            priority,
        })
    }
}

struct Attributes<'l> {
    line: &'l str,
    found: BTreeMap<String, String>,
}

impl<'l> Attributes<'l> {
    fn read(line: &'l str) -> Result<Self, TagRulesError> {
        let mut found = BTreeMap::new();
        for field in
            fields(line).ok_or_else(|| TagRulesError::new(line, "a quote is not closed"))?
        {
            match field.split_once('=') {
                Some((key, value)) => {
                    found.insert(key.trim().to_lowercase(), value.trim().to_owned())
                }
                None => found.insert("value".to_owned(), field.trim().to_owned()),
            };
        }
        Ok(Self { line, found })
    }

    fn wrong(&self, because: impl Into<String>) -> TagRulesError {
        TagRulesError::new(self.line, because)
    }

    fn take(&mut self, key: &str) -> Option<String> {
        self.found.remove(key)
    }

    fn template(&mut self, key: &str) -> Result<Option<Template>, TagRulesError> {
        let text = self.take(key);
        text.map(|text| Template::parse(&text).map_err(|because| self.wrong(because)))
            .transpose()
    }

    /// An empty value is none.
    fn value(&mut self) -> Result<Option<Template>, TagRulesError> {
        if self.found.get("value").is_some_and(String::is_empty) {
            self.found.remove("value");
        }
        self.template("value")
    }

    fn needed(&mut self, key: &str) -> Result<String, TagRulesError> {
        let value = self.take(key).filter(|value| !value.is_empty());
        value.ok_or_else(|| self.wrong(format!("it has no `{key}`")))
    }

    fn regex(&self, text: &str) -> Result<regex::Regex, TagRulesError> {
        // `/pattern/flags`, as JavaScript writes it; `g` means nothing for one match.
        let (pattern, flags) = match text
            .strip_prefix('/')
            .and_then(|text| text.rsplit_once('/'))
        {
            Some((pattern, flags)) if flags.bytes().all(|flag| b"dgimsuvy".contains(&flag)) => {
                (pattern, flags)
            }
            _ => (text, ""),
        };
        regex::RegexBuilder::new(pattern)
            .case_insensitive(flags.contains('i'))
            .multi_line(flags.contains('m'))
            .dot_matches_new_line(flags.contains('s'))
            .build()
            .map_err(|problem| self.wrong(problem.to_string()))
    }

    fn versioned(&mut self) -> Result<Versioned, TagRulesError> {
        let pattern = self.needed("pattern")?;
        let matching = self.take("match").filter(|text| !text.is_empty());
        let matching = matching.map(|text| self.regex(&text)).transpose()?;
        if matching
            .as_ref()
            .is_some_and(|regex| regex.captures_len() < 2)
        {
            return Err(self.wrong("its `match` has no group; expected one such as `v(.*)`"));
        }
        Ok(Versioned {
            pattern: Template::parse(&pattern).map_err(|because| self.wrong(because))?,
            value: self.value()?,
            matching,
        })
    }

    /// Returns the source, the priority of its type and the prefix of its type.
    fn source(&mut self, kind: &str) -> Result<(Source, f64, Option<&'static str>), TagRulesError> {
        Ok(match kind {
            "schedule" => {
                let pattern = self
                    .template("pattern")?
                    .unwrap_or_else(|| Template::literal("nightly"));
                (Source::Schedule { pattern }, 1000.0, None)
            }
            "semver" => (Source::Semver(self.versioned()?), 900.0, None),
            "pep440" => (Source::Pep440(self.versioned()?), 900.0, None),
            "match" => (self.matching()?, 800.0, None),
            "edge" => {
                let branch = self.take("branch").filter(|branch| !branch.is_empty());
                (Source::Edge { branch }, 700.0, None)
            }
            "ref" => match self.needed("event")?.as_str() {
                "branch" => (Source::Branch, 600.0, None),
                "tag" => (Source::Tag, 600.0, None),
                "pr" => (Source::PullRequest, 600.0, Some("pr-")),
                other => {
                    return Err(self.wrong(format!(
                        "unknown event `{other}`; expected branch, tag or pr"
                    )));
                }
            },
            "raw" => {
                let value = self
                    .value()?
                    .ok_or_else(|| self.wrong("it has no `value`"))?;
                (Source::Raw { value }, 200.0, None)
            }
            "sha" => match self.take("format").as_deref() {
                None | Some("short") => (Source::ShortSha, 100.0, Some("sha-")),
                Some("long") => (Source::LongSha, 100.0, Some("sha-")),
                Some(other) => {
                    return Err(
                        self.wrong(format!("unknown format `{other}`; expected short or long"))
                    );
                }
            },
            other => {
                return Err(self.wrong(format!(
                    "unknown type `{other}`; expected schedule, semver, pep440, match, edge, ref, raw or sha"
                )));
            }
        })
    }

    fn matching(&mut self) -> Result<Source, TagRulesError> {
        let pattern = self.needed("pattern")?;
        let group = match self.take("group") {
            None => 0,
            Some(text) => text
                .parse()
                .map_err(|_| self.wrong(format!("its group `{text}` is no number")))?,
        };
        Ok(Source::Match {
            pattern: self.regex(&pattern)?,
            group,
            value: self.value()?,
        })
    }
}

impl Flavor {
    fn parse(text: &str) -> Result<Self, TagRulesError> {
        let mut flavor = Self::default();
        for line in lines(text) {
            let wrong = |because: String| TagRulesError::new(line, because);
            let mut last: Option<bool> = None;
            for field in fields(line).ok_or_else(|| wrong("a quote is not closed".to_owned()))? {
                let (key, value) = field
                    .split_once('=')
                    .ok_or_else(|| wrong(format!("`{field}` is no part of a flavor")))?;
                let value = value.trim();
                let template = || Template::parse(value).map_err(&wrong);
                match (key.trim().to_lowercase().as_str(), last) {
                    ("latest", _) => flavor.latest = read_latest(value).map_err(&wrong)?,
                    ("prefix", _) => {
                        flavor.prefix.text = template()?;
                        last = Some(true);
                    }
                    ("suffix", _) => {
                        flavor.suffix.text = template()?;
                        last = Some(false);
                    }
                    ("onlatest", Some(of_prefix)) => {
                        let on_latest = read_bool(value).map_err(&wrong)?;
                        let affix = if of_prefix {
                            &mut flavor.prefix
                        } else {
                            &mut flavor.suffix
                        };
                        affix.on_latest = on_latest;
                    }
                    _ => return Err(wrong(format!("`{field}` is no part of a flavor"))),
                }
            }
        }
        Ok(flavor)
    }
}

fn read_latest(text: &str) -> Result<Option<bool>, String> {
    match text {
        "auto" => Ok(None),
        other => read_bool(other)
            .map(Some)
            .map_err(|_| format!("unknown `latest={other}`; expected auto, true or false")),
    }
}

pub(super) fn read_bool(text: &str) -> Result<bool, String> {
    match text {
        "true" => Ok(true),
        "false" => Ok(false),
        other => Err(format!("`{other}` is neither true nor false")),
    }
}

/// Splits a record of comma-separated values; a quote protects commas, two of them are one. `None` if a quote stays open.
fn fields(line: &str) -> Option<Vec<String>> {
    let mut fields = Vec::new();
    let mut field = String::new();
    let mut quoted = false;
    let mut characters = line.chars().peekable();
    while let Some(c) = characters.next() {
        match c {
            '"' if quoted && characters.peek() == Some(&'"') => {
                characters.next();
                field.push('"');
            }
            '"' if quoted => quoted = false,
            '"' if field.trim().is_empty() => {
                field.clear();
                quoted = true;
            }
            ',' if !quoted => fields.push(std::mem::take(&mut field)),
            c => field.push(c),
        }
    }
    fields.push(field);
    (!quoted).then_some(fields)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_with_a_rule_is_said() {
        for (rules, flavor, because) in [
            ("type=nope", "", "unknown type `nope`"),
            ("type=semver", "", "it has no `pattern`"),
            ("type=match,pattern=(", "", "unclosed group"),
            (
                "type=match,pattern=x,group=one",
                "",
                "group `one` is no number",
            ),
            (
                "type=semver,pattern={{version}},match=v.*",
                "",
                "has no group",
            ),
            ("type=ref", "", "it has no `event`"),
            ("type=ref,event=push", "", "unknown event `push`"),
            ("type=raw,value=", "", "it has no `value`"),
            ("type=sha,format=tiny", "", "unknown format `tiny`"),
            ("type=raw,\"value=x", "", "a quote is not closed"),
            ("type=raw,value={{nope}}", "", "unknown `{{nope}}`"),
            ("type=raw,value={{branch", "", "is not closed"),
            (
                "type=raw,x,priority=high",
                "",
                "priority `high` is no number",
            ),
            ("", "latest=maybe", "expected auto, true or false"),
            ("", "onlatest=true", "is no part of a flavor"),
            ("", "x", "is no part of a flavor"),
        ] {
            let problem = TagRules::parse(rules, flavor).expect_err(rules).to_string();
            assert!(problem.contains(because), "{rules} {flavor}: {problem}");
        }
    }

    #[test]
    fn a_record_keeps_what_quotes_protect() {
        let read = |line: &str| fields(line).expect("closed quotes");
        assert_eq!(
            read(r#"type=match,"pattern=\d{1,2}""#),
            ["type=match", r"pattern=\d{1,2}"]
        );
        assert_eq!(read(r#"a, "b ""c"" ,d" ,"#), ["a", r#"b "c" ,d "#, ""]);
    }
}
