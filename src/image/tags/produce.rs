//! What one rule comes to.

use jiff::Timestamp;

use super::{
    dialect::Dialect,
    event::GitFacts,
    highest::{Basis, Reader, Remake, Split},
    name::sanitize,
    pattern::Pattern,
    rule::{Rule, Source, Versioned},
    template::{Scope, Template, Values},
    version::{self, Understood},
};

const SHORT_SHA: usize = 7;

/// What one rule came to.
pub(super) enum Production {
    Made(Box<Made>),
    /// Why it came to nothing.
    Nothing(String),
}

pub(super) struct Made {
    pub(super) text: String,
    /// Whether it is a release, which takes `latest` with it.
    pub(super) release: bool,
    /// Why it takes none with it, where the original would.
    pub(super) no_latest: Option<String>,
    /// What tells whether it is the highest version.
    pub(super) basis: Option<Basis>,
}

impl Production {
    fn nothing(because: impl Into<String>) -> Self {
        Self::Nothing(because.into())
    }

    fn plain(text: impl Into<String>) -> Self {
        Self::Made(Box::new(Made {
            text: text.into(),
            release: false,
            no_latest: None,
            basis: None,
        }))
    }
}

/// The facts, as rules see them.
pub(super) struct Context {
    dialect: Dialect,
    git_ref: String,
    event_name: String,
    sha: String,
    edge_branch: String,
    branches: Vec<String>,
    pub(super) values: Values,
}

impl Context {
    pub(super) fn new(dialect: Dialect, facts: &GitFacts, now: Timestamp) -> Self {
        // This event's ref is the base branch; rules mean the pull request.
        let git_ref = match facts.pull_request {
            Some(number) if facts.event_name.contains("pull_request_target") => {
                format!("refs/pull/{number}/merge")
            }
            _ => facts.git_ref.clone(),
        };
        let branch = git_ref.strip_prefix("refs/heads/").unwrap_or_default();
        let base_ref = facts.base_ref.as_deref().unwrap_or_default();
        let length = facts.short_sha.unwrap_or(SHORT_SHA);
        let values = Values {
            dialect,
            scope: Scope::Global,
            tag: git_ref
                .strip_prefix("refs/tags/")
                .unwrap_or_default()
                .to_owned(),
            is_default_branch: is_default_branch(dialect, facts, &git_ref),
            branch: branch.to_owned(),
            sha: facts.sha.chars().take(length).collect(),
            base_ref: base_ref
                .strip_prefix("refs/heads/")
                .unwrap_or(base_ref)
                .to_owned(),
            now,
            commit_date: facts.commit_date.unwrap_or(now),
            version: None,
        };
        let edge_branch = facts.edge_branch.as_ref().unwrap_or(&facts.default_branch);
        Self {
            dialect,
            event_name: facts.event_name.clone(),
            sha: facts.sha.clone(),
            edge_branch: edge_branch.clone(),
            branches: facts.branches.clone(),
            git_ref,
            values,
        }
    }

    fn is_ours(&self) -> bool {
        self.dialect == Dialect::Ours
    }

    /// Returns what a rule comes to, or why it does not apply.
    pub(super) fn produce(
        &self,
        rule: &Rule,
        warnings: &mut Vec<String>,
    ) -> Result<Production, String> {
        let branch = &self.values.branch;
        match &rule.source {
            Source::Schedule { .. } if !self.event_name.contains("schedule") => Ok(
                Production::nothing(format!("the event is `{}`, no schedule", self.event_name)),
            ),
            Source::Schedule { pattern } => {
                let values = Values {
                    scope: Scope::Schedule,
                    ..self.values.clone()
                };
                Ok(Production::plain(pattern.render(&values)?))
            }
            Source::Semver(versioned) => self.versioned(rule, versioned, &SEMVER, warnings),
            Source::Pep440(versioned) => self.versioned(rule, versioned, self.pep440(), warnings),
            Source::Match {
                pattern,
                group,
                value,
            } => self.matched(rule, pattern, *group, value.as_ref(), warnings),
            Source::Edge { branch: wanted } => {
                let wanted = wanted.as_ref().unwrap_or(&self.edge_branch);
                Ok(match !branch.is_empty() && branch == wanted {
                    true => Production::plain("edge"),
                    false => Production::nothing(format!(
                        "{} is not the branch `{wanted}`",
                        self.shown_ref()
                    )),
                })
            }
            Source::Branch if branch.is_empty() => Ok(Production::nothing(format!(
                "{} is no branch",
                self.shown_ref()
            ))),
            Source::Branch => Ok(Production::plain(branch.clone())),
            Source::Tag => Ok(self.tag(rule)),
            Source::PullRequest => Ok(match self.git_ref.strip_prefix("refs/pull/") {
                Some(number) => Production::plain(number.strip_suffix("/merge").unwrap_or(number)),
                None => Production::nothing(format!("{} is no pull request", self.shown_ref())),
            }),
            Source::Raw { value } => Ok(Production::plain(value.render(&self.values)?)),
            Source::ShortSha | Source::LongSha if self.sha.is_empty() => {
                Ok(Production::nothing("there is no commit"))
            }
            Source::ShortSha => Ok(Production::plain(self.values.sha.clone())),
            Source::LongSha => Ok(Production::plain(self.sha.clone())),
        }
    }

