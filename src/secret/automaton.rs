//! The automaton that follows all patterns at once, and knows how much of the text it still needs.

use std::collections::{BTreeSet, HashMap};

use aho_corasick::{
    Anchored, BuildError, MatchKind,
    automaton::{Automaton as _, StateID},
    nfa::contiguous::NFA,
};

/// Where the automaton stands: which beginnings of patterns the text ends with.
pub(super) type State = StateID;

/// Whether a byte ends a line, or the first half of its end.
#[inline]
pub(super) fn is_break(byte: u8) -> bool {
    byte == b'\n' || byte == b'\r'
}

/// All patterns of a mask.
pub(super) struct Patterns {
    nfa: NFA,
    start: State,
    /// States in which the text ends with an unfinished pattern, with the length of the longest one; sorted by state.
    unfinished: Box<[(State, u32)]>,
}

impl Patterns {
    pub(super) fn build(patterns: &BTreeSet<Vec<u8>>) -> Result<Self, BuildError> {
        let nfa = NFA::builder()
            .match_kind(MatchKind::Standard)
            .prefilter(false)
            .build(patterns)?;
        let start = nfa
            .start_state(Anchored::No)
            .expect("the contiguous automaton searches without an anchor");
        let unfinished = unfinished(&nfa, start, patterns);
        Ok(Self {
            nfa,
            start,
            unfinished,
        })
    }

    pub(super) fn start(&self) -> State {
        self.start
    }

    #[inline]
    pub(super) fn step(&self, state: State, byte: u8) -> State {
        self.nfa.next_state(Anchored::No, state, byte)
    }

    /// Follows the text to its first line break, which is left, or to the first byte with which a pattern ends.
    /// Returns how many bytes that were.
    pub(super) fn follow(&self, state: &mut State, text: &[u8]) -> usize {
        let mut current = *state;
        let mut followed = text.len();
        for (index, &byte) in text.iter().enumerate() {
            if is_break(byte) {
                followed = index;
                break;
            }
            current = self.step(current, byte);
            if self.nfa.is_special(current) && self.nfa.is_match(current) {
                followed = index + 1;
                break;
            }
        }
        *state = current;
        followed
    }

    /// Returns the length of the longest pattern that the text ends with in this state.
    #[inline]
    pub(super) fn longest_match(&self, state: State) -> Option<usize> {
        if !self.nfa.is_special(state) || !self.nfa.is_match(state) {
            return None;
        }
        (0..self.nfa.match_len(state))
            .map(|index| self.nfa.pattern_len(self.nfa.match_pattern(state, index)))
            .max()
    }

    /// Returns how many bytes at the end of the text may still become a pattern.
    pub(super) fn unfinished(&self, state: State) -> usize {
        self.unfinished
            .binary_search_by_key(&state, |&(state, _)| state)
            .map_or(0, |place| self.unfinished[place].1 as usize)
    }
}

/// Reads the lengths off the automaton: the state after the first `n` bytes of a pattern stands for exactly these.
fn unfinished(nfa: &NFA, start: State, patterns: &BTreeSet<Vec<u8>>) -> Box<[(State, u32)]> {
    let step = |state, &byte: &u8| nfa.next_state(Anchored::No, state, byte);
    let mut lengths = HashMap::new();
    for pattern in patterns {
        let mut state = start;
        for (length, byte) in (1_u32..).zip(&pattern[..pattern.len() - 1]) {
            state = step(state, byte);
            lengths.insert(state, length);
        }
    }
    // A whole pattern with no longer one behind it is done; what may go on is the longest beginning among its ends.
    // Shorter patterns come first, so that the answer for an end that is itself a whole pattern is there.
    let mut by_length: Vec<&Vec<u8>> = patterns.iter().collect();
    by_length.sort_by_key(|pattern| pattern.len());
    for pattern in by_length {
        let whole = pattern.iter().fold(start, step);
        let longest_end = pattern[1..].iter().fold(start, step);
        if let Some(&length) = lengths.get(&longest_end) {
            lengths.entry(whole).or_insert(length);
        }
    }
    let mut lengths: Vec<_> = lengths.into_iter().collect();
    lengths.sort_unstable();
    lengths.into_boxed_slice()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unfinished_after(patterns: &[&str], text: &str) -> usize {
        let patterns = patterns
            .iter()
            .map(|text| text.as_bytes().to_vec())
            .collect();
        let patterns = Patterns::build(&patterns).expect("a few patterns fit");
        let state = text
            .bytes()
            .fold(patterns.start(), |state, byte| patterns.step(state, byte));
        patterns.unfinished(state)
    }

    #[test]
    fn only_the_beginning_of_a_pattern_is_unfinished() {
        let patterns = ["secret", "crown"];
        assert_eq!(unfinished_after(&patterns, "no "), 0);
        assert_eq!(unfinished_after(&patterns, "a sec"), 3);
        assert_eq!(unfinished_after(&patterns, "a secr"), 4);
        assert_eq!(unfinished_after(&patterns, "a secro"), 3);
    }

    #[test]
    fn a_whole_pattern_is_finished_unless_its_end_begins_another() {
        assert_eq!(unfinished_after(&["secret"], "secret"), 0);
        assert_eq!(unfinished_after(&["secret", "secrets"], "secret"), 6);
        assert_eq!(unfinished_after(&["secret", "retina"], "secret"), 3);
        assert_eq!(unfinished_after(&["abcd", "bcd", "cdx"], "abcd"), 2);
    }
}
