//! From rules and the facts of git to tags.

use jiff::Timestamp;

use crate::image::{
    Tag,
    tags::{
        rule::{Affix, Rule, Source, TagRules, TagRulesError, Versioned, read_bool},
        template::{Template, Values},
        version::{self, Understood},
    },
};

const SHORT_SHA: usize = 7;

/// What the rules ask about the event and the commit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GitFacts {
    /// Name of the event: `push`, `pull_request`, `schedule`.
    pub event_name: String,
    /// The ref that the event is about: `refs/heads/main`, `refs/tags/v1.2.3`, `refs/pull/15/merge`.
    pub git_ref: String,
    /// The commit.
    pub sha: String,
    /// Default branch of the repository.
    pub default_branch: String,
    /// Branch from which a tag was pushed, or into which a pull request goes; with or without `refs/heads/`.
    pub base_ref: Option<String>,
    /// Number of the pull request.
    pub pull_request: Option<u64>,
    /// When the commit was made, where it is known.
    pub commit_date: Option<Timestamp>,
}

/// Tags that rules come to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ComputedTags {
    /// The first tag's text: the version.
    pub version: Option<String>,
    /// All tags, each once, `latest` last; none if no rule applies.
    pub tags: Vec<Tag>,
    /// Whether the rules move `latest`; whether it is the highest version is for the publisher to ask.
    pub latest: bool,
    /// What people should know.
    pub warnings: Vec<String>,
}

/// What one rule came to.
struct Produced {
    text: String,
    /// Whether it is a release, which takes `latest` with it.
    release: bool,
}

impl TagRules {
    /// Applies the rules.
    ///
    /// # Errors
    /// If a rule comes to a tag that no registry takes, or `enable` is neither true nor false.
    pub fn compute(&self, facts: &GitFacts, now: Timestamp) -> Result<ComputedTags, TagRulesError> {
        let context = Context::new(facts, now);
        let mut computed = ComputedTags::default();
        // What each tag was before characters were replaced, to see two texts become one.
        let mut originals: Vec<String> = Vec::new();
        let mut latest = None;
        for rule in &self.rules {
            let fail = |because: String| TagRulesError::new(&rule.text, because);
            let enabled = rule.enable.render(&context.values).map_err(fail)?;
            if !read_bool(&enabled).map_err(|because| fail(format!("`enable`: {because}")))? {
                continue;
            }
            let Some(produced) = context
                .produce(rule, &mut computed.warnings)
                .map_err(fail)?
            else {
                continue;
            };
            let text = self.affixed(rule, &produced.text, &context).map_err(fail)?;
            if text.is_empty() {
                continue;
            }
            latest.get_or_insert(self.flavor.latest.unwrap_or(produced.release));
            let tag: Tag = sanitize(&text)
                .parse()
                .map_err(|problem| fail(format!("it comes to no tag: {problem}")))?;
            match computed.tags.iter().position(|known| *known == tag) {
                Some(known) if originals[known] != text => {
                    computed.warnings.push(format!(
                        "`{}` and `{text}` both become the tag `{tag}`",
                        originals[known]
                    ));
                }
                Some(_) => {}
                None => {
                    computed.version.get_or_insert_with(|| tag.to_string());
                    computed.tags.push(tag);
                    originals.push(text);
                }
            }
        }
        if latest == Some(true) {
            self.add_latest(&context, &mut computed)?;
        }
        Ok(computed)
    }

    fn add_latest(
        &self,
        context: &Context,
        computed: &mut ComputedTags,
    ) -> Result<(), TagRulesError> {
        let affix = |affix: &Affix| match affix.on_latest {
            true => affix.text.render(&context.values),
            false => Ok(String::new()),
        };
        let fail = |because: String| TagRulesError::new("latest", because);
        let prefix = affix(&self.flavor.prefix).map_err(fail)?;
        let suffix = affix(&self.flavor.suffix).map_err(fail)?;
        let tag: Tag = sanitize(&format!("{prefix}latest{suffix}"))
            .parse()
            .map_err(|problem| fail(format!("it comes to no tag: {problem}")))?;
        computed.latest = true;
        computed.tags.retain(|known| *known != tag);
        computed.tags.push(tag);
        Ok(())
    }

