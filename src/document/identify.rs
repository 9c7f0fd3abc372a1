//! Ids of items: those that the document writes, and those that are made of its words.

use std::collections::HashMap;

/// Words of an item that its id is made of.
const WORDS: usize = 6;
/// Longest part of an id, in characters; a longer one ends with the last word that fits. A text without spaces would
/// otherwise be repeated in the id of everything below it.
const LONGEST_PART: usize = 80;

/// An id at the beginning of a text.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct OwnId<'t> {
    pub(super) id: &'t str,
    /// The words behind the id and its separator.
    pub(super) rest: &'t str,
    pub(super) strength: Strength,
}

/// How sure it is that a word is an id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Strength {
    /// A colon or the like follows, or nothing does, or it is set in bold by itself.
    Marked,
    /// Only a space follows, as in `A12 Build`, but also in `S3 bucket`: an id only where no second item begins with it.
    Bare,
}

/// Finds the id that an item writes: `1.3`, `A12`, `ADR-001`. `emphasised` is the length of a first part that is set in bold,
/// italics or as code; an id that is just that part needs no separator.
pub(super) fn own_id(text: &str, emphasised: usize) -> Option<OwnId<'_>> {
    let (bracketed, inside) = match text.strip_prefix('[') {
        Some(inside) => (true, inside),
        None => (false, text),
    };
    let length = id_length(inside)?;
    let (id, behind) = inside.split_at(length);
    let (strength, rest) = if bracketed {
        (Strength::Marked, behind.strip_prefix(']')?)
    } else if let Some(rest) = without_separator(behind) {
        (Strength::Marked, rest)
    } else if emphasised == length || behind.is_empty() {
        (Strength::Marked, behind)
    } else if behind.starts_with(char::is_whitespace) {
        (Strength::Bare, behind)
    } else {
        return None;
    };
    Some(OwnId {
        id,
        rest: without_separator(rest).unwrap_or(rest).trim_start(),
        strength,
    })
}

/// Takes `:`, `)`, `.` or a dash between spaces off; what follows has to be a space or the end.
fn without_separator(text: &str) -> Option<&str> {
    let rest = match text.strip_prefix([':', ')', '.']) {
        Some(rest) => rest,
        None => text
            .strip_prefix(char::is_whitespace)?
            .trim_start()
            .strip_prefix(['-', '–', '—', ':'])?,
    };
    (rest.is_empty() || rest.starts_with(char::is_whitespace)).then_some(rest)
}

/// Returns the length of `1.3`, `A12` or `ADR-001` at the beginning of a text.
fn id_length(text: &str) -> Option<usize> {
    if text.starts_with(|first: char| first.is_ascii_digit()) {
        return dotted_length(text);
    }
    let letters = run(text, |byte| byte.is_ascii_uppercase());
    let digits = run(&text[letters..], |byte| byte.is_ascii_digit());
    if (1..=4).contains(&letters) && digits > 0 {
        return Some(letters + digits);
    }
    dashed_length(text)
}

/// `1.3`, `2.10.4`: numbers of at most three digits, so that no year, sum or address is taken for one.
fn dotted_length(text: &str) -> Option<usize> {
    let mut length = 0;
    let mut numbers = 0;
    loop {
        let digits = run(&text[length..], |byte| byte.is_ascii_digit());
        if !(1..=3).contains(&digits) {
            return None;
        }
        numbers += 1;
        length += digits;
        let goes_on = text[length..].starts_with('.')
            && text[length + 1..].starts_with(|next: char| next.is_ascii_digit());
        if !goes_on {
            break;
        }
        length += 1;
    }
    (2..=4).contains(&numbers).then_some(length)
}

/// `ADR-001`, `C-CMT-1`: words in upper case, then a number.
fn dashed_length(text: &str) -> Option<usize> {
    let mut length = run(text, |byte| byte.is_ascii_uppercase());
    if length == 0 {
        return None;
    }
    while text[length..].starts_with('-') {
        let behind = &text[length + 1..];
        let digits = run(behind, |byte| byte.is_ascii_digit());
        if digits > 0 {
            return Some(length + 1 + digits);
        }
        let letters = run(behind, |byte| byte.is_ascii_uppercase());
        if letters == 0 {
            return None;
        }
        length += 1 + letters;
    }
    None
}

fn run(text: &str, fits: impl Fn(u8) -> bool) -> usize {
    text.bytes().take_while(|byte| fits(*byte)).count()
}

/// Takes an ordinal such as `1.` or `2)` off: it says the place in a list, which changes, and names nothing.
pub(super) fn without_ordinal(text: &str) -> &str {
    let digits = run(text, |byte| byte.is_ascii_digit());
    let rest = text[digits..].strip_prefix(['.', ')']);
    match rest {
        Some(rest) if digits > 0 && rest.starts_with(char::is_whitespace) => rest.trim_start(),
        _ => text,
    }
}

/// Returns the first words of an item, lower case with dashes; `item` if it has none.
pub(super) fn words_id(text: &str) -> String {
    slug(text.split_whitespace(), WORDS)
}

/// Returns all words of a heading, lower case with dashes; `item` if it has none.
pub(super) fn heading_id(text: &str) -> String {
    slug(text.split_whitespace(), usize::MAX)
}

fn slug<'t>(words: impl Iterator<Item = &'t str>, most: usize) -> String {
    let mut id = String::new();
    let mut length = 0;
    for word in words.filter_map(slug_word).take(most) {
        let added = word.chars().count() + 1;
        if length > 0 && length + added > LONGEST_PART {
            break;
        }
        if length > 0 {
            id.push('-');
        }
        id.push_str(&word);
        length += added;
    }
    if id.is_empty() { "item".to_owned() } else { id }
}

/// Returns the letters and digits of a word, with a dash for what stands between them; `None` for a word without any.
fn slug_word(word: &str) -> Option<String> {
    let mut slug = String::new();
    let parts = word
        .split(|character: char| !character.is_alphanumeric())
        .filter(|part| !part.is_empty());
    for part in parts {
        if !slug.is_empty() {
            slug.push('-');
        }
        slug.extend(part.chars().flat_map(char::to_lowercase));
    }
    let cut = slug.char_indices().nth(LONGEST_PART);
    if let Some((end, _)) = cut {
        slug.truncate(end);
    }
    (!slug.is_empty()).then_some(slug)
}

/// Gives out each id once: a second item gets `-2`, a third `-3`.
#[derive(Default)]
pub(super) struct Ids {
    /// How often each text was asked for; a text that was given out counts as asked for once.
    asked: HashMap<String, usize>,
}

impl Ids {
    pub(super) fn unique(&mut self, id: String) -> String {
        let mut times = *self
            .asked
            .entry(id.clone())
            .and_modify(|times| *times += 1)
            .or_insert(1);
        if times == 1 {
            return id;
        }
        loop {
            let numbered = format!("{id}-{times}");
            if !self.asked.contains_key(&numbered) {
                self.asked.insert(numbered.clone(), 1);
                self.asked.insert(id, times);
                return numbered;
            }
            times += 1;
        }
    }
}
