//! Reading rules.

use super::{
    dialect::Dialect,
    flavor::Flavor,
    lines::{Attributes, Line, lines},
    pattern::Pattern,
    problem::{TagInput, TagProblem, TagRulesError},
    template::Template,
};

/// What applies where no rule is written.
const DEFAULT_RULES: &str =
    "type=schedule\ntype=ref,event=branch\ntype=ref,event=tag\ntype=ref,event=pr";

/// Attributes that some type takes; those that a type does not take do nothing there.
const KNOWN: [&str; 13] = [
    "branch",
    "component",
    "enable",
    "event",
    "format",
    "group",
    "match",
    "pattern",
    "prefix",
    "priority",
    "suffix",
    "type",
    "value",
];

/// Rules for tags, and the flavor that goes for all of them.
#[derive(Debug, Clone)]
pub struct TagRules {
    pub(super) dialect: Dialect,
    /// Highest priority first; equal ones as written.
    pub(super) rules: Vec<Rule>,
    pub(super) flavor: Flavor,
    /// The same lines as the original reads them, or why it would refuse them; only beside our own reading.
    pub(super) original: Option<Box<Result<TagRules, TagRulesError>>>,
}

/// One line.
#[derive(Debug, Clone)]
pub(super) struct Rule {
    /// In the list, from 1; 0 for a default rule.
    pub(super) line: usize,
    /// As written, for messages.
    pub(super) text: String,
    pub(super) source: Source,
    pub(super) enable: Template,
    /// Instead of the flavor's, also where it is empty.
    pub(super) prefix: Option<Template>,
    pub(super) suffix: Option<Template>,
    /// Tags of git are about this part of the repository: `NAME/v1.2.3`.
    pub(super) component: Option<String>,
    /// Attributes that do nothing.
    pub(super) unknown: Vec<String>,
    priority: f64,
}

impl Rule {
    pub(super) fn wrong(&self, because: impl Into<String>) -> TagProblem {
        TagProblem {
            input: TagInput::Tags,
            line: self.line,
            text: self.text.clone(),
            because: because.into(),
        }
    }

    /// Names the rule in a warning.
    pub(super) fn place(&self) -> String {
        match self.line {
            0 => format!("`{}`", self.text),
            line => format!("line {line}, `{}`", self.text),
        }
    }
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
        pattern: Pattern,
        /// `None` where no group can have the number, in the original's reading.
        group: Option<usize>,
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
    pub(super) matching: Option<Pattern>,
}

impl TagRules {
    /// Reads rules, one a line, and the flavor's lines. Without a rule, those of the original apply: the schedule's name, the
    /// branch, the tag, the pull request.
    ///
    /// # Errors
    /// With every line that is malformed, of an unknown type, or lacks what its type needs.
    pub fn parse(rules: &str, flavor: &str) -> Result<Self, TagRulesError> {
        let mut read = Self::parse_as(Dialect::Ours, rules, flavor)?;
        read.original = Some(Box::new(Self::parse_as(Dialect::Docker, rules, flavor)));
        Ok(read)
    }

    /// Reads rules in a dialect. Only [`Self::parse`] knows where the original would answer otherwise.
    ///
    /// # Errors
    /// As [`Self::parse`].
    pub fn parse_as(dialect: Dialect, rules: &str, flavor: &str) -> Result<Self, TagRulesError> {
        let is_default = lines(TagInput::Tags, rules).next().is_none();
        let rules = if is_default { DEFAULT_RULES } else { rules };
        let mut problems = Vec::new();
        let mut read = Vec::new();
        for line in lines(TagInput::Tags, rules) {
            match Rule::parse(line, dialect) {
                Ok(rule) => read.push(rule),
                Err(problem) => problems.push(problem),
            }
        }
        if is_default {
            for rule in &mut read {
                rule.line = 0;
            }
        }
        sort(&mut read);
        match Flavor::parse(flavor, dialect) {
            Ok(flavor) if problems.is_empty() => Ok(Self {
                dialect,
                rules: read,
                flavor,
                original: None,
            }),
            Ok(_) => Err(TagRulesError::new(problems)),
            Err(others) => {
                problems.extend(others);
                Err(TagRulesError::new(problems))
            }
        }
    }
}