    fn shown_ref(&self) -> String {
        match self.git_ref.as_str() {
            "" => "the event's ref, which is empty,".to_owned(),
            git_ref => format!("`{git_ref}`"),
        }
    }

    /// Two branches must not name one image by turns.
    pub(super) fn check_branches(&self, rule: &Rule, text: &str, name: &str) -> Result<(), String> {
        let own = &self.values.branch;
        if !matches!(rule.source, Source::Branch) || !text.contains(own.as_str()) {
            return Ok(());
        }
        let same =
            |other: &&String| *other != own && sanitize(&text.replace(own.as_str(), other)) == name;
        match self.branches.iter().find(same) {
            None => Ok(()),
            Some(other) => Err(format!(
                "the branches `{own}` and `{other}` both become the tag `{name}`, which each would take from the other; \
                 rename one, or add `type=sha` and leave this rule out"
            )),
        }
    }

    /// Returns the value if one is given, else the tag of git; of the component, where the rule is about one.
    fn subject(
        &self,
        rule: &Rule,
        value: Option<&Template>,
    ) -> Result<Result<String, String>, String> {
        let subject = match value {
            Some(value) => value.render(&self.values)?,
            None if self.values.tag.is_empty() => {
                return Ok(Err(format!("{} is no tag", self.shown_ref())));
            }
            None => self.values.tag.clone(),
        };
        Ok(match &rule.component {
            None => Ok(subject),
            Some(component) => match of_component(&subject, component) {
                Some(rest) => Ok(rest.to_owned()),
                None => Err(format!("`{subject}` is no tag of `{component}`")),
            },
        })
    }

    fn tag(&self, rule: &Rule) -> Production {
        let subject = match self.subject(rule, None) {
            Ok(Ok(subject)) => subject,
            Ok(Err(because)) | Err(because) => return Production::Nothing(because),
        };
        self.release(rule, subject.clone(), &subject, Remake::Whole)
    }

    /// A tag that is a release unless its own name says otherwise; the original does not look.
    fn release(&self, rule: &Rule, text: String, subject: &str, remake: Remake) -> Production {
        let last = subject.rsplit('/').next().unwrap_or(subject);
        let understood = version::semantic(last).or_else(|| version::python(last));
        let no_latest = match &understood {
            Some(version) if self.is_ours() && version.is_prerelease => {
                Some(format!("`{subject}` is a pre-release"))
            }
            _ => None,
        };
        let split = Split::of_name(subject);
        let basis = understood
            .filter(|version| version.release)
            .map(|version| Basis {
                version,
                text: text.clone(),
                reader: Reader::new(
                    rule,
                    |text| version::semantic(text).or_else(|| version::python(text)),
                    None,
                    split,
                ),
                remake,
            });
        Production::Made(Box::new(Made {
            text,
            release: no_latest.is_none(),
            no_latest,
            basis,
        }))
    }

    fn versioned(
        &self,
        rule: &Rule,
        versioned: &Versioned,
        scheme: &Scheme,
        warnings: &mut Vec<String>,
    ) -> Result<Production, String> {
        let subject = match self.subject(rule, versioned.value.as_ref())? {
            Ok(subject) => subject,
            Err(because) => return Ok(Production::Nothing(because)),
        };
        let split = Split::of_version(&subject, versioned.matching.as_ref());
        if let (Some(matching), false) = (&versioned.matching, split.matched) {
            warnings.push(match self.dialect {
                Dialect::Docker => format!("{matching} does not match {subject}."),
                Dialect::Ours => format!("`{subject}` does not match `{matching}`"),
            });
        }
        let raw = split.text.replace('/', "-");
        let Some(understood) = (scheme.read)(&raw) else {
            return Ok(self.not_understood(rule, &raw, scheme, warnings));
        };
        let values = Values {
            scope: Scope::Version,
            version: Some(understood.parts.clone()),
            ..self.values.clone()
        };
        let text = match (understood.release, versioned.pattern.is_raw()) {
            (false, false) => understood.parts.version.clone(),
            _ => versioned.pattern.render(&values)?,
        };
        let release = understood.release;
        let basis = release.then(|| Basis {
            version: understood,
            text: text.clone(),
            reader: Reader::new(rule, scheme.read, versioned.matching.clone(), split),
            remake: Remake::Pattern {
                pattern: versioned.pattern.clone(),
                values: Box::new(values),
            },
        });
        Ok(Production::Made(Box::new(Made {
            text,
            release,
            no_latest: None,
            basis,
        })))
    }

