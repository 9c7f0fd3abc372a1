//! Which tags name the highest version, and so may move: a pure decision about tags that are known.

use super::{
    compute::{ComputedTags, TagNames},
    pattern::Pattern,
    produce::of_component,
    rule::Rule,
    template::{Template, Values},
    version::Understood,
};
use crate::image::Tag;

/// Tags that are there before anything is moved.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct KnownTags {
    /// The tags of git.
    pub git: Vec<String>,
    /// The tags of the repository in a registry; or why they are not known.
    pub registry: RegistryTags,
}

/// What a registry said of its tags.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RegistryTags {
    /// All of them; none in a repository that is not there yet.
    Listed(Vec<Tag>),
    /// It did not say them.
    Silent {
        /// Why.
        because: String,
    },
}

impl Default for RegistryTags {
    fn default() -> Self {
        Self::Listed(Vec::new())
    }
}

/// Tags, after it was asked which of them name the highest version.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SettledTags {
    /// Tags to set or move, in their order.
    pub moves: Vec<Tag>,
    /// Tags that stay where they are.
    pub left: Vec<LeftTag>,
}

/// A tag that stays where it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftTag {
    /// The tag.
    pub tag: String,
    /// Why.
    pub because: String,
}

impl ComputedTags {
    /// Whether a tag of these moves from version to version, so that others have to be known before it may.
    pub fn floats(&self) -> bool {
        self.claims.iter().any(Claim::floats)
    }

    /// Decides which tags are moved: those that name one version only, those that come from no version, and of those that move
    /// from version to version (`latest`, `1`, `1.2`) the ones for which no higher release is known.
    ///
    /// Where the registry is silent, what moves from version to version stays where it is.
    pub fn settle(&self, known: &KnownTags) -> SettledTags {
        let mut settled = SettledTags::default();
        for tag in &self.tags {
            match why_left(&self.claims, tag.as_str(), known) {
                None => settled.moves.push(tag.clone()),
                Some(because) => settled.left.push(LeftTag {
                    tag: tag.to_string(),
                    because,
                }),
            }
        }
        settled
    }
}

impl TagNames {
    /// Whether a name of these moves from version to version.
    pub fn floats(&self) -> bool {
        self.claims.iter().any(Claim::floats)
    }

    /// As [`ComputedTags::settle`]: returns the names that stay where they are.
    pub fn left(&self, known: &KnownTags) -> Vec<LeftTag> {
        let mut left: Vec<LeftTag> = Vec::new();
        for name in self.all() {
            if let Some(because) = why_left(&self.claims, name, known) {
                let tag = name.to_owned();
                left.push(LeftTag { tag, because });
            }
        }
        left
    }
}

fn why_left(claims: &[Claim], name: &str, known: &KnownTags) -> Option<String> {
    let own: Vec<&Claim> = claims
        .iter()
        .filter(|claim| claim.name == name && claim.floats())
        .collect();
    let lengths: Vec<usize> = claims
        .iter()
        .filter_map(|claim| numbers_of(&claim.basis.text))
        .collect();
    let first = own.first()?;
    if let Some(higher) = own.iter().find_map(|claim| claim.higher(known, &lengths)) {
        return Some(format!(
            "`{higher}` is higher than {}",
            first.basis.version.parts.version
        ));
    }
    match &known.registry {
        RegistryTags::Silent { because } => Some(because.clone()),
        RegistryTags::Listed(_) => None,
    }
}

/// How many numbers a text consists of, with points between them.
fn numbers_of(text: &str) -> Option<usize> {
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    text.split('.')
        .all(is_number)
        .then(|| text.split('.').count())
}

/// A name that a version claims.
#[derive(Debug, Clone)]
pub(super) struct Claim {
    name: String,
    /// What stands before and after the text of the rule.
    affixes: (String, String),
    basis: Basis,
    /// Whether any higher version takes it, as with `latest`.
    is_latest: bool,
}

/// A version that a rule read, and how it would read others.
#[derive(Debug, Clone)]
pub(super) struct Basis {
    pub(super) version: Understood,
    /// What the rule made of it, without prefix and suffix.
    pub(super) text: String,
    pub(super) reader: Reader,
    pub(super) remake: Remake,
}

/// What a rule would make of another version.
#[derive(Debug, Clone)]
pub(super) enum Remake {
    /// A pattern of a version.
    Pattern {
        pattern: Template,
        values: Box<Values>,
    },
    /// A group of a regular expression.
    Match { pattern: Pattern, group: usize },
    /// The tag of git itself.
    Whole,
}

/// How a rule finds a version in a tag of git.
#[derive(Debug, Clone)]
pub(super) struct Reader {
    component: Option<String>,
    matching: Option<Pattern>,
    read: fn(&str) -> Option<Understood>,
    own: Split,
}

/// A tag of git around its version. Only tags that are the same around it are about the same thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Split {
    before: String,
    pub(super) text: String,
    after: String,
    /// Whether a `match` decided it.
    pub(super) matched: bool,
    by: SplitBy,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SplitBy {
    Version,
    Name,
}

impl Split {
    /// By the group of a `match`, where there is one and it matches; else the whole is the version.
    pub(super) fn of_version(subject: &str, matching: Option<&Pattern>) -> Self {
        let found = matching.and_then(|matching| matching.find(subject, 1));
        match found {
            Some(found) => Self {
                // A `v` belongs to the version.
                before: found.before.trim_end_matches('v').to_owned(),
                text: found.group.to_owned(),
                after: found.after.to_owned(),
                matched: true,
                by: SplitBy::Version,
            },
            None => Self {
                before: String::new(),
                text: subject.to_owned(),
                after: String::new(),
                matched: false,
                by: SplitBy::Version,
            },
        }
    }

