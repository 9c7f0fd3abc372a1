//! From rules and the facts of git to tags.

use jiff::Timestamp;

use super::{
    dialect::Dialect,
    event::GitFacts,
    flavor::{Affix, read_bool},
    highest::Claim,
    name::{named, sanitize},
    problem::{TagInput, TagProblem, TagRulesError},
    produce::{Context, Production},
    rule::{Rule, TagRules},
    steps::{Fate, TagStep},
};
use crate::image::Tag;

/// Tags that rules come to, each one that every registry takes.
#[derive(Debug, Clone, Default)]
pub struct ComputedTags {
    /// The first tag's text: the version.
    pub version: Option<String>,
    /// All tags, each once, `latest` last; none if no rule applies.
    pub tags: Vec<Tag>,
    /// Whether the rules move `latest`; whether it is the highest version is for the publisher to ask.
    pub latest: bool,
    /// What people should know.
    pub warnings: Vec<String>,
    /// What tells whether a tag names the highest version.
    pub(super) claims: Vec<Claim>,
}

/// Names that rules come to, in either dialect: the original's may be invalid, and stand twice.
#[derive(Debug, Clone, Default)]
pub struct TagNames {
    /// The first one.
    pub main: Option<String>,
    /// The others that rules made, each once.
    pub partial: Vec<String>,
    /// `latest` with what stands around it, where it is moved and no rule has made it first.
    pub latest: Option<String>,
    /// Whether `latest` is moved.
    pub moves_latest: bool,
    /// Why it is, or is not.
    pub latest_because: String,
    /// What people should know.
    pub warnings: Vec<String>,
    /// What became of each rule, in the order in which they were looked at.
    pub steps: Vec<TagStep>,
    /// Whether a warning says already why `latest` is not moved.
    pub(super) told_latest: bool,
    pub(super) claims: Vec<Claim>,
}

impl TagNames {
    /// Returns all names, `latest` last.
    pub fn all(&self) -> Vec<&str> {
        let made = self.main.iter().chain(&self.partial).chain(&self.latest);
        match self.main.is_some() {
            true => made.map(String::as_str).collect(),
            false => Vec::new(),
        }
    }
}

impl TagRules {
    /// Applies the rules.
    ///
    /// # Errors
    /// With every rule that comes to a tag that no registry takes, or whose `enable` is neither true nor false.
    pub fn compute(&self, facts: &GitFacts, now: Timestamp) -> Result<ComputedTags, TagRulesError> {
        let names = self.names(facts, now)?;
        let mut tags: Vec<Tag> = Vec::new();
        for name in names.all() {
            let tag: Tag = name.parse().map_err(|problem| {
                TagRulesError::new(vec![TagProblem {
                    input: TagInput::Tags,
                    line: 0,
                    text: name.to_owned(),
                    because: format!("{problem}"),
                }])
            })?;
            if !tags.contains(&tag) {
                tags.push(tag);
            }
        }
        Ok(ComputedTags {
            version: names.main,
            tags,
            latest: names.moves_latest,
            warnings: names.warnings,
            claims: names.claims,
        })
    }

    /// Applies the rules in their dialect; in ours with a warning wherever docker/metadata-action would answer otherwise.
    ///
    /// # Errors
    /// As [`Self::compute`]; in the original's dialect any name is taken.
    pub fn names(&self, facts: &GitFacts, now: Timestamp) -> Result<TagNames, TagRulesError> {
        let mut names = self.apply(facts, now)?;
        if let Some(original) = &self.original {
            let original = match original.as_ref() {
                Ok(rules) => rules.apply(facts, now),
                Err(error) => Err(error.clone()),
            };
            super::compare::warn(&mut names, original.as_ref());
        }
        Ok(names)
    }

    fn apply(&self, facts: &GitFacts, now: Timestamp) -> Result<TagNames, TagRulesError> {
        let mut work = Work {
            rules: self,
            context: Context::new(self.dialect, facts, now),
            names: TagNames::default(),
            originals: Vec::new(),
            takes_latest: None,
            decided_by: None,
        };
        let mut problems = Vec::new();
        for rule in &self.rules {
            if self.dialect == Dialect::Ours {
                work.names.warnings.extend(rule.idle());
            }
            match work.apply(rule) {
                Ok(fate) => work.names.steps.push(TagStep::new(rule, fate)),
                Err(because) => problems.push(rule.wrong(because)),
            }
        }
        work.explain_latest();
        if let Err(because) = work.add_latest() {
            problems.push(TagProblem {
                input: TagInput::Flavor,
                line: 0,
                text: "latest".to_owned(),
                because,
            });
        }
        match problems.is_empty() {
            true => Ok(work.names),
            false => Err(TagRulesError::new(problems)),
        }
    }
}

/// Rules on their way to names.
struct Work<'r> {
    rules: &'r TagRules,
    context: Context,
    names: TagNames,
    /// What each name was before characters were replaced, to see two texts become one.
    originals: Vec<(String, String)>,
    takes_latest: Option<bool>,
    /// The first rule that made a name, and whether it made it of a release.
    decided_by: Option<(String, bool)>,
}