    fn pep440(&self) -> &'static Scheme {
        match self.dialect {
            Dialect::Ours => &PEP440,
            Dialect::Docker => &PEP440_OF_THE_ORIGINAL,
        }
    }

    fn not_understood(
        &self,
        rule: &Rule,
        raw: &str,
        scheme: &Scheme,
        warnings: &mut Vec<String>,
    ) -> Production {
        // The rest of a tag of another component, as `gateway-v1.0.0` of `api-gateway-v1.0.0` where `api` is asked for.
        if rule.component.is_some() {
            return Production::nothing(format!("`{raw}` is not {}", scheme.what));
        }
        warnings.push(match self.dialect {
            Dialect::Docker => format!("{raw} {}", scheme.refusal),
            Dialect::Ours => format!("`{raw}` is not {}, so the rule gives no tag", scheme.what),
        });
        Production::nothing(format!("`{raw}` is not {}", scheme.what))
    }

    fn matched(
        &self,
        rule: &Rule,
        pattern: &Pattern,
        group: Option<usize>,
        value: Option<&Template>,
        warnings: &mut Vec<String>,
    ) -> Result<Production, String> {
        let subject = match self.subject(rule, value)? {
            Ok(subject) => subject,
            Err(because) => return Ok(Production::Nothing(because)),
        };
        let found = group.and_then(|group| match self.dialect {
            Dialect::Docker => pattern.find_as_javascript(&subject, group),
            Dialect::Ours => Some(pattern.find(&subject, group)?.group.to_owned()),
        });
        if let Some(text) = found {
            let remake = Remake::Match {
                pattern: pattern.clone(),
                group: group.unwrap_or_default(),
            };
            return Ok(self.release(rule, text, &subject, remake));
        }
        let shown = group.map_or_else(|| "?".to_owned(), |group| group.to_string());
        let (docker, ours) = match pattern.is_match(&subject) {
            true => (
                format!("Group {shown} does not exist for {pattern} pattern."),
                format!("`{pattern}` has no group {shown} in `{subject}`"),
            ),
            false => (
                format!("{pattern} does not match {subject}."),
                format!("`{subject}` does not match `{pattern}`"),
            ),
        };
        warnings.push(match self.dialect {
            Dialect::Docker => docker,
            Dialect::Ours => format!("{ours}, so the rule gives no tag"),
        });
        Ok(Production::Nothing(ours))
    }
}

/// Versions of one kind.
struct Scheme {
    read: fn(&str) -> Option<Understood>,
    what: &'static str,
    /// What the original says behind a text that is none.
    refusal: &'static str,
}

const SEMVER: Scheme = Scheme {
    read: version::semantic,
    what: "a semantic version",
    refusal: "is not a valid semver. More info: https://semver.org/",
};

const PEP440: Scheme = Scheme {
    read: version::python,
    what: "a version of Python",
    refusal: "does not conform to PEP 440. More info: https://www.python.org/dev/peps/pep-0440",
};

const PEP440_OF_THE_ORIGINAL: Scheme = Scheme {
    read: version::python_of_the_original,
    ..PEP440
};

/// Events about the repository run on its default branch, whatever ref they name. The original counts `create` among them, which
/// is about any branch or tag.
fn is_default_branch(dialect: Dialect, facts: &GitFacts, git_ref: &str) -> bool {
    let about_repository: &[&str] = match dialect {
        Dialect::Ours => &["discussion", "issues", "schedule"],
        Dialect::Docker => &["create", "discussion", "issues", "schedule"],
    };
    let branch = git_ref.strip_prefix("refs/heads/").unwrap_or(git_ref);
    !branch.is_empty()
        && (branch == facts.default_branch
            || about_repository
                .iter()
                .any(|event| facts.event_name.contains(event)))
}

/// Returns what stands behind a component in a tag of git: `api/v1.2.3`, `api-v1.2.3`, `api@1.2.3`, `api_1.2.3`.
pub(super) fn of_component<'t>(tag: &'t str, component: &str) -> Option<&'t str> {
    let rest = tag.strip_prefix(component)?;
    rest.strip_prefix(['/', '-', '@', '_'])
        .filter(|rest| !rest.is_empty())
}