    /// Adds prefix and suffix, unless there is nothing between them.
    fn affixed(&self, rule: &Rule, text: &str, context: &Context) -> Result<String, String> {
        if text.is_empty() {
            return Ok(String::new());
        }
        let prefix = rule.prefix.as_ref().unwrap_or(&self.flavor.prefix.text);
        let suffix = rule.suffix.as_ref().unwrap_or(&self.flavor.suffix.text);
        Ok(format!(
            "{}{text}{}",
            prefix.render(&context.values)?,
            suffix.render(&context.values)?
        ))
    }
}

/// Makes one `-` of each run of characters that no tag may have.
fn sanitize(text: &str) -> String {
    let mut tag = String::new();
    let mut replaced = false;
    for c in text.chars() {
        let good = c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        match (good, replaced) {
            (true, _) => tag.push(c),
            (false, false) => tag.push('-'),
            (false, true) => {}
        }
        replaced = !good;
    }
    tag
}

/// The facts, as rules see them.
struct Context {
    git_ref: String,
    event_name: String,
    sha: String,
    default_branch: String,
    values: Values,
}

impl Context {
    fn new(facts: &GitFacts, now: Timestamp) -> Self {
        // This event's ref is the base branch; rules mean the pull request.
        let git_ref = match (facts.event_name.as_str(), facts.pull_request) {
            ("pull_request_target", Some(number)) => format!("refs/pull/{number}/merge"),
            _ => facts.git_ref.clone(),
        };
        let branch = git_ref
            .strip_prefix("refs/heads/")
            .unwrap_or_default()
            .to_owned();
        // Events about the repository run on its default branch, whatever ref they name.
        let about_repository = ["create", "discussion", "issues", "schedule"]
            .iter()
            .any(|event| facts.event_name.contains(event));
        let base_ref = facts.base_ref.as_deref().unwrap_or_default();
        let short: String = facts.sha.chars().take(SHORT_SHA).collect();
        let values = Values {
            tag: git_ref
                .strip_prefix("refs/tags/")
                .unwrap_or_default()
                .to_owned(),
            is_default_branch: about_repository
                || (!branch.is_empty() && branch == facts.default_branch),
            branch,
            sha: short,
            base_ref: base_ref
                .strip_prefix("refs/heads/")
                .unwrap_or(base_ref)
                .to_owned(),
            now,
            commit_date: facts.commit_date.unwrap_or(now),
            version: None,
        };
        Self {
            git_ref,
            event_name: facts.event_name.clone(),
            sha: facts.sha.clone(),
            default_branch: facts.default_branch.clone(),
            values,
        }
    }

    /// Returns what a rule comes to, or nothing if it does not apply.
    fn produce(&self, rule: &Rule, warnings: &mut Vec<String>) -> Result<Option<Produced>, String> {
        let plain = |text: String| {
            Ok(Some(Produced {
                text,
                release: false,
            }))
        };
        match &rule.source {
            Source::Schedule { pattern } if self.event_name.contains("schedule") => {
                plain(pattern.render(&self.values)?)
            }
            Source::Semver(versioned) => {
                self.versioned(versioned, version::semantic, "a semantic version", warnings)
            }
            Source::Pep440(versioned) => {
                self.versioned(versioned, version::python, "a version of Python", warnings)
            }
            Source::Match {
                pattern,
                group,
                value,
            } => self.matched(pattern, *group, value.as_ref(), warnings),
            Source::Edge { branch } => {
                let wanted = branch.as_ref().unwrap_or(&self.default_branch);
                match !self.values.branch.is_empty() && self.values.branch == *wanted {
                    true => plain("edge".to_owned()),
                    false => Ok(None),
                }
            }
            Source::Branch => plain(self.values.branch.clone()),
            Source::Tag => {
                let tag = &self.values.tag;
                let prerelease = version::semantic(tag).is_some_and(|version| !version.release);
                if prerelease {
                    warnings.push(format!(
                        "`{tag}` is a pre-release, so it does not move `latest`"
                    ));
                }
                Ok(Some(Produced {
                    text: tag.clone(),
                    release: !prerelease,
                }))
            }
            Source::PullRequest => {
                let number = self.git_ref.strip_prefix("refs/pull/").unwrap_or_default();
                plain(number.strip_suffix("/merge").unwrap_or(number).to_owned())
            }
            Source::Raw { value } => plain(value.render(&self.values)?),
            Source::ShortSha => plain(self.values.sha.clone()),
            Source::LongSha => plain(self.sha.clone()),
            Source::Schedule { .. } => Ok(None),
        }
    }