impl Work<'_> {
    fn is_ours(&self) -> bool {
        self.rules.dialect == Dialect::Ours
    }

    fn apply(&mut self, rule: &Rule) -> Result<Fate, String> {
        let enabled = rule.enable.render(&self.context.values)?;
        if !read_bool(&enabled).map_err(|because| format!("`enable`: {because}"))? {
            return Ok(Fate::nothing("its `enable` is false"));
        }
        let made = match self.context.produce(rule, &mut self.names.warnings)? {
            Production::Nothing(because) => return Ok(Fate::Nothing { because }),
            Production::Made(made) => made,
        };
        let (before, after) = self.affixes(rule)?;
        if made.text.is_empty() && self.is_ours() {
            return Ok(Fate::nothing("its text is empty"));
        }
        let text = format!("{before}{}{after}", made.text);
        if text.is_empty() {
            return Ok(Fate::nothing("its text is empty"));
        }
        let name = match self.rules.dialect {
            Dialect::Docker => sanitize(&text),
            Dialect::Ours => named(&text, &rule.source, &mut self.names.warnings)?,
        };
        if self.is_ours() {
            self.context.check_branches(rule, &text, &name)?;
        }
        if let (true, Some(because)) = (self.takes_latest.is_none(), &made.no_latest) {
            // Where the flavor says it, nothing is decided here.
            if self.rules.flavor.latest.is_none() {
                self.names.told_latest = true;
                self.names.warnings.push(format!(
                    "{because}, so it does not move `latest`, as docker/metadata-action would let it"
                ));
            }
        }
        let takes = self.rules.flavor.latest.unwrap_or(made.release);
        let decides = self.takes_latest.is_none();
        if decides {
            self.decided_by = Some((rule.place(), made.release));
        }
        self.takes_latest.get_or_insert(takes);
        if let Some(basis) = made.basis {
            let claim = Claim::new(basis, name.clone(), (before, after));
            if decides && takes {
                self.names.claims.push(claim.clone().of_latest());
            }
            self.names.claims.push(claim);
        }
        Ok(self.add(name, text))
    }

    /// Adds a name, unless it is there.
    fn add(&mut self, name: String, text: String) -> Fate {
        let names = &mut self.names;
        let known = self.originals.iter().find(|(known, _)| *known == name);
        if let Some((_, original)) = known {
            if *original != text && self.rules.dialect == Dialect::Ours {
                names.warnings.push(format!(
                    "`{original}` and `{text}` both become the tag `{name}`"
                ));
            }
            return Fate::Again { name };
        }
        self.originals.push((name.clone(), text));
        match &names.main {
            None => names.main = Some(name.clone()),
            Some(_) => names.partial.push(name.clone()),
        }
        Fate::Made {
            name,
            is_version: names.partial.is_empty(),
        }
    }

    /// Returns prefix and suffix: a rule's own replace the flavor's.
    fn affixes(&self, rule: &Rule) -> Result<(String, String), String> {
        let flavor = &self.rules.flavor;
        let values = &self.context.values;
        let prefix = rule.prefix.as_ref().unwrap_or(&flavor.prefix.text);
        let suffix = rule.suffix.as_ref().unwrap_or(&flavor.suffix.text);
        Ok((prefix.render(values)?, suffix.render(values)?))
    }

    fn explain_latest(&mut self) {
        self.names.latest_because = match (&self.decided_by, self.rules.flavor.latest) {
            (None, _) => "no rule made a tag".to_owned(),
            (Some(_), Some(said)) => format!("the flavor says `latest={said}`"),
            (Some((rule, true)), None) => format!("{rule} made the first tag, of a release"),
            (Some((rule, false)), None) => {
                format!("{rule} made the first tag, and not of a release")
            }
        };
    }

    fn add_latest(&mut self) -> Result<(), String> {
        let flavor = &self.rules.flavor;
        let affix = |affix: &Affix| match affix.on_latest {
            true => affix.text.render(&self.context.values),
            false => Ok(String::new()),
        };
        let text = format!("{}latest{}", affix(&flavor.prefix)?, affix(&flavor.suffix)?);
        let name = sanitize(&text);
        let is_taken = self.takes_latest == Some(true);
        for claim in &mut self.names.claims {
            claim.name_latest(&name);
        }
        if self.rules.dialect == Dialect::Ours {
            // A rule that names it itself claims it for the version, as `latest` by the flavor does.
            let is_named = self.names.all().contains(&name.as_str());
            let first = self.names.claims.first().cloned();
            if let (true, false, Some(first)) = (is_named, is_taken, first) {
                let mut claim = first.of_latest();
                claim.name_latest(&name);
                self.names.claims.push(claim);
            }
        }
        if !is_taken {
            return Ok(());
        }
        self.names.moves_latest = true;
        if self.rules.dialect == Dialect::Ours {
            name.parse::<Tag>()
                .map_err(|problem| format!("it comes to no tag: {problem}"))?;
            // It stands once, and last.
            self.names.partial.retain(|known| *known != name);
            if self.names.main.as_ref() == Some(&name) {
                return Ok(());
            }
        }
        self.names.latest = Some(name);
        Ok(())
    }
}