/// Sorts by priority, highest first. What is no number compares with nothing, which a sort of the library may refuse.
fn sort(rules: &mut [Rule]) {
    for end in 1..rules.len() {
        let mut at = end;
        while at > 0 && rules[at - 1].priority < rules[at].priority {
            rules.swap(at - 1, at);
            at -= 1;
        }
    }
}

impl Rule {
    fn parse(line: Line<'_>, dialect: Dialect) -> Result<Self, TagProblem> {
        let mut reader = Reader {
            attributes: Attributes::read(line)?,
            dialect,
        };
        let kind = reader.attributes.take("type");
        let kind = kind.unwrap_or_else(|| "raw".to_owned());
        let (source, priority, prefix) = reader.source(&kind)?;
        let given_prefix = reader.template("prefix")?;
        let enable = reader.template("enable")?;
        let suffix = reader.template("suffix")?;
        let priority = reader.priority(priority)?;
        let component = reader.component(&source)?;
        let text = line.text.to_owned();
        Ok(Self {
            line: line.number,
            enable: enable.unwrap_or_else(|| Template::literal("true")),
            prefix: given_prefix.or_else(|| prefix.map(Template::literal)),
            suffix,
            component,
            unknown: reader.attributes.rest(),
            text,
            source,
            priority,
        })
    }

    /// Says which attributes do nothing, and what was meant.
    pub(super) fn idle(&self) -> impl Iterator<Item = String> {
        self.unknown.iter().map(|name| {
            let near = KNOWN
                .iter()
                .filter(|known| strsim::damerau_levenshtein(known, name) <= 2);
            let near = near.min_by_key(|known| strsim::damerau_levenshtein(known, name));
            let hint = match near {
                Some(near) if near == name => String::new(),
                Some(near) => format!("; did you mean `{near}`?"),
                None => String::new(),
            };
            format!("{}: `{name}` does nothing here{hint}", self.place())
        })
    }
}

/// The attributes of a rule, on their way to its parts.
struct Reader<'l> {
    attributes: Attributes<'l>,
    dialect: Dialect,
}