    /// Returns the value if one is given, else the tag of git.
    fn subject(&self, value: Option<&Template>) -> Result<Option<String>, String> {
        match value {
            Some(value) => value.render(&self.values).map(Some),
            None => Ok(Some(self.values.tag.clone()).filter(|tag| !tag.is_empty())),
        }
    }

    fn versioned(
        &self,
        rule: &Versioned,
        understand: fn(&str) -> Option<Understood>,
        what: &str,
        warnings: &mut Vec<String>,
    ) -> Result<Option<Produced>, String> {
        let Some(mut raw) = self.subject(rule.value.as_ref())? else {
            return Ok(None);
        };
        if let Some(matching) = &rule.matching {
            match matching.captures(&raw).and_then(|found| found.get(1)) {
                Some(found) => raw = found.as_str().to_owned(),
                None => warnings.push(format!("`{raw}` does not match `{matching}`")),
            }
        }
        let raw = raw.replace('/', "-");
        let Some(understood) = understand(&raw) else {
            warnings.push(format!("`{raw}` is not {what}, so the rule gives no tag"));
            return Ok(None);
        };
        let text = match (understood.release, rule.pattern.is_raw()) {
            (false, false) => understood.parts.version,
            _ => {
                let values = Values {
                    version: Some(understood.parts),
                    ..self.values.clone()
                };
                rule.pattern.render(&values)?
            }
        };
        Ok(Some(Produced {
            text,
            release: understood.release,
        }))
    }

