//! The decision.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    time::Duration,
};

use jiff::Timestamp;

use crate::{digest::Digest, image::Tag};

/// A manifest that a repository holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// Its digest.
    pub digest: Digest,
    /// Tags that name it, without those that are made of another digest.
    pub tags: Vec<Tag>,
    /// Tags made of the digest of what it belongs to: `sha256-HEX`, `sha256-HEX.sig`.
    pub companion_tags: Vec<Tag>,
    /// What it is made of, where it is an index.
    pub children: Vec<Digest>,
    /// What it belongs to.
    pub subject: Option<Digest>,
    /// When it was made, where that is known.
    pub created: Option<Timestamp>,
}

/// What stays.
#[derive(Debug, Clone, Default)]
pub struct Rules {
    /// Images with a tag like one of these stay.
    pub keep_tags: Vec<glob::Pattern>,
    /// Images that are younger stay, and those whose age is not known.
    pub older_than: Option<Duration>,
    /// As many of the newest images with a tag stay.
    pub keep: Option<usize>,
    /// Images that are deployed stay, each with where it is.
    pub deployed: BTreeMap<Digest, String>,
}

/// Why a manifest stays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// It has a tag that is kept.
    Tag(Tag),
    /// It is deployed.
    Deployed(String),
    /// It is among the newest.
    Newest,
    /// It is not old enough.
    Young,
    /// Nothing tells how old it is.
    AgeUnknown,
    /// It has no tag, and only age lets such a manifest go.
    Untagged,
    /// It is a part of an index that stays.
    PartOf(Digest),
    /// It belongs to an image that stays.
    AttachedTo(Digest),
    /// Something that stays belongs to it.
    Carries(Digest),
}

impl fmt::Display for Reason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tag(tag) => write!(formatter, "its tag `{tag}` is kept"),
            Self::Deployed(place) => write!(formatter, "deployed: {place}"),
            Self::Newest => formatter.write_str("among the newest"),
            Self::Young => formatter.write_str("not old enough"),
            Self::AgeUnknown => formatter.write_str("nothing tells how old it is"),
            Self::Untagged => formatter.write_str("without a tag, only age lets it go"),
            Self::PartOf(index) => write!(formatter, "part of {}", index.short()),
            Self::AttachedTo(subject) => write!(formatter, "attached to {}", subject.short()),
            Self::Carries(other) => write!(formatter, "{} is attached to it", other.short()),
        }
    }
}

/// What becomes of a manifest: it goes where there is no reason for it to stay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// The manifest.
    pub held: Held,
    /// Why it stays.
    pub reasons: Vec<Reason>,
}

impl Verdict {
    /// Whether it goes.
    pub fn goes(&self) -> bool {
        self.reasons.is_empty()
    }
}

/// Decides about every manifest, in their order.
///
/// An image is judged by the rules; what it is made of and what belongs to it goes with it and stays with it. What belongs to
/// something that is not there goes.
pub fn judge(held: Vec<Held>, rules: &Rules, now: Timestamp) -> Vec<Verdict> {
    let parts: BTreeSet<Digest> = held
        .iter()
        .filter(|held| held.subject.is_none())
        .flat_map(|held| held.children.iter().copied())
        .collect();
    let newest = newest(&held, rules.keep.unwrap_or(0));
    let verdicts = held.into_iter().map(|held| {
        let is_part = parts.contains(&held.digest);
        let is_newest = newest.contains(&held.digest);
        let reasons = own_reasons(&held, rules, is_part, is_newest, now);
        Verdict { held, reasons }
    });
    let mut verdicts: Vec<Verdict> = verdicts.collect();
    while pass_on(&mut verdicts) {}
    verdicts
}

fn newest(held: &[Held], count: usize) -> BTreeSet<Digest> {
    let mut tagged: Vec<&Held> = held
        .iter()
        .filter(|held| !held.tags.is_empty() && held.subject.is_none())
        .collect();
    // What has no age may be the newest.
    tagged.sort_by_key(|held| std::cmp::Reverse(held.created.unwrap_or(Timestamp::MAX)));
    let newest = tagged.into_iter().take(count);
    newest.map(|held| held.digest).collect()
}

fn own_reasons(
    held: &Held,
    rules: &Rules,
    is_part: bool,
    is_newest: bool,
    now: Timestamp,
) -> Vec<Reason> {
    let mut reasons = Vec::new();
    if let Some(place) = rules.deployed.get(&held.digest) {
        reasons.push(Reason::Deployed(place.clone()));
    }
    let kept = held.tags.iter().find(|tag| {
        let mut patterns = rules.keep_tags.iter();
        patterns.any(|pattern| pattern.matches(tag.as_str()))
    });
    reasons.extend(kept.cloned().map(Reason::Tag));
    let is_judged = held.subject.is_none() && (!is_part || !held.tags.is_empty());
    if !is_judged {
        return reasons;
    }
    if is_newest {
        reasons.push(Reason::Newest);
    }
    match (rules.older_than, held.created) {
        (None, _) if held.tags.is_empty() => reasons.push(Reason::Untagged),
        (None, _) => {}
        (Some(_), None) => reasons.push(Reason::AgeUnknown),
        (Some(age), Some(created)) => {
            let is_young = jiff::SignedDuration::try_from(age)
                .is_ok_and(|age| now.duration_since(created) < age);
            reasons.extend(is_young.then_some(Reason::Young));
        }
    }
    reasons
}

/// Hands reasons on along what needs what; returns whether somebody stays who did not before.
fn pass_on(verdicts: &mut [Verdict]) -> bool {
    let mut needed: BTreeMap<Digest, Reason> = BTreeMap::new();
    for verdict in verdicts.iter().filter(|verdict| !verdict.goes()) {
        let Held {
            digest,
            children,
            subject,
            ..
        } = &verdict.held;
        for child in children {
            needed.entry(*child).or_insert(Reason::PartOf(*digest));
        }
        if let Some(subject) = subject {
            needed.entry(*subject).or_insert(Reason::Carries(*digest));
        }
    }
    let staying: BTreeSet<Digest> = verdicts
        .iter()
        .filter(|verdict| !verdict.goes())
        .map(|verdict| verdict.held.digest)
        .collect();
    let mut changed = false;
    for verdict in verdicts.iter_mut().filter(|verdict| verdict.goes()) {
        let subject = verdict
            .held
            .subject
            .filter(|subject| staying.contains(subject));
        let reason = subject
            .map(Reason::AttachedTo)
            .or_else(|| needed.get(&verdict.held.digest).cloned());
        changed |= reason.is_some();
        verdict.reasons.extend(reason);
    }
    changed
}

/// Returns what goes in an order in which it can be deleted one by one: what names another one before that other one, so that at
/// no time anything names what is not there.
pub fn order_of_deletion(verdicts: &[Verdict]) -> Vec<&Held> {
    let mut left: Vec<&Held> = verdicts
        .iter()
        .filter(|verdict| verdict.goes())
        .map(|verdict| &verdict.held)
        .collect();
    let mut order = Vec::new();
    while !left.is_empty() {
        let named: BTreeSet<Digest> = left
            .iter()
            .flat_map(|held| held.children.iter().chain(&held.subject))
            .copied()
            .collect();
        let (later, now): (Vec<_>, Vec<_>) = left
            .into_iter()
            .partition(|held| named.contains(&held.digest));
        // Digests cannot name each other in a circle; the tags that are made of them could.
        if now.is_empty() {
            order.extend(later);
            break;
        }
        order.extend(now);
        left = later;
    }
    order
}