impl Reader<'_> {
    fn wrong(&self, because: impl Into<String>) -> TagProblem {
        self.attributes.wrong(because)
    }

    fn template_of(&self, text: &str) -> Result<Template, TagProblem> {
        Template::parse(text, self.dialect).map_err(|because| self.wrong(because))
    }

    fn template(&mut self, key: &str) -> Result<Option<Template>, TagProblem> {
        let text = self.attributes.take(key);
        text.map(|text| self.template_of(&text)).transpose()
    }

    /// Returns what the type needs. The original asks only whether it is there.
    fn needed(&mut self, key: &str) -> Result<String, TagProblem> {
        match self.dialect {
            Dialect::Ours => self.attributes.take_filled(key),
            Dialect::Docker => self.attributes.take(key),
        }
        .ok_or_else(|| self.wrong(format!("it has no `{key}`")))
    }

    /// An empty value is none.
    fn value(&mut self) -> Result<Option<Template>, TagProblem> {
        let text = self.attributes.take_filled("value");
        text.map(|text| self.template_of(&text)).transpose()
    }

    fn pattern(&self, text: &str) -> Result<Pattern, TagProblem> {
        Pattern::parse(text).map_err(|because| self.wrong(because))
    }

    fn priority(&mut self, usual: f64) -> Result<f64, TagProblem> {
        let Some(text) = self.attributes.take("priority") else {
            return Ok(usual);
        };
        let number = number_of_javascript(&text);
        let is_good = number.is_finite() && !text.is_empty();
        match (self.dialect, is_good) {
            (Dialect::Docker, _) | (Dialect::Ours, true) => Ok(number),
            (Dialect::Ours, false) => {
                Err(self.wrong(format!("its priority `{text}` is no number")))
            }
        }
    }

    /// The original has no such attribute: it keeps and ignores it.
    fn component(&mut self, source: &Source) -> Result<Option<String>, TagProblem> {
        if self.dialect == Dialect::Docker {
            return Ok(None);
        }
        let takes = matches!(
            source,
            Source::Semver(_) | Source::Pep440(_) | Source::Match { .. } | Source::Tag
        );
        let Some(component) = self.attributes.take("component").filter(|_| takes) else {
            return Ok(None);
        };
        let component = component.trim_end_matches('/').to_owned();
        match component.is_empty() {
            true => Err(self.wrong("its `component` is empty; expected what stands before the version in tags of git, as `api` in `api/v1.2.3`")),
            false => Ok(Some(component)),
        }
    }

    fn versioned(&mut self) -> Result<Versioned, TagProblem> {
        let pattern = self.needed("pattern")?;
        let matching = self.attributes.take_filled("match");
        let matching = matching.map(|text| self.pattern(&text)).transpose()?;
        if matching.as_ref().is_some_and(|regex| !regex.has_group()) {
            return Err(self.wrong("its `match` has no group; expected one such as `v(.*)`"));
        }
        Ok(Versioned {
            pattern: self.template_of(&pattern)?,
            value: self.value()?,
            matching,
        })
    }

    /// Returns the source, the priority of its type and the prefix of its type.
    fn source(&mut self, kind: &str) -> Result<(Source, f64, Option<&'static str>), TagProblem> {
        Ok(match kind {
            "schedule" => {
                let pattern = self.template("pattern")?;
                let pattern = pattern.unwrap_or_else(|| Template::literal("nightly"));
                (Source::Schedule { pattern }, 1000.0, None)
            }
            "semver" => (Source::Semver(self.versioned()?), 900.0, None),
            "pep440" => (Source::Pep440(self.versioned()?), 900.0, None),
            "match" => (self.matching()?, 800.0, None),
            "edge" => {
                let branch = self.attributes.take_filled("branch");
                (Source::Edge { branch }, 700.0, None)
            }
            "ref" => {
                let (source, prefix) = self.reference()?;
                (source, 600.0, prefix)
            }
            "raw" => {
                // An empty one is what an expression came to, and gives no tag.
                let value = self.template("value")?;
                let value = value.ok_or_else(|| self.wrong("it has no `value`"))?;
                (Source::Raw { value }, 200.0, None)
            }
            "sha" => match self.attributes.take("format").as_deref() {
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

    fn reference(&mut self) -> Result<(Source, Option<&'static str>), TagProblem> {
        match self.needed("event")?.as_str() {
            "branch" => Ok((Source::Branch, None)),
            "tag" => Ok((Source::Tag, None)),
            "pr" => Ok((Source::PullRequest, Some("pr-"))),
            other => Err(self.wrong(format!(
                "unknown event `{other}`; expected branch, tag or pr"
            ))),
        }
    }

    fn matching(&mut self) -> Result<Source, TagProblem> {
        let pattern = self.needed("pattern")?;
        let group = match self.attributes.take("group") {
            None => Some(0),
            Some(text) => match (text.parse(), number_of_javascript(&text)) {
                (Ok(group), _) => Some(group),
                // A number, but not one of a group.
                (Err(_), number) if self.dialect == Dialect::Docker && !number.is_nan() => None,
                (Err(_), _) => {
                    return Err(self.wrong(format!("its group `{text}` is no number of a group")));
                }
            },
        };
        Ok(Source::Match {
            pattern: self.pattern(&pattern)?,
            group,
            value: self.value()?,
        })
    }
}

/// `Number(text)` of JavaScript, for the numbers that people write: no text is 0, and what is none is NaN.
pub(super) fn number_of_javascript(text: &str) -> f64 {
    let text = text.trim();
    if text.is_empty() {
        return 0.0;
    }
    if let Some(digits) = text.strip_prefix("0x") {
        return u32::from_str_radix(digits, 16).map_or(f64::NAN, f64::from);
    }
    match text.trim_start_matches(['+', '-']) {
        "Infinity" => {}
        // Names that only this language takes for numbers.
        other if other.starts_with(['i', 'I', 'n', 'N']) => return f64::NAN,
        _ => {}
    }
    text.parse().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_with_a_rule_is_said() {
        for (rules, flavor, because) in [
            ("type=nope", "", "unknown type `nope`"),
            ("type=semver", "", "it has no `pattern`"),
            ("type=match,pattern=(", "", "is none: "),
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
            (
                "type=semver,pattern={{version}},component=/",
                "",
                "`component` is empty",
            ),
            ("type=ref", "", "it has no `event`"),
            ("type=ref,event=push", "", "unknown event `push`"),
            ("type=raw", "", "it has no `value`"),
            ("type=sha,format=tiny", "", "unknown format `tiny`"),
            ("type=raw,\"value=x", "", "a quote is not closed"),
            ("type=raw,value={{nope}}", "", "unknown `{{nope}}`"),
            ("type=raw,value={{branch", "", "is not closed"),
            (
                "type=raw,x,priority=high",
                "",
                "priority `high` is no number",
            ),
            ("type=raw,x,priority=nan", "", "is no number"),
            ("", "latest=maybe", "expected auto, true or false"),
            ("", "onlatest=true", "is no part of a flavor"),
            ("", "x", "is no part of a flavor"),
        ] {
            let problem = TagRules::parse(rules, flavor).expect_err(rules).to_string();
            assert!(problem.contains(because), "{rules} {flavor}: {problem}");
        }
    }

    #[test]
    fn every_wrong_line_is_told_with_its_number() {
        let rules = "type=nope\n# fine\n\ntype=sha\ntype=ref,event=push\ntype=semver";
        let problems = TagRules::parse(rules, "latest=maybe\nx,prefix={{y}}").expect_err("wrong");
        let places: Vec<_> = problems
            .problems()
            .iter()
            .map(|problem| (problem.input.as_str(), problem.line))
            .collect();
        assert_eq!(
            places,
            [
                ("tags", 1),
                ("tags", 5),
                ("tags", 6),
                ("flavor", 1),
                ("flavor", 2),
                ("flavor", 2)
            ]
        );
    }

    #[test]
    fn attributes_that_do_nothing_are_told_with_what_was_meant() {
        let rules = TagRules::parse("type=sha,enabel=false,branch=x,colour=red", "")
            .expect("unknown ones are kept silently by the original");
        let idle: Vec<String> = rules.rules[0].idle().collect();
        let place = "line 1, `type=sha,enabel=false,branch=x,colour=red`";
        assert_eq!(
            idle,
            [
                format!("{place}: `branch` does nothing here"),
                format!("{place}: `colour` does nothing here"),
                format!("{place}: `enabel` does nothing here; did you mean `enable`?"),
            ]
        );
    }

    #[test]
    fn priorities_sort_and_equal_ones_stay_as_written() {
        let order = |dialect, text: &str| -> Vec<usize> {
            let rules = TagRules::parse_as(dialect, text, "").expect(text);
            rules.rules.iter().map(|rule| rule.line).collect()
        };
        let text = "type=sha\ntype=raw,a\ntype=raw,b,priority=1e3\ntype=schedule\ntype=raw,c,priority=-1\ntype=ref,event=tag";
        assert_eq!(order(Dialect::Ours, text), [3, 4, 6, 2, 1, 5]);
        // What is no number stays where it is, and nothing passes it.
        let text = "type=sha\ntype=raw,a,priority=high\ntype=schedule";
        assert_eq!(order(Dialect::Docker, text), [1, 2, 3]);
    }

    #[test]
    fn numbers_are_those_of_javascript() {
        for (text, number) in [
            ("", 0.0),
            (" 7 ", 7.0),
            ("1e3", 1000.0),
            ("0x10", 16.0),
            ("-2.5", -2.5),
        ] {
            assert_eq!(number_of_javascript(text), number, "{text}");
        }
        for text in ["x", "inf", "nan", "-infinity", "1_000", "0x"] {
            assert!(number_of_javascript(text).is_nan(), "{text}");
        }
    }
}