    /// The version is what stands behind the last slash.
    pub(super) fn of_name(subject: &str) -> Self {
        let (before, text) = subject.rsplit_once('/').unwrap_or(("", subject));
        Self {
            before: before.to_owned(),
            text: text.to_owned(),
            after: String::new(),
            matched: false,
            by: SplitBy::Name,
        }
    }

    fn is_about_the_same(&self, other: &Self) -> bool {
        (&self.before, &self.after, self.matched) == (&other.before, &other.after, other.matched)
    }
}

impl Reader {
    pub(super) fn new(
        rule: &Rule,
        read: fn(&str) -> Option<Understood>,
        matching: Option<Pattern>,
        own: Split,
    ) -> Self {
        Self {
            component: rule.component.clone(),
            matching,
            read,
            own,
        }
    }

    /// Reads a tag of git that is about the same thing, and a release.
    fn of_git(&self, tag: &str) -> Option<Understood> {
        let subject = match &self.component {
            None => tag,
            Some(component) => of_component(tag, component)?,
        };
        let split = match self.own.by {
            SplitBy::Version => Split::of_version(subject, self.matching.as_ref()),
            SplitBy::Name => Split::of_name(subject),
        };
        if !split.is_about_the_same(&self.own) {
            return None;
        }
        self.release(&split.text.replace('/', "-"))
    }

    /// Reads what stands in a tag of a registry between prefix and suffix: a whole version, or a part of one where rules of this
    /// list make such parts.
    fn of_registry(&self, text: &str, lengths: &[usize]) -> Option<Understood> {
        match numbers_of(text) {
            Some(count @ (1 | 2)) if lengths.contains(&count) => {
                let whole = format!("{text}{}", ".0".repeat(3 - count));
                self.release(&whole)
            }
            // A number alone may be a date, a pull request, a commit.
            Some(1) => None,
            _ => self.release(text),
        }
    }

    fn release(&self, text: &str) -> Option<Understood> {
        (self.read)(text).filter(|version| version.release)
    }
}

impl Claim {
    pub(super) fn new(basis: Basis, name: String, affixes: (String, String)) -> Self {
        Self {
            name,
            affixes,
            basis,
            is_latest: false,
        }
    }

    /// The same version claims `latest`, whatever that is called here.
    pub(super) fn of_latest(mut self) -> Self {
        self.is_latest = true;
        self
    }

    pub(super) fn name_latest(&mut self, name: &str) {
        if self.is_latest {
            name.clone_into(&mut self.name);
        }
    }

    /// Whether another version would take the name from this one.
    fn floats(&self) -> bool {
        self.is_latest
            || match &self.basis.remake {
                Remake::Whole => false,
                Remake::Match { .. } => {
                    !self.basis.text.contains(&self.basis.version.parts.version)
                }
                Remake::Pattern { .. } => {
                    self.neighbours().any(|other| self.is_made_of(&other, ""))
                }
            }
    }

    /// Versions beside this one.
    fn neighbours(&self) -> impl Iterator<Item = Understood> {
        let parts = &self.basis.version.parts;
        let next = |number: &str| format!("{number}1");
        let texts = [
            format!("{}.{}.{}", parts.major, parts.minor, next(&parts.patch)),
            format!("{}.{}.{}", parts.major, next(&parts.minor), parts.patch),
            format!("{}.{}.{}", next(&parts.major), parts.minor, parts.patch),
        ];
        texts
            .into_iter()
            .filter_map(|text| self.basis.reader.release(&text))
    }

    /// Whether the rule would make the same text of another version, whose tag is `tag`.
    fn is_made_of(&self, other: &Understood, tag: &str) -> bool {
        let text = match &self.basis.remake {
            Remake::Whole => None,
            Remake::Pattern { pattern, values } => {
                let values = Values {
                    version: Some(other.parts.clone()),
                    ..values.as_ref().clone()
                };
                // What cannot be made of it has no claim.
                pattern.render(&values).ok()
            }
            Remake::Match { pattern, group } => {
                let with_v = format!("v{tag}");
                let found = pattern
                    .find(tag, *group)
                    .or_else(|| pattern.find(&with_v, *group));
                found.map(|found| found.group.to_owned())
            }
        };
        text.as_ref() == Some(&self.basis.text)
    }

    /// Returns a tag that names a higher release, to which this name belongs.
    fn higher<'k>(&self, known: &'k KnownTags, lengths: &[usize]) -> Option<&'k str> {
        let reader = &self.basis.reader;
        let of_git = known.git.iter().map(|tag| {
            let subject = reader
                .component
                .as_ref()
                .map_or(Some(tag.as_str()), |component| of_component(tag, component));
            (tag.as_str(), subject.unwrap_or(tag), reader.of_git(tag))
        });
        let registry = match &known.registry {
            RegistryTags::Listed(tags) => tags.as_slice(),
            RegistryTags::Silent { .. } => &[],
        };
        let (before, after) = &self.affixes;
        let of_registry = registry.iter().filter_map(|tag| {
            let text = tag.as_str().strip_prefix(before.as_str())?;
            let text = text.strip_suffix(after.as_str())?;
            Some((tag.as_str(), text, reader.of_registry(text, lengths)))
        });
        let higher = of_git
            .chain(of_registry)
            .filter_map(|(tag, text, version)| {
                let version = version.filter(|version| version.order > self.basis.version.order)?;
                let takes = self.is_latest || self.is_made_of(&version, text);
                takes.then_some((version.order, tag))
            });
        // Of tags of one version, the one that says most of it.
        let highest = higher.max_by(|(one, tag), (other, other_tag)| {
            one.cmp(other).then(tag.len().cmp(&other_tag.len()))
        });
        highest.map(|(_, tag)| tag)
    }
}
