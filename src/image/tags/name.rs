//! From a text to a name that every registry takes.

use super::rule::Source;
use crate::{digest::Digest, image::Tag};

/// Characters of a tag, by the distribution specification.
const LONGEST: usize = 128;
/// Characters of the hash that tells shortened names apart.
const HASH: usize = 8;

/// Makes one `-` of each run of characters that no tag may have.
pub(super) fn sanitize(text: &str) -> String {
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

/// Returns the name of a text. What is too long is cut, and what git calls by a sign that begins no tag loses the sign; both get
/// a hash of the whole text, so that no two of them become one.
///
/// # Errors
/// If the plan itself writes a text that begins as no tag may.
pub(super) fn named(
    text: &str,
    source: &Source,
    warnings: &mut Vec<String>,
) -> Result<String, String> {
    let name = sanitize(text);
    let begun = name.trim_start_matches(['.', '-']);
    let is_cut = begun.len() < name.len();
    if is_cut && (begun.is_empty() || !matches!(source, Source::Branch | Source::Tag)) {
        let problem = name.parse::<Tag>().err();
        let problem = problem.map_or_else(String::new, |problem| format!(": {problem}"));
        return Err(format!(
            "it comes to no tag{problem}; a `prefix` of letters or digits makes it one"
        ));
    }
    if !is_cut && name.len() <= LONGEST {
        return Ok(name);
    }
    let hash = &Digest::of(text).hex()[..HASH];
    let kept = &begun[..begun.len().min(LONGEST - 1 - HASH)];
    let made = format!("{kept}-{hash}");
    warnings.push(match is_cut {
        true => format!("`{text}` begins with a sign that begins no tag: it becomes `{made}`"),
        false => format!(
            "`{text}` has {} characters, of which a tag has at most {LONGEST}: it becomes `{made}`",
            name.len()
        ),
    });
    Ok(made)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_too_long_or_begins_with_a_sign_is_told_apart_by_a_hash() {
        let name = |text: &str| named(text, &Source::Branch, &mut Vec::new()).expect(text);
        let long = "x".repeat(140);
        assert_eq!(name(&long).len(), 128);
        assert_ne!(name(&long), name(&format!("{long}y")));
        assert_eq!(name(&"x".repeat(128)), "x".repeat(128));
        assert!(name(".hidden").starts_with("hidden-"));
        assert_ne!(name(".hidden"), name("-hidden"));
        assert!(named(".hidden", &Source::ShortSha, &mut Vec::new()).is_err());
        assert!(named("#", &Source::Branch, &mut Vec::new()).is_err());
    }

    proptest! {
        #[test]
        fn whatever_is_named_is_a_tag(text in "\\PC{0,200}") {
            if let Ok(name) = named(&text, &Source::Branch, &mut Vec::new()) && !text.is_empty() {
                prop_assert!(name.parse::<Tag>().is_ok(), "{name}");
            }
        }
    }
}