    fn matched(
        &self,
        pattern: &regex::Regex,
        group: usize,
        value: Option<&Template>,
        warnings: &mut Vec<String>,
    ) -> Result<Option<Produced>, String> {
        let Some(subject) = self.subject(value)? else {
            return Ok(None);
        };
        match pattern
            .captures(&subject)
            .and_then(|found| found.get(group))
        {
            Some(found) => Ok(Some(Produced {
                text: found.as_str().to_owned(),
                release: true,
            })),
            None => {
                warnings.push(format!("`{subject}` does not match `{pattern}` with group {group}, so the rule gives no tag"));
                Ok(None)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compute(git_ref: &str, rules: &str, flavor: &str) -> Result<ComputedTags, TagRulesError> {
        let facts = GitFacts {
            event_name: if git_ref.starts_with("refs/pull") {
                "pull_request"
            } else {
                "push"
            }
            .to_owned(),
            git_ref: git_ref.to_owned(),
            sha: "860c1904a1ce19322e91ac35af1ab07466440c37".to_owned(),
            default_branch: "main".to_owned(),
            ..GitFacts::default()
        };
        let now = "2020-01-10T00:30:00Z".parse().expect("a time");
        TagRules::parse(rules, flavor)?.compute(&facts, now)
    }

    fn tags(git_ref: &str, rules: &str, flavor: &str) -> String {
        let computed = compute(git_ref, rules, flavor).expect("tags");
        computed
            .tags
            .iter()
            .map(Tag::as_str)
            .collect::<Vec<_>>()
            .join(" ")
    }

    #[test]
    fn events_come_to_the_tags_of_the_original() {
        let semver = "type=semver,pattern={{version}}\ntype=semver,pattern={{major}}.{{minor}}\ntype=semver,pattern={{major}}";
        for (git_ref, rules, flavor, expected) in [
            ("refs/heads/dev", "", "", "dev"),
            ("refs/heads/my/feature#1245", "", "", "my-feature-1245"),
            (
                "refs/heads/main",
                "type=edge\ntype=sha",
                "",
                "edge sha-860c190",
            ),
            (
                "refs/heads/dev",
                "type=edge\ntype=sha,format=long",
                "",
                "sha-860c1904a1ce19322e91ac35af1ab07466440c37",
            ),
            (
                "refs/pull/15/merge",
                "",
                "prefix=glo-\nsuffix=-bal",
                "pr-15-bal",
            ),
            (
                "refs/pull/15/merge",
                "type=ref,event=pr,prefix=",
                "prefix=glo-\nsuffix=-bal",
                "15-bal",
            ),
            ("refs/tags/v1.1.1", semver, "", "1.1.1 1.1 1 latest"),
            ("refs/tags/v1.1.1", semver, "latest=false", "1.1.1 1.1 1"),
            ("refs/tags/v2.0.8-beta.67", semver, "", "2.0.8-beta.67"),
            (
                "refs/tags/v2.0.8-beta.67",
                "type=semver,pattern={{raw}}",
                "",
                "v2.0.8-beta.67",
            ),
            (
                "refs/tags/v1.2.3+build.5",
                "type=semver,pattern={{raw}}",
                "",
                "v1.2.3-build.5 latest",
            ),
            ("refs/tags/v1", semver, "", ""),
            ("refs/tags/release1", "", "", "release1 latest"),
            (
                "refs/tags/p1/v1.0.0",
                r#"type=semver,pattern={{version}},"match=v(\d.\d.\d)$""#,
                "",
                "1.0.0 latest",
            ),
            (
                "refs/tags/v1.1.1",
                semver,
                "suffix=-dev,onlatest=true",
                "1.1.1-dev 1.1-dev 1-dev latest-dev",
            ),
            (
                "refs/heads/dev",
                "type=raw,my\ntype=ref,event=branch,priority=90",
                "latest=true",
                "my dev latest",
            ),
            (
                "refs/heads/dev",
                "# no\ntype=raw,value=foo#bar",
                "",
                "foo-bar",
            ),
            (
                "refs/heads/main",
                "type=raw,value=x,enable={{is_default_branch}}",
                "",
                "x",
            ),
            (
                "refs/heads/dev",
                "type=raw,value=x,enable={{is_default_branch}}",
                "",
                "",
            ),
            (
                "refs/tags/v1.2.3",
                "type=semver,pattern={{version}}\nlatest",
                "",
                "1.2.3 latest",
            ),
            (
                "refs/heads/a&b",
                "type=raw,{{branch}}\ntype=raw,{{{branch}}}",
                "",
                "a-amp-b a-b",
            ),
        ] {
            assert_eq!(
                tags(git_ref, rules, flavor),
                expected,
                "{git_ref} {rules} {flavor}"
            );
        }
    }

    #[test]
    fn a_pre_release_does_not_move_latest_and_says_so() {
        let computed = compute("refs/tags/v1.2.3-rc.1", "", "").expect("tags");
        assert_eq!(computed.tags, ["v1.2.3-rc.1".parse().expect("a tag")]);
        assert!(!computed.latest);
        assert_eq!(
            computed.warnings,
            ["`v1.2.3-rc.1` is a pre-release, so it does not move `latest`"]
        );
    }

    #[test]
    fn a_tag_that_no_registry_takes_is_refused_with_its_rule() {
        let long = format!("refs/heads/{}", "x".repeat(129));
        for (git_ref, because) in [
            ("refs/heads/.hidden", "starts with `.`"),
            ("refs/heads/-x", "starts with `-`"),
            ("refs/heads/ünder", "starts with `-`"),
            (long.as_str(), "has 129 characters"),
        ] {
            let problem = compute(git_ref, "type=ref,event=branch", "")
                .expect_err(git_ref)
                .to_string();
            assert!(
                problem.contains(because) && problem.contains("type=ref,event=branch"),
                "{problem}"
            );
        }
        let problem = compute("refs/heads/x", "type=raw,value=x,enable=TRUE", "")
            .expect_err("no truth")
            .to_string();
        assert!(
            problem.contains("`TRUE` is neither true nor false"),
            "{problem}"
        );
    }

    #[test]
    fn texts_that_become_one_tag_are_named() {
        let computed = compute(
            "refs/heads/x",
            "type=raw,a/b\ntype=raw,a#b\ntype=raw,a/b",
            "",
        )
        .expect("tags");
        assert_eq!(computed.tags.len(), 1);
        assert_eq!(
            computed.warnings,
            ["`a/b` and `a#b` both become the tag `a-b`"]
        );
    }
}
